from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.breaker import Breaker, BreakerState


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(failures=3, rest_s=10.0, longest_s=30.0)
    for _ in range(3):
        breaker.begin(now)
        breaker.fail(now)
    return breaker


def test_it_opens_after_three_failures_in_a_row() -> None:
    breaker = Breaker(failures=3)
    for outcome in (breaker.fail, breaker.fail):
        outcome(0.0)
    breaker.succeed()
    for _ in range(2):
        breaker.fail(0.0)
    assert breaker.allows(0.0)
    breaker.fail(0.0)
    assert breaker.state is BreakerState.OPEN
    assert not breaker.allows(0.0)


def test_after_its_rest_one_call_goes_through_and_closes_it() -> None:
    breaker = opened()
    assert not breaker.allows(9.9)
    assert breaker.allows(10.0)
    breaker.begin(10.0)
    assert breaker.state == "half_open"
    assert not breaker.allows(10.0), "one at a time"
    breaker.succeed()
    assert breaker.state == "closed"
    breaker.fail(11.0)
    assert breaker.allows(11.0), "the failures of before are forgotten"


def test_a_trial_that_fails_makes_the_rest_longer_up_to_a_bound() -> None:
    breaker = opened()
    now, rests = 10.0, []
    for _ in range(4):
        breaker.begin(now)
        breaker.fail(now)
        rests.append(breaker.due - now)
        now = breaker.due
    assert rests == [20.0, 30.0, 30.0, 30.0]
    breaker.begin(now)
    breaker.succeed()
    for _ in range(3):
        breaker.fail(now)
    assert breaker.due == now + 10.0


def test_a_trial_that_nobody_waits_for_leaves_the_next_one_the_chance() -> None:
    breaker = opened()
    breaker.begin(10.0)
    breaker.abandon()
    assert breaker.state is BreakerState.OPEN
    assert breaker.allows(10.0)


def test_a_call_of_before_that_fails_late_makes_no_rest_longer() -> None:
    breaker = opened()
    breaker.fail(9.0)
    assert breaker.allows(10.0)


def test_who_answers_though_nobody_was_to_ask_is_well_again() -> None:
    breaker = opened()
    breaker.begin(1.0)
    assert breaker.state is BreakerState.OPEN
    breaker.succeed()
    assert breaker.allows(1.0)


@given(st.lists(st.tuples(st.sampled_from(["begin", "fail", "succeed", "abandon"]), st.floats(0, 20)), max_size=80))
def test_however_calls_end_it_allows_one_again_in_time(steps: list[tuple[str, float]]) -> None:
    breaker = Breaker(failures=2, rest_s=5.0, longest_s=20.0)
    now = 0.0
    for step, passed in steps:
        now += passed
        if step == "begin":
            breaker.begin(now)
        elif step == "fail":
            breaker.fail(now)
        elif step == "succeed":
            breaker.succeed()
        else:
            breaker.abandon()
    if breaker.state is BreakerState.HALF_OPEN:
        breaker.fail(now)
    assert breaker.allows(now + 20.0)
