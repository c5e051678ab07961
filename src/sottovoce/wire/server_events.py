"""What the server sends: a closed union of the Realtime API's server events, and the extra ones of ours.

Field names and their order are those of the generally available Realtime API; a test checks each class against the
types of the `openai` package.
"""

from typing import Any

import msgspec

from sottovoce.wire.views import TaskView


class ServerEvent(msgspec.Struct, kw_only=True, tag_field="type"):
    """The root of the union."""

    event_id: str


class ItemView(msgspec.Struct, kw_only=True):
    """An item of the conversation."""

    id: str
    object: str = "realtime.item"
    type: str = "message"
    status: str
    role: str
    content: list[dict[str, Any]]


class ResponseView(msgspec.Struct, kw_only=True):
    """A response."""

    object: str = "realtime.response"
    id: str
    status: str
    status_details: dict[str, Any] | None = None
    output: list[ItemView] = []
    output_modalities: list[str]


class SessionCreated(ServerEvent, kw_only=True, tag="session.created"):
    """First on every connection."""

    session: dict[str, Any]


class SessionUpdated(ServerEvent, kw_only=True, tag="session.updated"):
    """The settings are now these."""

    session: dict[str, Any]


class InputAudioBufferSpeechStarted(ServerEvent, kw_only=True, tag="input_audio_buffer.speech_started"):
    """The user's turn began."""

    audio_start_ms: int
    item_id: str


