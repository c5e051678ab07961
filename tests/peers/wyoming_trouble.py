"""Wyoming servers that misbehave, written byte by byte, since no real one would."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

SOUND = b"\x01\x02" * 1600

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def event(kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> bytes:
    body = json.dumps(data or {}).encode()
    head = {"type": kind, "data_length": len(body), "payload_length": len(payload)}
    return json.dumps(head).encode() + b"\n" + body + payload


def info(*, streams: bool = False, languages: tuple[str, ...] = ("en",), names: tuple[str, ...] = ("one",)) -> bytes:
    offers = [{"name": name, "languages": list(languages), "installed": True} for name in names]
    return event(
        "info",
        {
            "asr": [{"name": "x", "models": offers, "supports_transcript_streaming": streams}],
            "tts": [{"name": "x", "voices": offers, "supports_synthesize_streaming": streams}],
        },
    )


def sound(pcm: bytes = SOUND, rate: int = 16_000, width: int = 2, channels: int = 1) -> bytes:
    return event("audio-chunk", {"rate": rate, "width": width, "channels": channels}, pcm)


GOOD = sound() + event("audio-stop")


class Misbehaving:
    """A server that tells properly what it can do, says the word that the start asks for, and then does as scripted."""

    def __init__(self, script: Script, described: bytes) -> None:
        self._script = script
        self._described = described
        self.asked: list[str] = []
        """The types of the events that came, of all connections."""
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many are open."""
        return sum(not task.done() for task in self._serving)

    async def close(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = ""
        while line := await reader.readline():
            head = json.loads(line)
            data = json.loads(await reader.readexactly(head.get("data_length", 0)) or b"{}")
            await reader.readexactly(head.get("payload_length", 0))
            self.asked.append(head["type"])
            text += data.get("text", "")
            if head["type"] == "describe":
                writer.write(self._described)
            elif head["type"] in {"synthesize", "synthesize-stop"} and text.strip() == "Hello.":
                writer.write(GOOD + event("synthesize-stopped"))
            elif head["type"] in {"audio-stop", "synthesize", "synthesize-stop"}:
                await self._script(reader, writer)
            await writer.drain()


@asynccontextmanager
async def misbehaving(script: Script, described: bytes = b"") -> AsyncIterator[tuple[str, Misbehaving]]:
    peer = Misbehaving(script, described or info())
    server = await asyncio.start_server(peer.accept, "127.0.0.1", 0)
    try:
        yield f"wyoming://127.0.0.1:{server.sockets[0].getsockname()[1]}", peer
    finally:
        server.close()
        await peer.close()


def says(*data: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(data))

    return script


def forever(data: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0)

    return script


async def leaves(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def is_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    assert await reader.read() == b""
