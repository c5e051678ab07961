"""A circuit breaker: who has failed several times in a row is left alone for a while, then tried once.

Michael T. Nygard, "Release It!", 2007. Times are seconds of a clock that never runs backwards.
"""

from enum import StrEnum


class BreakerState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    """They do."""
    HALF_OPEN = "half_open"
    """One does, to see."""
    OPEN = "open"
    """None does."""


class BreakerSignal(StrEnum):
    """What can happen to a breaker."""

    TRY = "try"
    """It has rested, and a call begins."""
    SUCCEED = "succeed"
    TRIP = "trip"
    """A call failed, and it was one too many."""
    ABANDON = "abandon"
    """Nobody wants to know any more how the call ends."""


TRANSITIONS: dict[tuple[BreakerState, BreakerSignal], BreakerState] = {
    (BreakerState.CLOSED, BreakerSignal.TRIP): BreakerState.OPEN,
    (BreakerState.OPEN, BreakerSignal.TRY): BreakerState.HALF_OPEN,
    (BreakerState.OPEN, BreakerSignal.SUCCEED): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, BreakerSignal.SUCCEED): BreakerState.CLOSED,
    (BreakerState.HALF_OPEN, BreakerSignal.TRIP): BreakerState.OPEN,
    (BreakerState.HALF_OPEN, BreakerSignal.ABANDON): BreakerState.OPEN,
}
"""What is not here changes nothing: a call that began before it opened may well end after."""

FAILURES = 3
REST_S = 15.0
LONGEST_REST_S = 240.0


class Breaker:
    """Opens after `failures` calls in a row have failed; rests for `rest_s`, and twice as long after each trial that
    fails, at most `longest_s`."""

    __slots__ = ("_due", "_failed", "_failures", "_longest_s", "_rest_s", "_shortest_s", "state")

    def __init__(self, *, failures: int = FAILURES, rest_s: float = REST_S, longest_s: float = LONGEST_REST_S) -> None:
        self.state = BreakerState.CLOSED
        self._failures = failures
        self._shortest_s = self._rest_s = rest_s
        self._longest_s = longest_s
        self._failed = 0
        """Calls in a row."""
        self._due = 0.0

    @property
    def due(self) -> float:
        """When it has rested, if it is open."""
        return self._due

    def allows(self, now: float) -> bool:
        """Whether a call may begin."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.OPEN and now >= self._due)

    def begin(self, now: float) -> None:
        """A call begins; one that it does not allow, too, where there is nobody else to call."""
        if self.allows(now):
            self._move(BreakerSignal.TRY)

    def succeed(self) -> None:
        """A call went well."""
        self._failed = 0
        self._rest_s = self._shortest_s
        self._move(BreakerSignal.SUCCEED)

    def fail(self, now: float) -> None:
        """A call failed, or took too long."""
        self._failed += 1
        trial = self.state is BreakerState.HALF_OPEN
        if self.state is BreakerState.OPEN or not (trial or self._failed >= self._failures):
            return
        if trial:
            self._rest_s = min(2 * self._rest_s, self._longest_s)
        self._due = now + self._rest_s
        self._move(BreakerSignal.TRIP)

    def abandon(self) -> None:
        """A call was broken off by whoever made it: that tells nothing."""
        self._move(BreakerSignal.ABANDON)

    def _move(self, signal: BreakerSignal) -> None:
        self.state = TRANSITIONS.get((self.state, signal), self.state)
