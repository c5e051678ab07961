import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.session import (
    ENDED,
    TRANSITIONS,
    Ended,
    Expiring,
    Forgotten,
    InvalidTransition,
    Session,
    SessionLimits,
    Signal,
    Status,
)

LIMITS = SessionLimits(connect_s=30, grace_s=20, idle_s=900, ttl_s=86_400, warn_s=60, tombstone_s=300)


def test_a_session_that_nobody_connects_to_is_closed_after_30_s() -> None:
    session = Session(LIMITS, 100.0)
    assert session.next_deadline() == 130.0
    assert session.due(129.9) == []
    assert session.due(130.0) == [Ended(Signal.CONNECT_TIMEOUT)]
    assert session.status is Status.CLOSED


def test_a_session_whose_connection_dropped_waits_for_its_grace_time() -> None:
    session = Session(LIMITS, 0.0)
    session.receive(Signal.CONNECTED, 1.0)
    session.receive(Signal.DISCONNECTED, 50.0)
    assert session.next_deadline() == 70.0
    session.receive(Signal.CONNECTED, 60.0)
    assert session.status is Status.ACTIVE
    session.receive(Signal.DISCONNECTED, 61.0)
    assert session.due(81.0) == [Ended(Signal.GRACE_TIMEOUT)]


def test_silence_warns_then_ends_and_a_word_puts_it_off() -> None:
    session = Session(LIMITS, 0.0)
    session.receive(Signal.CONNECTED, 0.0)
    assert session.next_deadline() == 840.0
    assert session.due(840.0) == [Expiring(60, "idle")]
    assert session.next_deadline() == 900.0
    session.touch(850.0)
    assert session.next_deadline() == 850.0 + 840.0
    assert session.due(1_690.0) == [Expiring(60, "idle")]
    assert session.due(1_750.0) == [Ended(Signal.IDLE_TIMEOUT)]


def test_the_time_limit_warns_once_and_ends_even_a_busy_session() -> None:
    session = Session(LIMITS, 0.0)
    session.receive(Signal.CONNECTED, 0.0)
    session.touch(86_330.0)
    assert session.due(86_340.0) == [Expiring(60, "time_limit")]
    session.touch(86_399.0)
    assert session.due(86_399.5) == []
    assert session.due(86_400.0) == [Ended(Signal.TIME_LIMIT)]


def test_a_warning_never_comes_before_half_of_a_short_limit() -> None:
    session = Session(SessionLimits(idle_s=10, warn_s=60), 0.0)
    session.receive(Signal.CONNECTED, 0.0)
    assert session.due(4.9) == []
    assert session.due(5.0) == [Expiring(5, "idle")]


def test_an_ended_session_is_forgotten_after_a_while() -> None:
    session = Session(LIMITS, 0.0)
    session.receive(Signal.CLIENT_CLOSED, 10.0)
    assert session.next_deadline() == 310.0
    assert session.due(310.0) == [Forgotten()]


def test_what_the_table_does_not_have_is_refused() -> None:
    session = Session(LIMITS, 0.0)
    with pytest.raises(InvalidTransition):
        session.receive(Signal.DISCONNECTED, 0.0)


def test_every_status_can_be_reached_and_every_live_one_left() -> None:
    assert set(TRANSITIONS.values()) | {Status.CREATED} == set(Status)
    assert {status for status, _ in TRANSITIONS} == set(Status) - ENDED
    for status in set(Status) - ENDED:
        assert TRANSITIONS[status, Signal.TIME_LIMIT] in ENDED
        assert TRANSITIONS[status, Signal.SERVER_STOPPING] in ENDED


@given(st.lists(st.tuples(st.sampled_from([*Signal, None]), st.floats(0, 5_000)), max_size=40))
def test_whatever_happens_it_ends_by_its_time_limit_and_never_comes_back(
    history: list[tuple[Signal | None, float]],
) -> None:
    session = Session(LIMITS, 0.0)
    now, ended_at = 0.0, None
    for signal, wait in history:
        now += wait
        effects = session.due(now)
        if signal is not None and (session.status, signal) in TRANSITIONS:
            effects += session.receive(signal, now)
        if any(isinstance(effect, Ended) for effect in effects):
            assert ended_at is None
            ended_at = now
        assert session.live == (ended_at is None)
        assert not session.live or now < session.expires_at
        assert session.next_deadline() > now or not session.live
