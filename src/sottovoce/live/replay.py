"""What was told last, so that a client whose connection broke gets what it missed: each event once, in order."""

from collections import deque

KEPT_EVENTS = 256
KEPT_BYTES = 64 * 1024


class Replay:
    """The newest events of one session's stream, bounded. Numbers rise by one from 1."""

    __slots__ = ("_bytes", "_events", "newest")

    def __init__(self) -> None:
        self.newest = 0
        self._events: deque[bytes] = deque()
        self._bytes = 0

    def keep(self, event: bytes) -> None:
        """The next event."""
        self.newest += 1
        self._events.append(event)
        self._bytes += len(event)
        while len(self._events) > KEPT_EVENTS or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._events.popleft())

    def after(self, number: int) -> tuple[int, list[bytes]]:
        """How many of the events behind that number are not kept any more, and those that are."""
        missed = max(0, self.newest - number)
        kept = list(self._events)[-missed:] if missed else []
        return missed - len(kept), kept
