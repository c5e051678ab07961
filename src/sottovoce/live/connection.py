"""One WebSocket: what is to go out waits here, bounded, until the client takes it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from sottovoce.core.limits import OUTBOX_BYTES

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
"""ASGI's send. Raises OSError once the client is gone."""


CLOSE_S = 10.0
"""A client that has not taken all that was for it by then is not there any more."""


class Close(msgspec.Struct, frozen=True):
    """A close code and the words that go with it."""

    code: int
    reason: str


ENDED = Close(1000, "the session has ended")
GOING_AWAY = Close(1001, "the server is stopping")
SERVER_FAULT = Close(1011, "the server failed")
NOT_THE_PROTOCOL = Close(4400, "these are not messages of this protocol")
TICKET_REFUSED = Close(4401, "the ticket is unknown, used, late or another page's: open a new session")
FOREIGN_ORIGIN = Close(4403, "pages of this origin may not connect: see allowed_origins")
NO_SUCH_SESSION = Close(4404, "no such session")
SILENT_TOO_LONG = Close(4408, "silent for too long")
NOT_READING = Close(4408, "what was sent is not being read")
TAKEN_OVER = Close(4409, "a newer connection took over")
TOO_FAST = Close(4429, "audio faster than twice real time, or too many messages")


class Connection:
    """The sending half of a WebSocket."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._outbox: deque[tuple[bytes | str, int]] = deque()
        """Messages and their sizes in bytes."""
        self._bytes = 0
        self._wake = asyncio.Event()
        self._close: Close | None = None
        self._abandon: asyncio.TimerHandle | None = None
        self.abort: Callable[[], None] | None = None
        """Ends the connection without another word, if whoever carries it offers that."""

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken, either way."""
        return self._close is not None

    def send_event(self, event: bytes) -> None:
        """An event's JSON text."""
        self._put(event.decode(), len(event))

    def send_sound(self, pcm: bytes) -> None:
        """A piece of sound."""
        self._put(pcm, len(pcm))

    def _put(self, message: bytes | str, size: int) -> None:
        if self._close is not None:
            return
        self._bytes += size
        if self._bytes > OUTBOX_BYTES:
            self._outbox.clear()
            self.close(NOT_READING)
            return
        self._outbox.append((message, size))
        self._wake.set()

    def drop_sound(self) -> None:
        """Send none of the sound that still waits."""
        kept = [(message, size) for message, size in self._outbox if isinstance(message, str)]
        self._outbox.clear()
        self._outbox.extend(kept)
        self._bytes = sum(size for _, size in kept)

    def close(self, close: Close) -> None:
        """Close once all that waits is sent, or cut it off if that takes too long; the first close counts."""
        if self._close is None:
            self._close = close
            self._wake.set()
            self._abandon = asyncio.get_running_loop().call_later(CLOSE_S, self._cut)

    def _cut(self) -> None:
        if self.abort is not None:
            self.abort()

    async def write(self) -> None:
        """Send what comes until it is closed. Raises OSError once the client is gone."""
        try:
            await self._write()
        finally:
            if self._abandon is not None:
                self._abandon.cancel()

    async def _write(self) -> None:
        outbox = self._outbox
        while True:
            while outbox:
                message, size = outbox.popleft()
                self._bytes -= size
                if isinstance(message, str):
                    await self._send({"type": "websocket.send", "text": message})
                else:
                    await self._send({"type": "websocket.send", "bytes": message})
            if self._close is not None:
                await self._send({"type": "websocket.close", "code": self._close.code, "reason": self._close.reason})
                return
            self._wake.clear()
            await self._wake.wait()
