from typing import Any

import pytest

from sottovoce.client import Event, UnknownEvent
from sottovoce.client import server_events as se
from sottovoce.client.progress import Progress


def told(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress.receive(event)
    return progress


def speech_started(item_id: str = "i") -> Event:
    return se.InputAudioBufferSpeechStarted(event_id="e", audio_start_ms=0, item_id=item_id)


def transcribed(text: str, item_id: str = "i") -> Event:
    return se.InputAudioTranscriptionCompleted(event_id="e", item_id=item_id, transcript=text, usage={}, confidence=1.0)


def acknowledged(ms: int) -> Event:
    return se.InputAudioBufferAcknowledged(event_id="e", audio_end_ms=ms)


def answer(status: str, response_id: str = "r") -> se.ResponseView:
    return se.ResponseView(id=response_id, status=status, output_modalities=["audio"])


BEGUN = se.ResponseCreated(event_id="e", response=answer("in_progress"))
AUDIBLE = se.OutputAudioBufferStarted(event_id="e", response_id="r")
COMPLETED = se.ResponseDone(event_id="e", response=answer("completed"))
CANCELLED = se.ResponseDone(event_id="e", response=answer("cancelled"))
HEARD = se.OutputAudioBufferStopped(event_id="e", response_id="r")


def task(state: str) -> Any:
    return {"id": "t", "state": state}


def test_sound_is_open_until_the_server_says_that_it_was_heard() -> None:
    progress = Progress()
    assert not progress.settled(1000)
    progress.receive(acknowledged(999))
    assert not progress.settled(1000)
    progress.receive(acknowledged(1000))
    assert progress.settled(1000)


def test_a_turn_is_open_until_it_has_its_transcript() -> None:
    assert not told(acknowledged(1000), speech_started()).settled(1000)
    progress = told(acknowledged(1000), speech_started(), transcribed("hello"))
    assert progress.settled(1000)
    assert progress.turns == 1


def test_a_turn_without_words_is_a_turn() -> None:
    progress = told(speech_started(), transcribed(""))
    assert progress.settled(0)
    assert progress.turns == 1


def test_a_turn_that_could_not_be_transcribed_counts_as_failed() -> None:
    progress = told(speech_started(), se.InputAudioTranscriptionFailed(event_id="e", item_id="i", error={}))
    assert progress.settled(0)
    assert progress.failed == 1


@pytest.mark.parametrize(
    ("events", "settled"),
    [
        ((BEGUN,), False),
        ((BEGUN, COMPLETED), True),  # written, or there was nothing to say
        ((BEGUN, AUDIBLE), False),
        ((BEGUN, AUDIBLE, COMPLETED), False),  # made, but not played to its end
        ((BEGUN, AUDIBLE, COMPLETED, HEARD), True),
        ((BEGUN, AUDIBLE, CANCELLED), True),
        ((BEGUN, AUDIBLE, COMPLETED, se.OutputAudioBufferCleared(event_id="e", response_id="r")), True),
    ],
)
def test_an_answer_is_open_until_it_was_heard(events: tuple[Event, ...], settled: bool) -> None:
    assert told(*events).settled(0) is settled


def test_a_request_is_open_until_its_answer_begins_or_it_is_refused() -> None:
    progress = Progress()
    progress.asked("client_2")
    assert not progress.settled(0)
    progress.receive(se.Error(event_id="e", error={"event_id": "client_1"}))
    assert not progress.settled(0)
    progress.receive(se.Error(event_id="e", error={"event_id": "client_2"}))
    assert progress.settled(0)
    assert progress.faults == 2
    progress.asked("client_4")
    progress.receive(BEGUN)
    progress.receive(COMPLETED)
    assert progress.settled(0)


def test_tasks_that_wait_for_an_answer_are_not_at_work() -> None:
    assert told(se.TaskCreated(event_id="e", task=task("working"))).tasks_at_work == 1
    assert told(se.TaskUpdated(event_id="e", task=task("input_required"))).tasks_at_work == 0
    created, completed = se.TaskCreated(event_id="e", task=task("submitted")), task("completed")
    assert told(created, se.TaskCompleted(event_id="e", task=completed)).tasks_at_work == 0


def test_the_end_settles_everything() -> None:
    progress = told(speech_started(), BEGUN, se.SessionEnded(event_id="e", reason="said_goodbye", usage={}))
    assert progress.settled(1000)
    assert progress.ended == "said_goodbye"


def test_an_unknown_event_changes_nothing() -> None:
    assert told(UnknownEvent("rate_limits.updated", "{}")).settled(0)
