"""The short way for sound, over a raw socket: however bytes are cut, it does what the library alone would do."""

import asyncio
import json
import random
import struct
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from sottovoce.app import make_config
from tests.http import conftest
from tests.http.conftest import Serve, Server


class RawClient:
    """Frames as bytes on a socket, cut as the test likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: ClientProtocol) -> None:
        self.reader, self.writer, self.protocol = reader, writer, protocol

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, url: str, *, at_once: bytes = b"", offers: Sequence[str] = ()
    ) -> "AsyncGenerator[RawClient, None]":
        """`at_once` is sent with the handshake, before it is answered; `offers` are subprotocols."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        protocol = ClientProtocol(parse_uri(url), subprotocols=[Subprotocol(each) for each in offers] or None)
        protocol.send_request(protocol.connect())
        writer.write(b"".join(protocol.data_to_send()))
        if at_once:
            await asyncio.sleep(0.05)
            writer.write(at_once)
        client = cls(reader, writer, protocol)
        while protocol.state.name == "CONNECTING":
            protocol.receive_data(await reader.read(65_536))
        yield client
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def send_cut(self, data: bytes, rng: random.Random) -> None:
        while data:
            size = rng.choice([1, 2, 3, 5, 7, 64, 700, 4_000])
            self.writer.write(data[:size])
            data = data[size:]
            await self.writer.drain()
            if rng.random() < 0.5:
                await asyncio.sleep(0)

    async def events(self, until: str) -> list[str]:
        """The types of the events that come, up to the first of that type; "pong" for pongs."""
        seen: list[str] = []
        async with asyncio.timeout(20):
            while until not in seen:
                for event in self.protocol.events_received():
                    if not isinstance(event, Frame):
                        continue  # the answer to the handshake
                    if event.opcode is Opcode.TEXT:
                        seen.append(json.loads(bytes(event.data))["type"])
                    elif event.opcode in {Opcode.PONG, Opcode.CLOSE}:
                        seen.append(event.opcode.name.lower())
                if until not in seen:
                    data = await self.reader.read(65_536)
                    if data:
                        self.protocol.receive_data(data)
                    else:
                        self.protocol.receive_eof()
                        seen.append("eof")
                        if until != "eof":
                            break
        return seen


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=True, extensions=[])


def text(event: Mapping[str, object]) -> bytes:
    return frame(Opcode.TEXT, json.dumps(event).encode())


async def _stats(server: Server, url: str) -> dict[str, int]:
    session_id = url.partition("session_id=")[2].partition("&")[0]
    stats: dict[str, int] = (await server.http.get(f"/api/v1/sessions/{session_id}/stats")).json()
    return stats


@pytest.mark.parametrize("seed", range(6))
async def test_however_the_bytes_are_cut_every_message_arrives_once_and_in_order(server: Server, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - chance, not secrets
    url = (await server.session())["websocket_url"]
    async with RawClient.connect(url) as client:
        data, sounds, items = b"", 0, []
        for number in range(60):
            kind = rng.choice(["sound", "sound", "sound", "empty", "big", "fragments", "ping", "text", "pong"])
            if kind == "sound":
                data += frame(Opcode.BINARY, bytes(2 * rng.randrange(1, 400)))
            elif kind == "empty":
                data += frame(Opcode.BINARY, b"")
            elif kind == "big":
                data += frame(Opcode.BINARY, bytes(2_000))
            elif kind == "fragments":
                data += frame(Opcode.BINARY, bytes(101), fin=False) + frame(Opcode.PING, b"in between")
                data += frame(Opcode.CONT, bytes(99))
            elif kind == "ping":
                data += frame(Opcode.PING, b"are you there")
            elif kind == "pong":
                data += frame(Opcode.PONG, b"unasked")
            else:
                items.append(f"item{number}")
                content = [{"type": "input_text", "text": "x"}]
                item = {"id": items[-1], "type": "message", "role": "user", "content": content}
                data += text({"type": "conversation.item.create", "item": item})
            sounds += kind in {"sound", "empty", "big", "fragments"}
        data += text({"type": "input_audio_buffer.clear"})
        await client.send_cut(data, rng)
        seen = await client.events("input_audio_buffer.cleared")
        assert "error" not in seen
        assert seen.count("conversation.item.done") == len(items)
        assert (await _stats(server, url))["audio_chunks_received"] == sounds


async def test_text_and_sound_keep_their_order(server: Server) -> None:
    url = (await server.session())["websocket_url"]
    async with RawClient.connect(url) as client:
        manual = {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}}
        commit = text({"type": "input_audio_buffer.commit"})
        client.writer.write(text(manual) + (frame(Opcode.BINARY, bytes(640)) + commit) * 5 + commit)
        seen = await client.events("error")
        assert seen.count("input_audio_buffer.committed") == 5, "the sixth commit has nothing to commit"


