"""The one timer of the node: drives the detector and the deadlines, and measures how late the event loop runs."""

import asyncio
import math
from collections.abc import Callable

import structlog

from sottovoce.logs import place

log = structlog.get_logger()

TICK_S = 0.016
"""Half a window of the detector's: a window waits 8 ms on average."""
DEADLINES_EVERY = 4
SMOOTHING_S = 5.0
"""Of the lag: about the last five seconds count. A burst of callers is no overload."""


class Pulse:
    """Calls `tick` every 16 ms and `deadlines` every 64 ms."""

    def __init__(
        self, tick: Callable[[], object], deadlines: Callable[[], object], measured: Callable[[float], object]
    ) -> None:
        self.lag_s = 0.0
        self._tick = tick
        self._deadlines = deadlines
        self._measured = measured
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        count = 0
        while True:
            planned, before = due + TICK_S, clock()
            due = max(planned, before)
            await asyncio.sleep(due - before)
            now = clock()
            # A late tick counts as much as a late loop: both are time that nobody was served.
            self.lag_s += (1 - math.exp(-(now - planned + TICK_S) / SMOOTHING_S)) * (now - planned - self.lag_s)
            count += 1
            try:
                self._tick()
                if count % DEADLINES_EVERY == 0:
                    self._deadlines()
                    self._measured(self.lag_s)
            except Exception as error:  # noqa: BLE001 - the heart beats on; a session's own faults end in that session
                log.error("pulse_failed", error=type(error).__name__, where=place(error))
