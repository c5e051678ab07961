"""From words to replies and tasks: what the live session asks of whoever thinks for it."""

from collections.abc import AsyncGenerator
from typing import Any, Protocol

import msgspec

from sottovoce.core.end_of_turn import Opinion
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


class Orchestrator(Protocol):
    """Thinks."""

    def examples(self, language: str) -> dict[str, str]:
        """Skill names to a sentence that calls each. Raises LanguageNotSupported, naming the languages there are."""

    def reply(self, prompt: Prompt, talk: Talk) -> AsyncGenerator[Reply, None]:
        """The answer, piece by piece as it comes. Closing the iterator stops it; tasks already started go on."""


class Endings(Protocol):
    """Hears whether a sentence is finished."""

    def ending(self, text: str, language: str, *, asked: bool) -> Opinion:
        """What the words so far, a partial transcript, end like. `asked`: a question is open. Below a millisecond."""
