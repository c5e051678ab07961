import pytest
import websockets

from sottovoce.http.origins import Origins
from tests.http.conftest import Serve, Server, Stream

HERE = "127.0.0.1:8765"


@pytest.mark.parametrize(
    ("origin", "host", "admitted"),
    [
        (None, HERE, True),
        ("http://127.0.0.1:8765", HERE, True),
        ("http://localhost:8765", "localhost:8765", True),
        ("http://[::1]:8765", "[::1]:8765", True),
        ("http://127.0.0.1:9999", HERE, False),
        ("http://evil.example", HERE, False),
        ("http://evil.example:8765", "evil.example:8765", False),  # a name that was pointed here
        ("null", HERE, False),
        ("", HERE, False),
        ("https://app.example.org", HERE, True),
        ("https://app.example.org:444", HERE, False),
        ("http://app.example.org", HERE, False),
    ],
)
def test_pages_of_this_machine_and_those_that_are_listed(origin: str | None, host: str, admitted: bool) -> None:
    headers = {"host": host} if origin is None else {"host": host, "origin": origin}
    assert Origins(None, ["https://app.example.org"]).admit(headers) is admitted


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        ("https://voice.example.org", True),
        ("https://voice.example.org:443", True),
        ("http://voice.example.org", False),
        ("http://127.0.0.1:8765", False),
    ],
)
def test_with_a_public_url_same_origin_is_that(origin: str, admitted: bool) -> None:
    origins = Origins("https://voice.example.org/sotto", [])
    assert origins.admit({"host": HERE, "origin": origin}) is admitted


async def test_a_page_of_another_origin_is_refused_and_its_ticket_stays_good(server: Server) -> None:
    session = await server.session()
    async with websockets.connect(session["websocket_url"], origin=websockets.Origin("http://evil.example")) as ws:
        assert (await Stream(ws).closed())[0] == 4403
    async with server.stream(session["websocket_url"]) as stream:
        await stream.until("session.created")


async def test_a_listed_origin_may_use_rest_and_the_stream(serve: Serve) -> None:
    server = await serve(allowed_origins="https://app.example.org")
    asks = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
    allowed = await server.http.options("/api/v1/sessions", headers=asks)
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.org"
    refused = await server.http.options("/api/v1/sessions", headers=asks | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    session = await server.session()
    async with websockets.connect(session["websocket_url"], origin=websockets.Origin("https://app.example.org")) as ws:
        await Stream(ws).until("session.created")
