"""Turns that end by what is said, in virtual time: windows of 32 ms, and opinions at given windows."""

from collections.abc import Mapping

import pytest

from sottovoce.core.end_of_turn import LONGEST_SILENCE_MS, Eagerness, Opinion, agreed, silence_ms
from sottovoce.core.turn import WINDOW_SAMPLES, SpeechStarted, SpeechStopped, TurnDetector, TurnEvent, TurnSettings

WINDOW_MS = 32
SPEECH, SILENCE = 0.9, 0.1


def run(
    settings: TurnSettings, probabilities: list[float], opinions: Mapping[int, Opinion] | None = None
) -> list[tuple[int, TurnEvent]]:
    """The events, each with the number of the window that brought it. `opinions`: what is thought after a window."""
    detector = TurnDetector(settings)
    events = []
    for window, probability in enumerate(probabilities, start=1):
        event = detector.receive(probability, window * WINDOW_SAMPLES)
        if event is not None:
            events.append((window, event))
        if opinions is not None and window in opinions:
            assert detector.paused(window * WINDOW_SAMPLES), "opinions are of pauses"
            detector.opinion = opinions[window]
    return events


def silence_until_the_end(eagerness: Eagerness | None, opinion: Opinion) -> int:
    """In ms, after speech of 20 windows; the opinion comes 192 ms after it."""
    events = run(TurnSettings(eagerness=eagerness), [SPEECH] * 20 + [SILENCE] * 80, {26: opinion})
    (stop,) = [window for window, event in events if isinstance(event, SpeechStopped)]
    return (stop - 20) * WINDOW_MS


@pytest.mark.parametrize("eagerness", Eagerness)
@pytest.mark.parametrize("opinion", Opinion)
def test_the_silence_is_that_of_the_eagerness_and_the_opinion(eagerness: Eagerness, opinion: Opinion) -> None:
    silence = silence_until_the_end(eagerness, opinion)
    assert 0 <= silence - silence_ms(eagerness, opinion) < WINDOW_MS


@pytest.mark.parametrize("opinion", Opinion)
def test_without_an_eagerness_an_opinion_changes_nothing(opinion: Opinion) -> None:
    assert silence_until_the_end(None, opinion) == 512


def test_a_finished_sentence_is_answered_sooner_than_by_silence_alone_and_an_open_one_later() -> None:
    for eagerness in Eagerness:
        finished, unsure, unfinished = (silence_ms(eagerness, opinion) for opinion in Opinion)
        assert finished < 500
        assert finished < unsure < unfinished <= LONGEST_SILENCE_MS == 2_000


def test_the_more_eager_the_sooner_whatever_is_said() -> None:
    for opinion in Opinion:
        low, medium, high = (silence_ms(each, opinion) for each in (Eagerness.LOW, Eagerness.MEDIUM, Eagerness.HIGH))
        assert high < medium < low
        assert silence_ms(Eagerness.AUTO, opinion) == medium


def test_a_pause_for_thought_is_part_of_the_turn() -> None:
    sound = [SPEECH] * 20 + [SILENCE] * 31 + [SPEECH] * 20 + [SILENCE] * 80
    opinions = {26: Opinion.OPEN, 77: Opinion.FINISHED}
    settings = TurnSettings(eagerness=Eagerness.LOW)
    assert [type(event) for _, event in run(settings, sound, opinions)] == [SpeechStarted, SpeechStopped]
    cut = [type(event) for _, event in run(TurnSettings(), sound)]
    assert cut == [SpeechStarted, SpeechStopped, SpeechStarted, SpeechStopped]


def test_an_opinion_is_of_one_pause() -> None:
    settings = TurnSettings(eagerness=Eagerness.HIGH)
    sound = [SPEECH] * 20 + [SILENCE] * 7 + [SPEECH] * 10 + [SILENCE] * 80
    events = run(settings, sound, {26: Opinion.FINISHED})
    assert (events[-1][0] - 37) * WINDOW_MS >= silence_ms(Eagerness.HIGH, Opinion.UNSURE)


def test_an_opinion_may_change_while_the_pause_lasts() -> None:
    settings = TurnSettings(eagerness=Eagerness.LOW)
    events = run(settings, [SPEECH] * 20 + [SILENCE] * 80, {26: Opinion.OPEN, 45: Opinion.FINISHED})
    assert events[-1] == (46, SpeechStopped(46 * WINDOW_SAMPLES))


def test_words_that_are_known_say_more_than_their_sound() -> None:
    assert agreed(Opinion.OPEN, Opinion.FINISHED) is Opinion.OPEN
    assert agreed(Opinion.FINISHED, Opinion.OPEN) is Opinion.FINISHED
    assert agreed(Opinion.UNSURE, Opinion.OPEN) is Opinion.OPEN
