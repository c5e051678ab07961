"""A task of this process, and how its skill sees it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime, tzinfo
from typing import Any, Protocol

from sottovoce.core.task import Task
from sottovoce.orchestrator.base import Tasks
from sottovoce.orchestrator.phrases import Phrases
from sottovoce.orchestrator.skills import Skill, Skills

ANSWER_WITHIN_S = 60.0
LONGEST_NAP_S = 20.0
"""A machine that slept wakes with its clocks apart: who waits for a moment looks at the wall clock this often."""

Sleep = Callable[[float], Awaitable[None]]


class Unanswered(Exception):
    """A question was left open for too long."""


class Entry:
    """One pending task."""

    __slots__ = ("answer", "argument", "open", "progress_at", "runs", "saying", "settled", "skill", "task")

    def __init__(self, task: Task, skill: Skill) -> None:
        self.task = task
        self.skill = skill
        self.runs: asyncio.Task[None] | None = None
        self.open = True
        """False: what its skill still does counts for nothing."""
        self.settled = asyncio.Event()
        """It has come as far as it can at once: it waits, asks, or is done."""
        self.saying: list[str] | None = []
        """What it said while whoever started it waits; None: nobody waits."""
        self.answer: asyncio.Future[Any] | None = None
        self.argument: str | None = None
        """Which of its arguments the answer becomes."""
        self.progress_at = 0.0
        """When its client was last told how far it has come."""


class Engine(Protocol):
    """What all tasks have in common."""

    skills: Skills
    clock: Callable[[], float]
    sleep: Sleep
    zone: tzinfo


class Session(Tasks, Protocol):
    """The tasks of one session, as its jobs need them."""

    language: str
    ends_at: float

    def say(self, entry: Entry, text: str) -> None:
        """To whoever started the task if they wait, else to the session."""

    async def ask(self, entry: Entry, question: str, expects: str, argument: str | None) -> asyncio.Future[Any]:
        """Put a question; its answer comes as the future's."""

    async def progress(self, entry: Entry, done: float | None, message: str | None) -> None:
        """The task has come further."""

    def idle(self, entry: Entry) -> AbstractContextManager[None]:
        """The task waits."""


class LocalJob:
    """Implements orchestrator.skills.Job."""

    def __init__(self, engine: Engine, session: Session, entry: Entry) -> None:
        self._engine = engine
        self._session = session
        self._entry = entry
        self.task_id = entry.task.id

    @property
    def language(self) -> str:
        """See Job."""
        return self._session.language

    @property
    def phrases(self) -> Phrases:
        """See Job."""
        return self._engine.skills.phrases(self._session.language)

    @property
    def tasks(self) -> Tasks:
        """See Job."""
        return self._session

    @property
    def ends_at(self) -> datetime:
        """See Job."""
        return datetime.fromtimestamp(self._session.ends_at, self._engine.zone)

    def now(self) -> datetime:
        """See Job."""
        return datetime.fromtimestamp(self._engine.clock(), self._engine.zone)

    def say(self, text: str) -> None:
        """See Job."""
        self._must_be_open()
        self._session.say(self._entry, text)

    async def ask(self, question: str, expects: str, *, argument: str | None = None) -> Any:
        """See Job."""
        self._must_be_open()
        answer = await self._session.ask(self._entry, question, expects, argument)
        with self._session.idle(self._entry):
            patience = asyncio.ensure_future(self._engine.sleep(ANSWER_WITHIN_S))
            try:
                await asyncio.wait({answer, patience}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                patience.cancel()
        if not answer.done():
            raise Unanswered
        return answer.result()

    async def progress(self, done: float | None, message: str | None = None) -> None:
        """See Job."""
        self._must_be_open()
        await self._session.progress(self._entry, done, message)

    async def until(self, moment: datetime) -> None:
        """See Job."""
        self._must_be_open()
        due = moment.timestamp()
        with self._session.idle(self._entry):
            while (left := due - self._engine.clock()) > 0:
                await self._engine.sleep(min(left, LONGEST_NAP_S))
        self._must_be_open()

    def _must_be_open(self) -> None:
        """A skill that went on after it was stopped is told again."""
        if not self._entry.open:
            raise asyncio.CancelledError
