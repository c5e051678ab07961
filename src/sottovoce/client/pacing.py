"""How fast sound is sent: at the speed of speech, or as fast as a server takes it (10 s at once, twice real time on
average; more is closed with 4429)."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator

from sottovoce.client.voice import BYTES_PER_SECOND, VoiceSession

FRAME_MS = 20
RUSH_MS = 100
"""Messages of a rush: fewer, longer."""
RUSH_SPEED = 1.9
RUSH_BURST_S = 6.0
"""Below the server's limits, as a network may hold sound back and then bring it all at once."""
UNCONFIRMED_S = 1.0
"""Of a rush, no more than twice this is on its way: so what a stall piles up stays below the server's burst, too."""


def frames(sound: Iterable[bytes], frame_ms: int) -> Iterator[bytes]:
    """Sound (16 kHz, 16-bit, mono) in pieces of `frame_ms`; the last may be shorter."""
    size = BYTES_PER_SECOND * frame_ms // 1000
    held = bytearray()
    for piece in sound:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


class RealTime:
    """Sends at the speed of speech, on an absolute clock, so that no error adds up."""

    def __init__(self, session: VoiceSession) -> None:
        self._session = session
        self._clock = asyncio.get_running_loop().time
        self._due = 0.0

    async def send(self, sound: Iterable[bytes]) -> None:
        """Sound of 16 kHz, 16-bit, mono. Raises StreamClosed."""
        self._due = max(self._due, self._clock())
        for frame in frames(sound, FRAME_MS):
            await asyncio.sleep(max(0.0, self._due - self._clock()))
            self._due += len(frame) / BYTES_PER_SECOND
            await self._session.send_sound(frame)


class Rush:
    """Sends as fast as the server takes it."""

    def __init__(self, session: VoiceSession) -> None:
        self._session = session
        self._clock = asyncio.get_running_loop().time
        self._allowed_s = RUSH_BURST_S
        self._at = self._clock()
        self._unconfirmed_s = 0.0
        self._confirmation: Awaitable[float] | None = None

    async def send(self, sound: Iterable[bytes]) -> None:
        """Sound of 16 kHz, 16-bit, mono. Raises StreamClosed."""
        for frame in frames(sound, RUSH_MS):
            length_s = len(frame) / BYTES_PER_SECOND
            await self._allowance(length_s)
            await self._session.send_sound(frame)
            self._unconfirmed_s += length_s
            if self._unconfirmed_s >= UNCONFIRMED_S:
                await self._confirm()

    async def _allowance(self, length_s: float) -> None:
        while True:
            now = self._clock()
            self._allowed_s = min(RUSH_BURST_S, self._allowed_s + (now - self._at) * RUSH_SPEED)
            self._at = now
            if self._allowed_s >= length_s:
                self._allowed_s -= length_s
                return
            await asyncio.sleep((length_s - self._allowed_s) / RUSH_SPEED)

    async def _confirm(self) -> None:
        """Wait until the server has read all but the newest second."""
        earlier, self._confirmation = self._confirmation, await self._session.ping()
        self._unconfirmed_s = 0.0
        if earlier is not None:
            await earlier
