"""What clients send: a closed union of the Realtime API's client events, and `playback.position`.

Unknown fields are passed over, as the Realtime API does, so that its clients work unchanged.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

EventId = Annotated[str, Meta(max_length=512)]
ItemId = Annotated[str, Meta(min_length=1, max_length=64)]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]


class AudioFormat(msgspec.Struct, kw_only=True):
    """PCM, 16-bit little-endian, mono."""

    type: Literal["audio/pcm"]
    rate: Literal[8_000, 16_000, 24_000, 48_000] = 16_000


class ServerVad(msgspec.Struct, kw_only=True, tag_field="type", tag="server_vad"):
    """The server finds the turns."""

    threshold: Annotated[float, Meta(ge=0.0, le=1.0)] | UnsetType | None = UNSET
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=500)] | UnsetType | None = UNSET
    silence_duration_ms: Annotated[int, Meta(ge=100, le=5_000)] | UnsetType | None = UNSET
    create_response: bool | UnsetType | None = UNSET
    interrupt_response: bool | UnsetType | None = UNSET


class SemanticVad(msgspec.Struct, kw_only=True, tag_field="type", tag="semantic_vad"):
    """The server finds the turns, and listens to what is said: it waits longer in the middle of a sentence."""

    eagerness: Literal["low", "medium", "high", "auto"] | UnsetType | None = UNSET
    create_response: bool | UnsetType | None = UNSET
    interrupt_response: bool | UnsetType | None = UNSET


class Transcription(msgspec.Struct, kw_only=True):
    """Which language is spoken."""

    language: Annotated[str, Meta(pattern=r"^[a-z]{2}(-[A-Za-z]{2,8})?$")] | UnsetType | None = UNSET


class AudioInput(msgspec.Struct, kw_only=True):
    """How sound comes in."""

    format: AudioFormat | UnsetType | None = UNSET
    turn_detection: ServerVad | SemanticVad | UnsetType | None = UNSET
    transcription: Transcription | UnsetType | None = UNSET


class AudioOutput(msgspec.Struct, kw_only=True):
    """How sound goes out."""

    format: AudioFormat | UnsetType | None = UNSET
    voice: Annotated[str, Meta(max_length=64)] | UnsetType | None = UNSET
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] | UnsetType | None = UNSET


class Audio(msgspec.Struct, kw_only=True):
    """Both ways."""

    input: AudioInput | UnsetType = UNSET
    output: AudioOutput | UnsetType = UNSET


class SessionChanges(msgspec.Struct, kw_only=True):
    """What `session.update` may change; what is not there stays."""

    type: Literal["realtime"] = "realtime"
    instructions: str | UnsetType | None = UNSET
    output_modalities: list[Literal["text", "audio"]] | UnsetType | None = UNSET
    audio: Audio | UnsetType = UNSET


class ContentPart(msgspec.Struct, kw_only=True):
    """A part of a typed item."""

    type: str
    text: str = ""


class MessageItem(msgspec.Struct, kw_only=True):
    """An item that a client adds."""

    type: Literal["message"]
    role: Literal["user", "assistant", "system"]
    content: Annotated[list[ContentPart], Meta(min_length=1, max_length=16)]
    id: ItemId | None = None


class ResponseParams(msgspec.Struct, kw_only=True):
    """How one answer is to be made."""

    output_modalities: list[Literal["text", "audio"]] | None = None


class ClientEvent(msgspec.Struct, kw_only=True, tag_field="type"):
    """The root of the union."""

    event_id: EventId | None = None


class SessionUpdate(ClientEvent, kw_only=True, tag="session.update"):
    """Change settings."""

    session: SessionChanges


class InputAudioBufferAppend(ClientEvent, kw_only=True, tag="input_audio_buffer.append"):
    """Sound as base64, for clients made for the Realtime API; a binary message says the same in fewer bytes."""

    audio: bytes


class InputAudioBufferCommit(ClientEvent, kw_only=True, tag="input_audio_buffer.commit"):
    """My turn is over."""


class InputAudioBufferClear(ClientEvent, kw_only=True, tag="input_audio_buffer.clear"):
    """Forget what I said since the last commit."""


class ConversationItemCreate(ClientEvent, kw_only=True, tag="conversation.item.create"):
    """Add something typed."""

    item: MessageItem
    previous_item_id: ItemId | None = None


class ConversationItemRetrieve(ClientEvent, kw_only=True, tag="conversation.item.retrieve"):
    """Send me an item."""

    item_id: ItemId


class ConversationItemDelete(ClientEvent, kw_only=True, tag="conversation.item.delete"):
    """Remove an item."""

    item_id: ItemId


class ConversationItemTruncate(ClientEvent, kw_only=True, tag="conversation.item.truncate"):
    """I stopped playing an answer here."""

    item_id: ItemId
    content_index: int = 0
    audio_end_ms: Milliseconds


class ResponseCreate(ClientEvent, kw_only=True, tag="response.create"):
    """Answer now."""

    response: ResponseParams | None = None


class ResponseCancel(ClientEvent, kw_only=True, tag="response.cancel"):
    """No more of this answer."""

    response_id: Annotated[str, Meta(max_length=64)] | None = None


class OutputAudioBufferClear(ClientEvent, kw_only=True, tag="output_audio_buffer.clear"):
    """Be silent."""


class PlaybackPosition(ClientEvent, kw_only=True, tag="playback.position"):
    """So much of an answer was heard."""

    item_id: ItemId
    audio_ms: Milliseconds


AnyClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemDelete
    | ConversationItemTruncate
    | ResponseCreate
    | ResponseCancel
    | OutputAudioBufferClear
    | PlaybackPosition
)


class _Loose(msgspec.Struct):
    """As much of a wrong message as helps to answer it."""

    type: Any = None
    event_id: Any = None


DECODER: msgspec.json.Decoder[AnyClientEvent] = msgspec.json.Decoder(AnyClientEvent)
LOOSE_DECODER = msgspec.json.Decoder(_Loose)
