"""Notices to bytes: each notice is one event of the Realtime vocabulary, or a few in their documented order."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from sottovoce.core import notices as no
from sottovoce.core.events import Config, Item, ResponseStatus, Role
from sottovoce.core.task import TaskState
from sottovoce.wire import server_events as se
from sottovoce.wire.views import task_view

MAX_DIGITS = 18


class Encoder:
    """The server's side of one session's stream: numbers the events."""

    __slots__ = ("_count", "_json")

    def __init__(self) -> None:
        self._count = 0
        self._json = msgspec.json.Encoder()

    def encode(self, notice: no.Notice) -> list[bytes]:
        """The notice's events as JSON text (UTF-8), in order."""
        return [self._json.encode(event) for event in self.events(notice)]

    def events(self, notice: no.Notice) -> Iterator[se.AnyServerEvent]:
        """The notice's events, numbered."""
        yield from _EVENTS[type(notice)](notice, self._next_id)

    def _next_id(self) -> str:
        self._count += 1
        return f"{EVENT_ID}{self._count:010d}"


NextId = Callable[[], str]
EVENT_ID = "event_"


def event_number(event_id: str) -> int | None:
    """Which of a stream's events it names; the first is 1. None for what is no event's id."""
    digits = event_id.removeprefix(EVENT_ID)
    return int(digits) if event_id.startswith(EVENT_ID) and digits.isdecimal() and len(digits) <= MAX_DIGITS else None


def session_view(session_id: str, config: Config, expires_at: float) -> dict[str, Any]:
    """The Realtime API's session object."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": "sottovoce",
        "output_modalities": _modalities(speech_out=config.speech_out),
        "instructions": config.instructions,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": config.input_rate},
                "transcription": {"language": config.language},
                "turn_detection": _turn_detection(config),
            },
            "output": {
                "format": {"type": "audio/pcm", "rate": config.output_rate},
                "voice": config.voice,
                "speed": config.speed,
            },
        },
        "expires_at": int(expires_at),
    }


def _turn_detection(config: Config) -> dict[str, Any] | None:
    turns = config.turn_detection
    if turns is None:
        return None
    found: dict[str, Any] = (
        {
            "type": "server_vad",
            "threshold": turns.threshold,
            "prefix_padding_ms": turns.prefix_ms,
            "silence_duration_ms": turns.silence_ms,
        }
        if turns.eagerness is None
        else {"type": "semantic_vad", "eagerness": str(turns.eagerness)}
    )
    return found | {"create_response": config.create_response, "interrupt_response": config.interrupt_response}


def _modalities(*, speech_out: bool) -> list[str]:
    return ["audio"] if speech_out else ["text"]


def item_view(item: Item) -> se.ItemView:
    """The Realtime API's message item."""
    if item.role is Role.ASSISTANT:
        part = {"type": "output_audio", "transcript": item.text} if item.spoken else _text("output_text", item)
    else:
        part = {"type": "input_audio", "transcript": item.text} if item.spoken else _text("input_text", item)
    return se.ItemView(id=item.id, status=str(item.status), role=str(item.role), content=[part])


def _text(type_: str, item: Item) -> dict[str, Any]:
    return {"type": type_, "text": item.text or ""}


def _part(item: Item, *, speech_out: bool) -> dict[str, Any]:
    text = item.text or ""
    return {"type": "audio", "transcript": text} if speech_out else {"type": "text", "text": text}


def _response_started(notice: no.ResponseStarted, next_id: NextId) -> Iterator[se.AnyServerEvent]:
    item = item_view(notice.item)
    empty = se.ItemView(id=item.id, status=item.status, role=item.role, content=[])
    response = se.ResponseView(
        id=notice.response_id,
        status=str(ResponseStatus.IN_PROGRESS),
        output_modalities=_modalities(speech_out=notice.speech_out),
    )
    yield se.ResponseCreated(event_id=next_id(), response=response)
    yield se.ResponseOutputItemAdded(event_id=next_id(), response_id=notice.response_id, item=empty)
    yield se.ConversationItemAdded(event_id=next_id(), previous_item_id=notice.previous_item_id, item=empty)
    yield se.ResponseContentPartAdded(
        event_id=next_id(),
        response_id=notice.response_id,
        item_id=item.id,
        part=_part(notice.item, speech_out=notice.speech_out),
    )


def _response_grew(notice: no.ResponseGrew, next_id: NextId) -> Iterator[se.AnyServerEvent]:
    event = se.ResponseOutputAudioTranscriptDelta if notice.speech_out else se.ResponseOutputTextDelta
    yield event(event_id=next_id(), response_id=notice.response_id, item_id=notice.item_id, delta=notice.delta)


def _response_ended(notice: no.ResponseEnded, next_id: NextId) -> Iterator[se.AnyServerEvent]:
    item, response_id, text = item_view(notice.item), notice.response_id, notice.item.text or ""
    if notice.speech_out:
        yield se.ResponseOutputAudioDone(event_id=next_id(), response_id=response_id, item_id=item.id)
        yield se.ResponseOutputAudioTranscriptDone(
            event_id=next_id(), response_id=response_id, item_id=item.id, transcript=text
        )
    else:
        yield se.ResponseOutputTextDone(event_id=next_id(), response_id=response_id, item_id=item.id, text=text)
    yield se.ResponseContentPartDone(
        event_id=next_id(),
        response_id=response_id,
        item_id=item.id,
        part=_part(notice.item, speech_out=notice.speech_out),
    )
    yield se.ResponseOutputItemDone(event_id=next_id(), response_id=response_id, item=item)
    yield se.ConversationItemDone(event_id=next_id(), previous_item_id=notice.previous_item_id, item=item)
    details: dict[str, Any] = {"type": str(notice.status)}
    if notice.reason is not None:
        details["reason"] = str(notice.reason)
    if notice.code is not None:
        details["error"] = {"type": "server_error", "code": notice.code, "message": notice.message}
    yield se.ResponseDone(
        event_id=next_id(),
        response=se.ResponseView(
            id=response_id,
            status=str(notice.status),
            status_details=details,
            output=[item],
            output_modalities=_modalities(speech_out=notice.speech_out),
        ),
    )