async def test_what_comes_before_the_handshake_is_answered_is_not_lost(server: Server) -> None:
    url = (await server.session())["websocket_url"]
    whole = frame(Opcode.BINARY, bytes(640)) * 3 + text({"type": "input_audio_buffer.clear"})
    async with RawClient.connect(url, at_once=whole[:1_000]) as client:
        client.writer.write(whole[1_000:])
        await client.events("input_audio_buffer.cleared")
        assert (await _stats(server, url))["audio_chunks_received"] == 3


async def test_the_short_way_is_open_to_streams_with_a_subprotocol(server: Server) -> None:
    url, ticket = (await server.session())["websocket_url"].split("&ticket=")
    async with RawClient.connect(url, offers=["sottovoce.v1", f"ticket.{ticket}"]) as client:
        client.writer.write(frame(Opcode.BINARY, bytes(640)) * 3 + text({"type": "input_audio_buffer.clear"}))
        await client.events("input_audio_buffer.cleared")
        assert client.protocol.subprotocol == "sottovoce.v1"
        assert (await _stats(server, url))["audio_chunks_received"] == 3


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (b"\x82\x02ab", 1002),  # not masked
        (b"\xc2\x82\0\0\0\0ab", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # a reserved opcode
        (b"\x80\x82\0\0\0\0ab", 1002),  # goes on with nothing
        (b"\x02\x82\0\0\0\0ab" + b"\x82\x82\0\0\0\0ab", 1002),  # a new message within another
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007),  # no UTF-8
        (b"\x82\xff" + struct.pack(">Q", 1 << 40) + b"\0\0\0\0", 1009),
        (b"\x82\xff" + struct.pack(">Q", (1 << 63) + 1) + b"\0\0\0\0", 1002),
    ],
)
async def test_what_is_against_the_protocol_is_closed_as_the_rfc_says(server: Server, wrong: bytes, code: int) -> None:
    url = (await server.session())["websocket_url"]
    async with RawClient.connect(url) as client:
        client.writer.write(frame(Opcode.BINARY, bytes(640)) + wrong)
        await client.events("eof")
        assert client.protocol.close_rcvd is not None
        assert client.protocol.close_rcvd.code in {code, 1009 if code == 1002 else code}
        assert (await _stats(server, url))["audio_chunks_received"] == 1


async def test_closing_is_answered(server: Server) -> None:
    url = (await server.session())["websocket_url"]
    async with RawClient.connect(url) as client:
        client.writer.write(frame(Opcode.CLOSE, struct.pack(">H", 1000)))
        await client.events("close")
        assert client.protocol.close_rcvd is not None
        assert client.protocol.close_rcvd.code == 1000


async def test_a_client_that_answers_no_ping_is_closed_as_silent_and_its_session_waits(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quick(*args: Any) -> uvicorn.Config:
        config = make_config(*args)
        config.ws_ping_interval = config.ws_ping_timeout = 0.3
        return config

    monkeypatch.setattr(conftest, "make_config", quick)
    server = await serve()
    session = await server.session()
    async with RawClient.connect(session["websocket_url"]) as client:
        async with asyncio.timeout(10):
            heard = await client.reader.read()  # it hears, and never says a word
        client.protocol.receive_data(heard)
        assert client.protocol.close_rcvd is not None
        assert client.protocol.close_rcvd.code == 4408
    view = (await server.http.get(f"/api/v1/sessions/{session['id']}")).json()
    assert view["status"] == "suspended"
