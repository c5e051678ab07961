"""The closed union of what can happen in a conversation (`Happening`), and of what is to be done about it (`Command`).

What the client is told about it stands in notices.py.

Positions in sound are milliseconds on the wire and here; samples (16 kHz) where the name says so.
"""

from enum import StrEnum

import msgspec

from sottovoce.core.task import Task
from sottovoce.core.turn import TurnSettings

# -- the conversation's settings -------------------------------------------------------------------------------------


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What `session.update` can change."""

    input_rate: int = 16_000
    output_rate: int = 16_000
    turn_detection: TurnSettings | None = TurnSettings()
    """None: the client commits its turns itself."""
    create_response: bool = True
    interrupt_response: bool = True
    instructions: str = ""
    language: str = "en"
    voice: str | None = None
    speed: float = 1.0
    speech_out: bool = True
    """False: answers are text only."""


class Role(StrEnum):
    """Who said an item."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class ItemStatus(StrEnum):
    """How far an item is."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"


class Item(msgspec.Struct, kw_only=True):
    """One thing said."""

    id: str
    role: Role
    spoken: bool
    status: ItemStatus = ItemStatus.IN_PROGRESS
    text: str | None = None
    """None: not yet heard."""


class ResponseStatus(StrEnum):
    """How a response ended, or that it has not."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class CancelReason(StrEnum):
    """Why a response was cancelled."""

    TURN_DETECTED = "turn_detected"
    CLIENT_CANCELLED = "client_cancelled"


# -- happenings ------------------------------------------------------------------------------------------------------


class ConfigChanged(msgspec.Struct, frozen=True):
    """The client changed the settings; the whole new ones."""

    config: Config


class SpeechBegan(msgspec.Struct, frozen=True):
    """The detector found the start of a turn."""

    start_sample: int


class SpeechEnded(msgspec.Struct, frozen=True):
    """The detector found the end of a turn."""

    end_sample: int


class SoundAppended(msgspec.Struct, frozen=True):
    """Sound came while the client commits its turns itself; told once a turn, at its first sound."""

    start_sample: int


class CommitSound(msgspec.Struct, frozen=True):
    """The client ends its turn."""

    end_sample: int


class ClearSound(msgspec.Struct, frozen=True):
    """The client takes back what it said since the last commit."""


class PartialHeard(msgspec.Struct, frozen=True):
    """The words so far."""

    item_id: str
    text: str


class Heard(msgspec.Struct, frozen=True):
    """The final transcript of a turn."""

    item_id: str
    text: str
    confidence: float
    is_command: bool
    duration_ms: int


class HearingFailed(msgspec.Struct, frozen=True):
    """The recogniser gave up on a turn."""

    item_id: str
    code: str
    message: str


class CreateItem(msgspec.Struct, frozen=True):
    """The client adds something typed."""

    item_id: str | None
    role: Role
    text: str
    previous_item_id: str | None


class DeleteItem(msgspec.Struct, frozen=True):
    """The client removes an item."""

    item_id: str


class RetrieveItem(msgspec.Struct, frozen=True):
    """The client asks for an item."""

    item_id: str


class TruncateItem(msgspec.Struct, frozen=True):
    """The client says how much of an answer was heard, and that the rest never will be."""

    item_id: str
    audio_end_ms: int


class CreateResponse(msgspec.Struct, frozen=True):
    """The client wants an answer now."""

    speech_out: bool | None


class CancelResponse(msgspec.Struct, frozen=True):
    """The client wants no more of an answer."""

    response_id: str | None


class ClearOutput(msgspec.Struct, frozen=True):
    """The client wants silence: what was not played is dropped."""


class PlaybackReported(msgspec.Struct, frozen=True):
    """So much of an answer was heard."""

    item_id: str
    audio_ms: int


class Replied(msgspec.Struct, frozen=True):
    """The orchestrator has another sentence of the answer."""

    response_id: str
    text: str


class Spoke(msgspec.Struct, frozen=True):
    """Another piece of the answer's sound goes out now."""

    response_id: str
    audio_ms: float


class SentenceSpoken(msgspec.Struct, frozen=True):
    """All sound of the newest sentence has gone out."""

    response_id: str


class ReplyEnded(msgspec.Struct, frozen=True):
    """All of an answer has gone out."""

    response_id: str


class ReplyFailed(msgspec.Struct, frozen=True):
    """An engine failed in the middle of an answer."""

    response_id: str
    code: str
    message: str


class PlaybackEnded(msgspec.Struct, frozen=True):
    """By the clock, all of an answer has been heard."""

    response_id: str


class TaskMoved(msgspec.Struct, frozen=True):
    """A task changed; `say` is what there is to be said about it."""

    task: Task
    say: str = ""


class Announced(msgspec.Struct, frozen=True):
    """There is something to be said to the user, once it is silent."""

    say: str


Happening = (
    ConfigChanged
    | SpeechBegan
    | SpeechEnded
    | SoundAppended
    | CommitSound
    | ClearSound
    | PartialHeard
    | Heard
    | HearingFailed
    | CreateItem
    | DeleteItem
    | RetrieveItem
    | TruncateItem
    | CreateResponse
    | CancelResponse
    | ClearOutput
    | PlaybackReported
    | Replied
    | Spoke
    | SentenceSpoken
    | ReplyEnded
    | ReplyFailed
    | PlaybackEnded
    | TaskMoved
    | Announced
)

# -- commands ---------------------------------------------------------------------------------------------------------


class StartHearing(msgspec.Struct, frozen=True):
    """Give the recogniser all sound from here on."""

    item_id: str
    from_sample: int
    asked: bool
    """A question is open: "yes" and "no" are to be expected."""


class FinishHearing(msgspec.Struct, frozen=True):
    """The turn ends here: ask for the transcript."""

    item_id: str
    to_sample: int


class CancelHearing(msgspec.Struct, frozen=True):
    """Forget the turn."""

    item_id: str


class StartResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Make an answer."""

    response_id: str
    speech_out: bool
    text: str = ""
    """The user's words; empty: greet."""
    spoken: bool = False
    confidence: float = 1.0
    is_command: bool = False
    say: str = ""
    """If not empty, this is the answer, and nobody is asked for one."""
    item_id: str | None = None
    """What is answered."""


class StopResponse(msgspec.Struct, frozen=True):
    """Make no more of the answer, and send nothing more of it."""

    response_id: str


Command = StartHearing | FinishHearing | CancelHearing | StartResponse | StopResponse
