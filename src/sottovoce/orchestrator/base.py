"""From words to replies and tasks: what the live session asks of whoever thinks for it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol

import msgspec

from sottovoce.core.end_of_turn import Opinion
from sottovoce.core.events import Item
from sottovoce.core.task import Task


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be answered."""

    text: str
    """The user's words; empty: the client asked for an answer without having said anything (greet)."""
    spoken: bool
    """False: typed."""
    confidence: float = 1.0
    is_command: bool = False
    """The recogniser's grammar took it for a command."""
    item_id: str | None = None
    """Its item in the conversation."""


class Say(msgspec.Struct, frozen=True):
    """A sentence (or a few) to be spoken and shown."""

    text: str


class Goodbye(msgspec.Struct, frozen=True):
    """End the session once all before it was heard."""


Reply = Say | Goodbye


class TaskUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is now, and what there is to say about it."""

    task: Task
    say: str = ""
    moved: bool = True
    """False: it has only come further."""


class Tasks(Protocol):
    """The tasks of one session, as skills and the orchestrator see them. Methods raise TaskNotFound, TaskConflict,
    UnknownTaskType, InvalidArguments."""

    def know(self, *, language: str, ends_at: float) -> None:
        """What the session is like: its tasks speak that language, and can keep nothing beyond that time (seconds since
        the epoch)."""

    async def start(self, type_: str, arguments: dict[str, Any]) -> TaskUpdate:
        """Start one and give it a moment (at most 300 ms): `say` holds whatever it had to say by then, and that is not
        announced again; what it says later is."""

    async def all(self) -> list[Task]:
        """Every task of the session, oldest first."""

    async def cancel(self, task_id: str) -> TaskUpdate:
        """Stop it."""

    async def answer(self, task_id: str, value: Any) -> TaskUpdate:
        """Answer what it asks: True (confirm), False (refuse) or a value; then as `start`."""

    async def change(self, task_id: str, arguments: dict[str, Any]) -> TaskUpdate:
        """Replace some of its arguments while it is pending; then as `start`."""

    async def erase(self, task_id: str) -> TaskUpdate:
        """Stop it if it is pending, and keep nothing of what was said in it: no arguments, no result."""


class Talk(Protocol):
    """One session, as the orchestrator sees it."""

    session_id: str
    language: str
    """"en", "de"."""
    instructions: str
    tasks: Tasks
    last_said: str
    """The server's last answer, for "repeat that"; empty at the start."""
    ends_at: float
    """When the session's time is over (seconds since the epoch): what is due later cannot be kept by it."""
    memory: "Memory"

    @property
    def history(self) -> Sequence[Item]:
        """What was said so far, oldest first; of an answer that was interrupted, what was heard of it."""


class ToolServers(Protocol):
    """Servers elsewhere whose tools are skills, as whoever starts and stops them sees them."""

    def start(self) -> None:
        """Before the process is locked down: start what has to write files. Nothing is said to it yet."""

    async def connect(self) -> None:
        """After that: connect, and stay connected."""

    async def close(self) -> None:
        """Let go of all."""


class Orchestrator(Protocol):
    """Thinks."""

    async def close(self) -> None:
        """Let go of whatever it thinks with."""

    def examples(self, language: str) -> dict[str, str]:
        """Skill names to a sentence that calls each. Raises LanguageNotSupported, naming the languages there are."""

    def reply(self, prompt: Prompt, talk: Talk) -> AsyncGenerator[Reply, None]:
        """The answer, piece by piece as it comes. Closing the iterator stops it; tasks already started go on."""


# -- a language model ------------------------------------------------------------------------------------------------


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """Something a model may call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of its arguments, an object."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A model calls a tool."""

    id: str
    name: str
    """It may be no tool's."""
    arguments: str
    """As the model wrote them: JSON, if all is well."""


class Written(msgspec.Struct, frozen=True):
    """A model has written more."""

    text: str
    """Empty: it thinks, and what it thinks is not for the user."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is given to go by."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[Call, ...] = ()
    """Of the assistant's: what it called."""
    call_id: str = ""
    """Of a tool's: the call that this is the result of."""


class LanguageModel(Protocol):
    """Writes."""

    name: str
    patience_s: float
    """How long it may take to begin."""

    def write(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Written | Call, None]:
        """What comes next in the conversation: text as it is written, then the calls, each whole. Closing the iterator
        stops the model. Raises EngineFault, also where the model stops before its end."""

    async def close(self) -> None:
        """Let go of its connections."""


class Made(msgspec.Struct, frozen=True):
    """A call that was made, and what the model was told came of it."""

    call: Call
    result: str


class Memory:
    """What of one session the model goes by that is not in the conversation itself. It goes with the session."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Made]] = {}
        """By the item that they were made for."""
        self.summary = ""
        """Of what was said in `summarised`."""
        self.summarised: set[str] = set()
        """Ids of items that the model no longer gets word by word."""
        self.work: asyncio.Task[None] | None = None
        """What is done about it beside the conversation."""

    async def close(self) -> None:
        """Keep nothing."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.gather(self.work, return_exceptions=True)
        self.work = None
        self.summary = ""
        self.calls.clear()
        self.summarised.clear()


class Endings(Protocol):
    """Hears whether a sentence is finished."""

    def ending(self, text: str, language: str, *, asked: bool) -> Opinion:
        """What the words so far, a partial transcript, end like. `asked`: a question is open. Below a millisecond."""
