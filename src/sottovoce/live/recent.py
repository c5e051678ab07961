"""What happened lately: durations of the last minutes, and rates. Pure arithmetic: time comes in as `now`, in seconds
of any one clock that never runs backwards."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

KEPT: Final = 16_384
"""Durations kept at most: 54 a second over five minutes."""
SAMPLE_S: Final = 1.0
MINUTE_S: Final = 60.0
MS: Final = 1_000.0


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of durations, in milliseconds; None where there was none."""

    count: int
    window_seconds: float
    """How far back they reach: less than was asked for where there were more than can be kept."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Durations:
    """The newest durations and when each was measured; the oldest go first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept: deque[tuple[float, float]] = deque(maxlen=kept)
        """Time and seconds."""

    def add(self, seconds: float, now: float) -> None:
        """One more."""
        self._kept.append((now, seconds))

    def percentiles(self, now: float, window_s: float) -> Percentiles:
        """Of the last `window_s` seconds, by nearest rank: each is a duration that was measured. Older ones are
        forgotten."""
        full = len(self._kept) == self._kept.maxlen
        while self._kept and self._kept[0][0] < now - window_s:
            self._kept.popleft()
            full = False
        ordered = sorted(seconds for _, seconds in self._kept)

        def rank(share: float) -> float | None:
            return round(ordered[math.ceil(share * len(ordered)) - 1] * MS, 1) if ordered else None

        return Percentiles(
            count=len(ordered),
            window_seconds=round(now - self._kept[0][0], 1) if full else window_s,
            p50_ms=rank(0.50),
            p95_ms=rank(0.95),
            p99_ms=rank(0.99),
        )


class Trend:
    """Looks at running totals once a second, so that it can be said how fast they rise."""

    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read
        self._samples: deque[tuple[float, Mapping[str, float]]] = deque(maxlen=1 + round(MINUTE_S / SAMPLE_S))

    def beat(self, now: float) -> None:
        """To be called often; nearly always there is nothing to do."""
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_S:
            self._samples.append((now, self._read()))

    def rates(self) -> dict[str, float]:
        """By how much each total rose a second, over the last minute or for as long as it is known; empty before two
        samples are there."""
        if len(self._samples) < 2:  # noqa: PLR2004 - a rate is between two
            return {}
        (began, first), (ended, last) = self._samples[0], self._samples[-1]
        return {name: (total - first[name]) / (ended - began) for name, total in last.items()}
