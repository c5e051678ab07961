"""Time that passes only when a test says so."""

import asyncio
import heapq
from datetime import datetime

ROUNDS = 50
"""Turns of the event loop after which everything that can go on has gone on."""


class VirtualTime:
    """A wall clock, and sleep by it."""

    def __init__(self, start: datetime) -> None:
        self._now = start.timestamp()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    def clock(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, woken))
        await woken.wait()

    async def pass_(self, seconds: float) -> None:
        """Let so much time pass, waking everybody in turn."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            await settle()
        self._now = end


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
