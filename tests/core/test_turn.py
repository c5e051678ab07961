from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.turn import (
    WINDOW_SAMPLES,
    ManualTurn,
    SpeechStarted,
    SpeechStopped,
    TurnDetector,
    TurnEvent,
    TurnSettings,
)


def run(detector: TurnDetector, probabilities: Iterable[float]) -> list[tuple[int, TurnEvent]]:
    """The events, each with the number of the window that brought it."""
    events = []
    for window, probability in enumerate(probabilities, start=1):
        event = detector.receive(probability, window * WINDOW_SAMPLES)
        if event is not None:
            events.append((window, event))
    return events


def test_a_turn_begins_with_speech_and_ends_with_500_ms_of_silence() -> None:
    events = run(TurnDetector(TurnSettings()), [0.1] * 20 + [0.9] * 30 + [0.1] * 30)
    # 100 ms of speech are four windows; 300 ms of sound before the onset are kept; 500 ms of silence are 16 windows.
    assert events == [
        (24, SpeechStarted(20 * WINDOW_SAMPLES - 4_800)),
        (66, SpeechStopped(66 * WINDOW_SAMPLES)),
    ]


def test_a_cough_of_under_100_ms_is_no_turn() -> None:
    assert run(TurnDetector(TurnSettings()), [0.1] * 10 + [0.95] * 3 + [0.1] * 40) == []


def test_two_coughs_do_not_add_up() -> None:
    assert run(TurnDetector(TurnSettings()), ([0.95] * 3 + [0.1] * 5) * 6) == []


def test_a_half_does_not_begin_a_turn_and_a_dip_does_not_end_one() -> None:
    assert run(TurnDetector(TurnSettings()), [0.5] * 50) == []
    events = run(TurnDetector(TurnSettings()), [0.9] * 10 + [0.4] * 40 + [0.9] * 5)
    assert [type(event) for _, event in events] == [SpeechStarted]


def test_a_pause_shorter_than_the_silence_is_part_of_the_turn() -> None:
    events = run(TurnDetector(TurnSettings(silence_ms=500)), [0.9] * 10 + [0.1] * 14 + [0.9] * 10 + [0.1] * 20)
    assert [type(event) for _, event in events] == [SpeechStarted, SpeechStopped]


def test_the_start_is_never_before_the_session() -> None:
    assert run(TurnDetector(TurnSettings()), [0.9] * 5)[0][1] == SpeechStarted(0)


def test_a_turn_is_cut_at_its_greatest_length() -> None:
    events = run(TurnDetector(TurnSettings(max_turn_ms=3_200)), [0.9] * 150)
    assert [type(event) for _, event in events] == [SpeechStarted, SpeechStopped, SpeechStarted]
    assert events[1][0] == 100
    assert events[2][1] == SpeechStarted(100 * WINDOW_SAMPLES), "what was in the first is not heard again"


def test_a_turn_begins_in_the_silence_after_the_one_before_and_not_in_its_speech() -> None:
    quick = TurnSettings(silence_ms=100, prefix_ms=500)
    events = run(TurnDetector(quick), [0.9] * 20 + [0.1] * 4 + [0.9] * 5)
    assert events[1:] == [(24, SpeechStopped(24 * WINDOW_SAMPLES)), (28, SpeechStarted(20 * WINDOW_SAMPLES))]


def test_what_was_committed_or_cleared_belongs_to_no_later_turn() -> None:
    detector = TurnDetector(TurnSettings())
    run(detector, [0.9] * 20)
    detector.reset(22 * WINDOW_SAMPLES)
    events = [detector.receive(0.9, window * WINDOW_SAMPLES) for window in range(21, 27)]
    assert events == [None] * 5 + [SpeechStarted(22 * WINDOW_SAMPLES)]


@given(st.lists(st.floats(0, 1), max_size=300))
def test_starts_and_stops_alternate_and_never_overlap(probabilities: list[float]) -> None:
    events = run(TurnDetector(TurnSettings(silence_ms=100)), probabilities)
    for (_, before), (_, after) in pairwise(events):
        assert type(before) is not type(after)
    stops = [event.end_sample for _, event in events if isinstance(event, SpeechStopped)]
    assert stops == sorted(stops)


def test_a_manual_turn_is_bounded_and_begins_with_its_first_sound() -> None:
    turn = ManualTurn(max_turn_ms=64)
    assert turn.receive(0.9, 512) is None
    assert turn.begin(512)
    assert not turn.begin(700)
    assert turn.receive(0.0, 1_024) is None
    assert turn.receive(0.0, 1_536) == SpeechStopped(1_536)
    assert turn.begin(1_536)
    turn.reset(1_600)
    assert turn.begin(2_000)