def _task(notice: no.TaskNotice, next_id: NextId) -> Iterator[se.AnyServerEvent]:
    task, view = notice.task, task_view(notice.task)
    if notice.created:
        yield se.TaskCreated(event_id=next_id(), task=view)
        if task.pending:
            return
    if task.state is TaskState.COMPLETED:
        yield se.TaskCompleted(event_id=next_id(), task=view, result=task.result)
    elif task.state in {TaskState.FAILED, TaskState.REJECTED}:
        yield se.TaskFailed(event_id=next_id(), task=view)
    else:
        yield se.TaskUpdated(event_id=next_id(), task=view)


def _transcript_completed(n: no.TranscriptCompleted, next_id: NextId) -> Iterator[se.AnyServerEvent]:
    yield se.InputAudioTranscriptionCompleted(
        event_id=next_id(),
        item_id=n.item_id,
        transcript=n.text,
        usage={"type": "duration", "seconds": n.duration_ms / 1000},
        confidence=round(n.confidence, 3),
    )


def _fault(n: no.Fault, next_id: NextId) -> Iterator[se.AnyServerEvent]:
    yield se.Error(
        event_id=next_id(),
        error={
            "type": "invalid_request_error" if n.client_fault else "server_error",
            "code": n.code,
            "message": n.message,
            "param": n.param,
            "event_id": n.client_event_id,
        },
    )


def _one(make: Callable[[Any, str], se.AnyServerEvent]) -> Callable[[Any, NextId], Iterator[se.AnyServerEvent]]:
    """For a notice that is one event."""

    def events(notice: Any, next_id: NextId) -> Iterator[se.AnyServerEvent]:
        yield make(notice, next_id())

    return events


_EVENTS: dict[type, Callable[[Any, NextId], Iterator[se.AnyServerEvent]]] = {
    no.SessionOpened: _one(
        lambda n, i: se.SessionCreated(event_id=i, session=session_view(n.session_id, n.config, n.expires_at))
    ),
    no.SessionConfigured: _one(
        lambda n, i: se.SessionUpdated(event_id=i, session=session_view(n.session_id, n.config, n.expires_at))
    ),
    no.UserStarted: _one(
        lambda n, i: se.InputAudioBufferSpeechStarted(event_id=i, audio_start_ms=n.audio_start_ms, item_id=n.item_id)
    ),
    no.UserStopped: _one(
        lambda n, i: se.InputAudioBufferSpeechStopped(event_id=i, audio_end_ms=n.audio_end_ms, item_id=n.item_id)
    ),
    no.SoundCommitted: _one(
        lambda n, i: se.InputAudioBufferCommitted(event_id=i, previous_item_id=n.previous_item_id, item_id=n.item_id)
    ),
    no.SoundCleared: _one(lambda _, i: se.InputAudioBufferCleared(event_id=i)),
    no.SoundAcknowledged: _one(lambda n, i: se.InputAudioBufferAcknowledged(event_id=i, audio_end_ms=n.audio_end_ms)),
    no.ItemAdded: _one(
        lambda n, i: se.ConversationItemAdded(event_id=i, previous_item_id=n.previous_item_id, item=item_view(n.item))
    ),
    no.ItemDone: _one(
        lambda n, i: se.ConversationItemDone(event_id=i, previous_item_id=n.previous_item_id, item=item_view(n.item))
    ),
    no.ItemRetrieved: _one(lambda n, i: se.ConversationItemRetrieved(event_id=i, item=item_view(n.item))),
    no.ItemDeleted: _one(lambda n, i: se.ConversationItemDeleted(event_id=i, item_id=n.item_id)),
    no.ItemTruncated: _one(
        lambda n, i: se.ConversationItemTruncated(event_id=i, item_id=n.item_id, audio_end_ms=n.audio_end_ms)
    ),
    no.TranscriptGrew: _one(lambda n, i: se.InputAudioTranscriptionDelta(event_id=i, item_id=n.item_id, delta=n.delta)),
    no.TranscriptCompleted: _transcript_completed,
    no.TranscriptFailed: _one(
        lambda n, i: se.InputAudioTranscriptionFailed(
            event_id=i, item_id=n.item_id, error={"type": "server_error", "code": n.code, "message": n.message}
        )
    ),
    no.ResponseStarted: _response_started,
    no.ResponseGrew: _response_grew,
    no.PlaybackStarted: _one(lambda n, i: se.OutputAudioBufferStarted(event_id=i, response_id=n.response_id)),
    no.PlaybackStopped: _one(lambda n, i: se.OutputAudioBufferStopped(event_id=i, response_id=n.response_id)),
    no.PlaybackCleared: _one(lambda n, i: se.OutputAudioBufferCleared(event_id=i, response_id=n.response_id)),
    no.ResponseEnded: _response_ended,
    no.TaskNotice: _task,
    no.SessionExpiring: _one(lambda n, i: se.SessionExpiring(event_id=i, seconds_left=n.seconds_left, reason=n.reason)),
    no.SessionEnded: _one(lambda n, i: se.SessionEnded(event_id=i, reason=n.reason, usage=n.usage)),
    no.Fault: _fault,
}
