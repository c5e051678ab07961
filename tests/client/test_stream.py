import logging
import re

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request
from websockets.typing import Subprotocol

from sottovoce.client.stream import open_stream, without_ticket
from sottovoce.wire.subprotocol import PROTOCOL

TICKET = "xN4-Canary_9"
SAID = "the key is under the mat"


def test_an_address_without_its_ticket() -> None:
    address = "wss://voice.example.org/talk/ws/voice?session_id=a-b"
    assert without_ticket(f"{address}&ticket={TICKET}") == (address, TICKET)
    assert without_ticket(address) == (address, None)


async def test_the_ticket_is_in_no_address_and_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    requests: list[Request] = []

    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        requests.append(connection.request)
        await connection.send(await connection.recv())

    quiet = logging.getLogger("test.quiet")
    quiet.setLevel(logging.WARNING)
    ours = [Subprotocol(PROTOCOL)]
    async with serve(echo, "127.0.0.1", 0, subprotocols=ours, logger=quiet) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"ws://127.0.0.1:{port}/ws/voice?session_id=a-b&ticket={TICKET}"
        async with await open_stream(url, direct=True) as stream:
            assert stream.subprotocol == PROTOCOL
            await stream.send(SAID)
            assert await stream.recv() == SAID
        told = caplog.text
        async with connect(url, subprotocols=ours) as chatty:
            await chatty.send(SAID)
    request = requests[0]
    assert request.path == "/ws/voice?session_id=a-b"
    assert re.split(r", ?", request.headers["Sec-WebSocket-Protocol"]) == [PROTOCOL, f"ticket.{TICKET}"]
    assert TICKET not in told
    assert SAID not in told
    assert TICKET in caplog.text, "the test is worth nothing if the library would log nothing"
    assert SAID in caplog.text
