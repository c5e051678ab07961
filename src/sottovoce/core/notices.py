"""The closed union of what a client is told (`Notice`). The wire puts each into events of its own vocabulary."""

import msgspec

from sottovoce.core.events import CancelReason, Config, Item, ResponseStatus
from sottovoce.core.task import Task


class SessionOpened(msgspec.Struct, frozen=True):
    """First on every connection."""

    session_id: str
    config: Config
    expires_at: float


class SessionConfigured(msgspec.Struct, frozen=True):
    """The settings are now these."""

    session_id: str
    config: Config
    expires_at: float


class UserStarted(msgspec.Struct, frozen=True):
    """The user's turn began."""

    item_id: str
    audio_start_ms: int


class UserStopped(msgspec.Struct, frozen=True):
    """The user's turn ended."""

    item_id: str
    audio_end_ms: int


class SoundCommitted(msgspec.Struct, frozen=True):
    """The turn's sound is now an item."""

    item_id: str
    previous_item_id: str | None


class SoundCleared(msgspec.Struct, frozen=True):
    """What was not committed is gone."""


class SoundAcknowledged(msgspec.Struct, frozen=True):
    """All sound up to here is safe."""

    audio_end_ms: int


class ItemAdded(msgspec.Struct, frozen=True):
    """An item stands in the conversation."""

    item: Item
    previous_item_id: str | None


class ItemDone(msgspec.Struct, frozen=True):
    """An item is final."""

    item: Item
    previous_item_id: str | None


class ItemRetrieved(msgspec.Struct, frozen=True):
    """An item, as asked for."""

    item: Item


class ItemDeleted(msgspec.Struct, frozen=True):
    """An item is gone."""

    item_id: str


class ItemTruncated(msgspec.Struct, frozen=True):
    """An answer was cut to what was heard."""

    item_id: str
    audio_end_ms: int


class TranscriptGrew(msgspec.Struct, frozen=True):
    """More words of a turn are certain enough to be shown."""

    item_id: str
    delta: str


class TranscriptCompleted(msgspec.Struct, frozen=True):
    """What a turn was heard as: replaces what was shown before."""

    item_id: str
    text: str
    confidence: float
    duration_ms: int


class TranscriptFailed(msgspec.Struct, frozen=True):
    """A turn could not be transcribed."""

    item_id: str
    code: str
    message: str


class ResponseStarted(msgspec.Struct, frozen=True):
    """An answer begins."""

    response_id: str
    item: Item
    previous_item_id: str | None
    speech_out: bool


class ResponseGrew(msgspec.Struct, frozen=True):
    """The answer's next words."""

    response_id: str
    item_id: str
    delta: str
    speech_out: bool


class PlaybackStarted(msgspec.Struct, frozen=True):
    """The answer's first sound goes out."""

    response_id: str


class PlaybackStopped(msgspec.Struct, frozen=True):
    """The answer was heard to its end."""

    response_id: str


class PlaybackCleared(msgspec.Struct, frozen=True):
    """What was not played of the answer is to be dropped."""

    response_id: str


class ResponseEnded(msgspec.Struct, frozen=True):
    """The answer is complete, cancelled or failed."""

    response_id: str
    item: Item
    previous_item_id: str | None
    status: ResponseStatus
    speech_out: bool
    reason: CancelReason | None = None
    code: str | None = None
    message: str | None = None


class TaskNotice(msgspec.Struct, frozen=True):
    """A task changed."""

    task: Task
    created: bool


class SessionExpiring(msgspec.Struct, frozen=True):
    """The session will end soon."""

    seconds_left: int
    reason: str


class SessionEnded(msgspec.Struct, frozen=True):
    """The last word before a clean close."""

    reason: str
    usage: dict[str, int]


class Fault(msgspec.Struct, frozen=True):
    """Something was wrong; the stream goes on."""

    code: str
    message: str
    client_fault: bool
    param: str | None = None
    client_event_id: str | None = None


Notice = (
    SessionOpened
    | SessionConfigured
    | UserStarted
    | UserStopped
    | SoundCommitted
    | SoundCleared
    | SoundAcknowledged
    | ItemAdded
    | ItemDone
    | ItemRetrieved
    | ItemDeleted
    | ItemTruncated
    | TranscriptGrew
    | TranscriptCompleted
    | TranscriptFailed
    | ResponseStarted
    | ResponseGrew
    | PlaybackStarted
    | PlaybackStopped
    | PlaybackCleared
    | ResponseEnded
    | TaskNotice
    | SessionExpiring
    | SessionEnded
    | Fault
)
