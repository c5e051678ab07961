import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from sottovoce.core.limits import OUTBOX_BYTES
from sottovoce.live.connection import ENDED, NOT_READING, SERVER_FAULT, Connection


class Client:
    """The far end: takes messages while its gate is open."""

    def __init__(self) -> None:
        self.got: list[MutableMapping[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.gate.wait()
        self.got.append(message)


async def test_messages_go_out_in_order_and_the_close_comes_last() -> None:
    client = Client()
    connection = Connection(client.send)
    connection.send_event(b'{"a":1}')
    connection.send_sound(b"ab")
    connection.close(ENDED)
    connection.close(SERVER_FAULT)
    connection.send_event(b"late")
    await connection.write()
    assert client.got == [
        {"type": "websocket.send", "text": '{"a":1}'},
        {"type": "websocket.send", "bytes": b"ab"},
        {"type": "websocket.close", "code": 1000, "reason": "the session has ended"},
    ]


async def test_sound_that_still_waits_can_be_dropped_and_events_stay() -> None:
    client = Client()
    connection = Connection(client.send)
    for _ in range(5):
        connection.send_sound(bytes(3_200))
        connection.send_event(b"{}")
    connection.drop_sound()
    connection.close(ENDED)
    await connection.write()
    assert [message.get("text") for message in client.got[:-1]] == ["{}"] * 5


async def test_a_client_that_does_not_read_is_cut_off_before_it_costs_more() -> None:
    client = Client()
    client.gate.clear()
    connection = Connection(client.send)
    writing = asyncio.create_task(connection.write())
    for _ in range(OUTBOX_BYTES // 1_000 + 100):
        connection.send_sound(bytes(1_000))
        await asyncio.sleep(0)
    assert connection.closing
    client.gate.set()
    await writing
    assert client.got[-1]["code"] == NOT_READING.code
    assert len(client.got) <= 3, "what waited is dropped"


async def test_a_client_that_is_gone_ends_the_writing() -> None:
    async def gone(_message: MutableMapping[str, Any]) -> None:
        raise ConnectionResetError

    connection = Connection(gone)
    connection.send_event(b"{}")
    with pytest.raises(OSError):  # noqa: PT011 - whichever the transport raises
        await connection.write()
