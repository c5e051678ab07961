import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.live.recent import Durations, Trend


def test_percentiles_are_durations_that_were_measured() -> None:
    durations = Durations()
    for each in range(1, 101):
        durations.add(each / 1000, now=0.0)
    found = durations.percentiles(now=1.0, window_s=300.0)
    assert (found.count, found.p50_ms, found.p95_ms, found.p99_ms) == (100, 50.0, 95.0, 99.0)


def test_nothing_measured_has_no_percentiles() -> None:
    found = Durations().percentiles(now=1.0, window_s=300.0)
    assert (found.count, found.p50_ms, found.p99_ms, found.window_seconds) == (0, None, None, 300.0)


def test_what_is_older_than_the_window_does_not_count() -> None:
    durations = Durations()
    durations.add(9.0, now=0.0)
    durations.add(1.0, now=250.0)
    found = durations.percentiles(now=301.0, window_s=300.0)
    assert (found.count, found.p99_ms) == (1, 1000.0)


def test_where_more_was_measured_than_is_kept_the_window_is_shorter_and_says_so() -> None:
    durations = Durations(kept=10)
    for second in range(100):
        durations.add(1.0, now=float(second))
    found = durations.percentiles(now=99.0, window_s=300.0)
    assert (found.count, found.window_seconds) == (10, 9.0)


@given(st.lists(st.floats(0, 60), min_size=1, max_size=50))
def test_half_of_all_take_no_longer_than_the_median(seconds: list[float]) -> None:
    durations = Durations()
    for each in seconds:
        durations.add(each, now=0.0)
    found = durations.percentiles(now=0.0, window_s=1.0)
    assert found.p50_ms is not None
    assert found.p99_ms is not None
    assert found.p50_ms <= found.p99_ms <= round(max(seconds) * 1000, 1)
    assert sum(each <= (found.p50_ms + 0.05) / 1000 for each in seconds) >= math.ceil(len(seconds) / 2)


def test_rates_are_of_the_last_minute() -> None:
    total = 0.0
    trend = Trend(lambda: {"turns": total})
    for second in range(200):
        trend.beat(float(second))
        total += 2.0 if second < 100 else 5.0
    assert trend.rates() == {"turns": pytest.approx(5.0)}


def test_rates_need_two_samples_and_take_one_a_second() -> None:
    read: list[None] = []

    def totals() -> dict[str, float]:
        read.append(None)
        return {"turns": 0.0}

    trend = Trend(totals)
    trend.beat(0.0)
    assert trend.rates() == {}
    for tick in range(1, 21):
        trend.beat(tick * 0.064)
    assert (len(read), trend.rates()) == (2, {"turns": 0.0})