class InputAudioBufferSpeechStopped(ServerEvent, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """The user's turn ended."""

    audio_end_ms: int
    item_id: str


class InputAudioBufferCommitted(ServerEvent, kw_only=True, tag="input_audio_buffer.committed"):
    """The turn's sound is an item."""

    previous_item_id: str | None
    item_id: str


class InputAudioBufferCleared(ServerEvent, kw_only=True, tag="input_audio_buffer.cleared"):
    """What was not committed is gone."""


class InputAudioBufferAcknowledged(ServerEvent, kw_only=True, tag="input_audio_buffer.acknowledged"):
    """Ours: all up to here is safe."""

    audio_end_ms: int


class ConversationItemAdded(ServerEvent, kw_only=True, tag="conversation.item.added"):
    """An item stands in the conversation."""

    previous_item_id: str | None
    item: ItemView


class ConversationItemDone(ServerEvent, kw_only=True, tag="conversation.item.done"):
    """An item is final."""

    previous_item_id: str | None
    item: ItemView


class ConversationItemRetrieved(ServerEvent, kw_only=True, tag="conversation.item.retrieved"):
    """An item, as asked for."""

    item: ItemView


class ConversationItemDeleted(ServerEvent, kw_only=True, tag="conversation.item.deleted"):
    """An item is gone."""

    item_id: str


class ConversationItemTruncated(ServerEvent, kw_only=True, tag="conversation.item.truncated"):
    """An answer was cut to what was heard."""

    item_id: str
    content_index: int = 0
    audio_end_ms: int


class InputAudioTranscriptionDelta(ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.delta"):
    """More words of a turn, while it is spoken."""

    item_id: str
    content_index: int = 0
    delta: str


class InputAudioTranscriptionCompleted(
    ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """The final transcript; it replaces the deltas. `confidence` (0 to 1) is ours."""

    item_id: str
    content_index: int = 0
    transcript: str
    usage: dict[str, Any]
    confidence: float


class InputAudioTranscriptionFailed(
    ServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """A turn could not be transcribed."""

    item_id: str
    content_index: int = 0
    error: dict[str, Any]


class ResponseCreated(ServerEvent, kw_only=True, tag="response.created"):
    """An answer begins."""

    response: ResponseView


class ResponseOutputItemAdded(ServerEvent, kw_only=True, tag="response.output_item.added"):
    """The answer's item."""

    response_id: str
    output_index: int = 0
    item: ItemView


class ResponseContentPartAdded(ServerEvent, kw_only=True, tag="response.content_part.added"):
    """The item's one part."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    part: dict[str, Any]


class ResponseOutputAudioTranscriptDelta(ServerEvent, kw_only=True, tag="response.output_audio_transcript.delta"):
    """The next words of a spoken answer; their sound follows in binary messages."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    delta: str


class ResponseOutputAudioTranscriptDone(ServerEvent, kw_only=True, tag="response.output_audio_transcript.done"):
    """All words of a spoken answer."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    transcript: str


class ResponseOutputAudioDone(ServerEvent, kw_only=True, tag="response.output_audio.done"):
    """No more sound of this answer."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0


class ResponseOutputTextDelta(ServerEvent, kw_only=True, tag="response.output_text.delta"):
    """The next words of a written answer."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    delta: str


class ResponseOutputTextDone(ServerEvent, kw_only=True, tag="response.output_text.done"):
    """All words of a written answer."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    text: str


class ResponseContentPartDone(ServerEvent, kw_only=True, tag="response.content_part.done"):
    """The item's part is final."""

    response_id: str
    item_id: str
    output_index: int = 0
    content_index: int = 0
    part: dict[str, Any]


class ResponseOutputItemDone(ServerEvent, kw_only=True, tag="response.output_item.done"):
    """The answer's item is final."""

    response_id: str
    output_index: int = 0
    item: ItemView


class ResponseDone(ServerEvent, kw_only=True, tag="response.done"):
    """The answer is complete, cancelled or failed."""

    response: ResponseView


class OutputAudioBufferStarted(ServerEvent, kw_only=True, tag="output_audio_buffer.started"):
    """The answer's first sound follows."""

    response_id: str


class OutputAudioBufferStopped(ServerEvent, kw_only=True, tag="output_audio_buffer.stopped"):
    """By the server's clock, the answer was heard to its end."""

    response_id: str


class OutputAudioBufferCleared(ServerEvent, kw_only=True, tag="output_audio_buffer.cleared"):
    """Drop what you have not played of this answer."""

    response_id: str


class TaskCreated(ServerEvent, kw_only=True, tag="task.created"):
    """Ours: a task began."""

    task: TaskView


class TaskUpdated(ServerEvent, kw_only=True, tag="task.updated"):
    """Ours: a task changed its state, what it is to do, or how far it has come; or was cancelled."""

    task: TaskView


class TaskCompleted(ServerEvent, kw_only=True, tag="task.completed"):
    """Ours: a task is done."""

    task: TaskView
    result: Any = None


class TaskFailed(ServerEvent, kw_only=True, tag="task.failed"):
    """Ours: a task failed, or was rejected."""

    task: TaskView


class SessionExpiring(ServerEvent, kw_only=True, tag="session.expiring"):
    """Ours: the session will end soon."""

    seconds_left: int
    reason: str


class SessionEnded(ServerEvent, kw_only=True, tag="session.ended"):
    """Ours: the last event before a clean close."""

    reason: str
    usage: dict[str, int]


class Error(ServerEvent, kw_only=True, tag="error"):
    """Something was wrong; the stream goes on."""

    error: dict[str, Any]


AnyServerEvent = (
    SessionCreated
    | SessionUpdated
    | InputAudioBufferSpeechStarted
    | InputAudioBufferSpeechStopped
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | InputAudioBufferAcknowledged
    | ConversationItemAdded
    | ConversationItemDone
    | ConversationItemRetrieved
    | ConversationItemDeleted
    | ConversationItemTruncated
    | InputAudioTranscriptionDelta
    | InputAudioTranscriptionCompleted
    | InputAudioTranscriptionFailed
    | ResponseCreated
    | ResponseOutputItemAdded
    | ResponseContentPartAdded
    | ResponseOutputAudioTranscriptDelta
    | ResponseOutputAudioTranscriptDone
    | ResponseOutputAudioDone
    | ResponseOutputTextDelta
    | ResponseOutputTextDone
    | ResponseContentPartDone
    | ResponseOutputItemDone
    | ResponseDone
    | OutputAudioBufferStarted
    | OutputAudioBufferStopped
    | OutputAudioBufferCleared
    | TaskCreated
    | TaskUpdated
    | TaskCompleted
    | TaskFailed
    | SessionExpiring
    | SessionEnded
    | Error
)
