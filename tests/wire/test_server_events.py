"""Each server event is found, round-tripped, and held against the types of the `openai` package, which is the
vocabulary's authority."""

import inspect
import json
from typing import Any, get_args

import msgspec
import openai.types.realtime as authority
import pytest
from openai.types.realtime.realtime_server_event import RealtimeServerEvent
from pydantic import TypeAdapter

from sottovoce.core import events as ev
from sottovoce.core import notices as no
from sottovoce.core.end_of_turn import Eagerness
from sottovoce.core.task import Task, TaskState
from sottovoce.core.turn import TurnSettings
from sottovoce.wire import client_events as ce
from sottovoce.wire import server_events as se
from sottovoce.wire.encode import Encoder

OURS = {
    "input_audio_buffer.acknowledged",
    "session.ended",
    "session.expiring",
    "task.created",
    "task.updated",
    "task.completed",
    "task.failed",
}
ITEM = ev.Item(id="item_1", role=ev.Role.ASSISTANT, spoken=True, status=ev.ItemStatus.COMPLETED, text="Hello.")
HEARD = ev.Item(id="item_2", role=ev.Role.USER, spoken=True)
TYPED = ev.Item(id="item_3", role=ev.Role.USER, spoken=False, status=ev.ItemStatus.COMPLETED, text="hello")
WRITTEN = ev.Item(id="item_4", role=ev.Role.ASSISTANT, spoken=False, status=ev.ItemStatus.INCOMPLETE, text="Hel")
SEMANTIC = TurnSettings(eagerness=Eagerness.LOW)
CONFIG = ev.Config(input_rate=24_000, output_rate=24_000, voice="en-us")


def task(state: TaskState) -> Task:
    return Task(id="t", session_id="s", type="note", state=state, created_at=0.5, updated_at=1.0, result={"text": "x"})


NOTICES: list[no.Notice] = [
    no.SessionOpened("s", CONFIG, 100.0),
    no.SessionConfigured("s", msgspec.structs.replace(CONFIG, turn_detection=None, speech_out=False), 100.0),
    no.SessionConfigured("s", msgspec.structs.replace(CONFIG, turn_detection=SEMANTIC), 100.0),
    no.UserStarted("item_2", 100),
    no.UserStopped("item_2", 900),
    no.SoundCommitted("item_2", None),
    no.SoundCleared(),
    no.SoundAcknowledged(900),
    no.ItemAdded(HEARD, "item_1"),
    no.ItemDone(TYPED, None),
    no.ItemRetrieved(ITEM),
    no.ItemDeleted("item_1"),
    no.ItemTruncated("item_1", 300),
    no.TranscriptGrew("item_2", "hel"),
    no.TranscriptCompleted("item_2", "hello", 0.75, 800),
    no.TranscriptFailed("item_2", "engine_failed", "It failed"),
    no.ResponseStarted("resp_1", ITEM, "item_2", True),
    no.ResponseGrew("resp_1", "item_1", "Hello.", True),
    no.ResponseGrew("resp_1", "item_4", "Hel", False),
    no.PlaybackStarted("resp_1"),
    no.PlaybackStopped("resp_1"),
    no.PlaybackCleared("resp_1"),
    no.ResponseEnded("resp_1", ITEM, "item_2", ev.ResponseStatus.COMPLETED, True),
    no.ResponseEnded("resp_1", WRITTEN, None, ev.ResponseStatus.CANCELLED, False, ev.CancelReason.TURN_DETECTED),
    no.ResponseEnded("resp_1", ITEM, None, ev.ResponseStatus.FAILED, True, None, "engine_failed", "It failed"),
    no.TaskNotice(task(TaskState.SUBMITTED), True),
    no.TaskNotice(task(TaskState.WORKING), False),
    no.TaskNotice(task(TaskState.COMPLETED), False),
    no.TaskNotice(task(TaskState.FAILED), False),
    no.SessionExpiring(60, "idle"),
    no.SessionEnded("client_closed", {"messages": 1}),
    no.Fault("invalid_json", "The message is not valid JSON", True, None, "mine"),
]


def encoded() -> list[dict[str, Any]]:
    encoder = Encoder()
    return [json.loads(event) for notice in NOTICES for event in encoder.encode(notice)]


def test_every_notice_and_every_event_has_an_example() -> None:
    assert {type(notice) for notice in NOTICES} == set(get_args(no.Notice))
    assert {event["type"] for event in encoded()} == {
        str(each.__struct_config__.tag) for each in get_args(se.AnyServerEvent)
    }


def test_the_unions_are_closed() -> None:
    for module, root, union in (
        (se, se.ServerEvent, se.AnyServerEvent),
        (ce, ce.ClientEvent, ce.AnyClientEvent),
    ):
        classes = {c for _, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, root) and c is not root}
        assert classes == set(get_args(union))


def test_every_event_round_trips() -> None:
    for event in encoded():
        read = msgspec.json.decode(json.dumps(event), type=se.AnyServerEvent)
        assert json.loads(msgspec.json.encode(read)) == event


def test_event_ids_rise() -> None:
    ids = [event["event_id"] for event in encoded()]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(
    "event", [e for e in encoded() if e["type"] not in OURS], ids=lambda e: f"{e['type']}-{e['event_id'][-2:]}"
)
def test_every_event_is_one_of_the_realtime_api(event: dict[str, Any]) -> None:
    parsed: Any = TypeAdapter(RealtimeServerEvent).validate_python(event)
    assert parsed.type == event["type"]
    unknown = set(event) - set(type(parsed).model_fields) - {"confidence"}
    assert not unknown, f"fields the vocabulary does not have: {unknown}"


def test_our_client_events_are_read_as_the_package_writes_them() -> None:
    session = authority.RealtimeSessionCreateRequest.model_validate(
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}}
    )
    written = authority.SessionUpdateEvent(type="session.update", session=session).to_json(exclude_unset=True)
    read = msgspec.json.decode(written, type=ce.AnyClientEvent)
    assert isinstance(read, ce.SessionUpdate)
    known = {"playback.position"} | {
        str(model.model_fields["type"].annotation.__args__[0])
        for model in get_args(get_args(authority.RealtimeClientEvent)[0])
    }
    assert {str(each.__struct_config__.tag) for each in get_args(ce.AnyClientEvent)} <= known


def test_semantic_turn_detection_is_told_in_the_words_of_the_realtime_api() -> None:
    session = json.loads(Encoder().encode(no.SessionOpened("s", ev.Config(turn_detection=SEMANTIC), 1.0))[0])["session"]
    told = session["audio"]["input"]["turn_detection"]
    assert told == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": True,
    }


def test_turn_detection_is_told_as_it_is() -> None:
    encoder = Encoder()
    config = ev.Config(turn_detection=TurnSettings(threshold=0.6, prefix_ms=200, silence_ms=700))
    session = json.loads(encoder.encode(no.SessionOpened("s", config, 1.0))[0])["session"]
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.6,
        "prefix_padding_ms": 200,
        "silence_duration_ms": 700,
        "create_response": True,
        "interrupt_response": True,
    }
