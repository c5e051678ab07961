"""How a stream is opened: where its ticket may stand, from where it opens, and that it opens once."""

from typing import Any

import pytest
import websockets
from websockets.typing import Subprotocol

from sottovoce.wire.subprotocol import PROTOCOL, offer
from tests.http.conftest import KEY, Serve, Server, Stream

APP = "https://app.example.org"
OTHER = "https://other.example.org"
REFUSED = 4401


def parts(session: dict[str, Any]) -> tuple[str, str]:
    """The address without its ticket, and the ticket."""
    address, _, ticket = session["websocket_url"].partition("&ticket=")
    return address, ticket


async def tried(address: str, *, offers: list[str] | None = None, origin: str | None = None) -> tuple[int, str | None]:
    """The close code, 0 if the stream opens, and the protocol that the server took."""
    protocols = None if offers is None else [Subprotocol(each) for each in offers]
    sender = None if origin is None else websockets.Origin(origin)
    async with websockets.connect(address, subprotocols=protocols, origin=sender) as ws:
        try:
            assert '"session.created"' in str(await ws.recv())
        except websockets.ConnectionClosed as closed:
            return (1006 if closed.rcvd is None else closed.rcvd.code), ws.subprotocol
        return 0, ws.subprotocol


async def created(server: Server, origin: str | None = None) -> dict[str, Any]:
    """A session that a page of this origin has opened."""
    body = {"namespace_id": "school.1", "key_hash": KEY, "device_type": "web", "client_version": "1.0"}
    headers = {} if origin is None else {"Origin": origin}
    response = await server.http.post("/api/v1/sessions", json=body, headers=headers)
    view: dict[str, Any] = response.raise_for_status().json()
    return view


@pytest.fixture
async def listed(serve: Serve) -> Server:
    """A server that pages of two other sites may use."""
    return await serve(allowed_origins=f"{APP},{OTHER}")


async def test_a_ticket_among_the_subprotocols_opens_once_and_is_not_sent_back(server: Server) -> None:
    address, ticket = parts(await server.session())
    assert await tried(address, offers=offer(ticket)) == (0, PROTOCOL)
    assert await tried(address, offers=offer(ticket)) == (REFUSED, PROTOCOL)


async def test_a_ticket_in_the_address_opens_whatever_protocol_is_offered(server: Server) -> None:
    assert await tried((await server.session())["websocket_url"]) == (0, None)
    assert await tried((await server.session())["websocket_url"], offers=[PROTOCOL]) == (0, PROTOCOL)
    assert await tried((await server.session())["websocket_url"], offers=["chat"]) == (0, None)


async def test_the_ticket_among_the_subprotocols_is_the_one_that_counts(server: Server) -> None:
    session = await server.session()
    address, ticket = parts(session)
    assert await tried(session["websocket_url"], offers=offer("another")) == (REFUSED, PROTOCOL)
    assert await tried(f"{address}&ticket=another", offers=offer(ticket)) == (0, PROTOCOL)


async def test_a_wrong_ticket_uses_nothing_up(server: Server) -> None:
    address, ticket = parts(await server.session())
    _, others = parts(await server.session("school.2"))
    for offers in (None, [PROTOCOL], [f"ticket.{ticket}"], offer(""), offer(others)):
        assert (await tried(address, offers=offers))[0] == REFUSED
    assert await tried(address, offers=offer(ticket)) == (0, PROTOCOL)


async def test_a_page_s_ticket_opens_from_its_own_origin_only_and_stays_good_elsewhere(listed: Server) -> None:
    address, ticket = parts(await created(listed, APP))
    for origin in (OTHER, None):
        assert await tried(address, offers=offer(ticket), origin=origin) == (REFUSED, PROTOCOL)
    assert await tried(address, offers=offer(ticket), origin="https://app.example.org:443") == (0, PROTOCOL)


async def test_origins_that_are_none_open_nothing(listed: Server) -> None:
    address, ticket = parts(await created(listed, "null"))
    assert await tried(address, offers=offer(ticket), origin="null") == (4403, PROTOCOL)
    assert await tried(address, offers=offer(ticket)) == (REFUSED, PROTOCOL)


async def test_a_program_s_ticket_may_be_handed_to_any_page_that_is_listed(listed: Server) -> None:
    for origin in (APP, OTHER, None):
        address, ticket = parts(await created(listed))
        assert await tried(address, offers=offer(ticket), origin="https://evil.example") == (4403, PROTOCOL)
        assert await tried(address, offers=offer(ticket), origin=origin) == (0, PROTOCOL)


async def test_who_resumes_gets_a_ticket_for_its_own_origin(listed: Server) -> None:
    session = await created(listed, APP)
    path = f"/api/v1/sessions/{session['id']}/resume"
    address, ticket = parts((await listed.http.post(path, headers={"Origin": OTHER})).json())
    assert await tried(address, offers=offer(ticket), origin=APP) == (REFUSED, PROTOCOL)
    assert await tried(address, offers=offer(ticket), origin=OTHER) == (0, PROTOCOL)
    address, ticket = parts((await listed.http.post(path)).json())
    assert await tried(address, offers=offer(ticket), origin=APP) == (0, PROTOCOL)


async def test_a_conversation_over_a_stream_with_a_subprotocol(server: Server) -> None:
    address, ticket = parts(await server.session())
    async with websockets.connect(address, subprotocols=[Subprotocol(each) for each in offer(ticket)]) as ws:
        stream = Stream(ws)
        await stream.type("what time is it")
        await stream.until("response.done")
        assert stream.sound
