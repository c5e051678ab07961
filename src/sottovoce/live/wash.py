"""What stays in a process after a session has ended though nobody holds it any more, and how it goes.

uvloop reads everything that comes in, from clients and from the workers of engines, into one buffer of the loop, and
leaves it there until something longer comes: zeros are sent through. What refers to itself in circles is freed only
when Python's collector comes by: it is called.
"""

import asyncio
import contextlib
import gc
import socket
import time
from typing import Final

READ_BYTES: Final = 1 << 18
"""At least the size of a loop's buffer: uvloop's has 256,000 bytes."""
SOON_S: Final = 0.2
"""Sessions that end together share one collection."""
SHARE: Final = 50
"""Collecting takes at most one part in so many of the time, since everybody waits meanwhile. With few sessions it takes
some milliseconds, with tens of thousands a tenth of a second and more."""


class _Zeros(asyncio.Protocol):
    """The end at which zeros arrive."""

    def __init__(self) -> None:
        self.wanted = 0
        self.came: asyncio.Event = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Some of them."""
        self.wanted -= len(data)
        if self.wanted <= 0:
            self.came.set()


class Wash:
    """Of one process."""

    def __init__(self) -> None:
        self._zeros = _Zeros()
        self._into: socket.socket | None = None
        self._out: asyncio.BaseTransport | None = None
        self._washing = asyncio.Lock()
        self._begun = 0
        self._collected_at = 0.0
        self._took_s = 0.0
        self._soon: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Make the pipe that zeros go through."""
        self._into, out = socket.socketpair()
        with contextlib.suppress(OSError):  # as much as the system allows; what does not fit comes in two pieces
            self._into.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * READ_BYTES)
        self._into.settimeout(0)
        out.settimeout(0)
        self._out, _ = await asyncio.get_running_loop().create_connection(lambda: self._zeros, sock=out)

    def close(self) -> None:
        """No more of it."""
        if self._soon is not None:
            self._soon.cancel()
        if self._into is not None and self._out is not None:
            self._into.close()
            self._out.close()
        self._into = None

    async def session_ended(self) -> None:
        """What came in for it is overwritten when this returns; what is in circles goes a little later."""
        if self._into is None:
            return
        if self._soon is None:
            now = time.monotonic()
            wait_s = max(SOON_S, self._collected_at + SHARE * self._took_s - now)
            self._soon = asyncio.get_running_loop().call_later(wait_s, self._collect)
        begun = self._begun
        async with self._washing:
            if self._begun > begun + 1:
                return  # one began after this session had ended, and is done
            self._begun += 1
            await self._send_zeros()

    async def _send_zeros(self) -> None:
        into = self._into
        if into is None:
            return
        self._zeros.came.clear()
        self._zeros.wanted = READ_BYTES
        await asyncio.get_running_loop().sock_sendall(into, bytes(READ_BYTES))
        await self._zeros.came.wait()

    def _collect(self) -> None:
        self._soon = None
        began = time.monotonic()
        gc.collect()
        self._collected_at = time.monotonic()
        self._took_s = self._collected_at - began
