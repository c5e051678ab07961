"""Tasks without a word said: what REST asks for about them."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from sottovoce.core import events as ev
from sottovoce.core.task import Task
from sottovoce.errors import InvalidArguments, SessionNotFound, TaskNotFound
from sottovoce.live.session import LiveSession
from sottovoce.orchestrator.base import TaskUpdate
from sottovoce.tasks.base import TaskEngine, TaskStore
from sottovoce.vault.sealing import Purpose, seal_to

DEFAULT_LANGUAGE: Final = ev.Config().language


class Desk:
    """The tasks of this node's sessions. `find(session_id)` raises SessionNotFound."""

    def __init__(self, find: Callable[[str], LiveSession], store: TaskStore, tasks: TaskEngine) -> None:
        self._find = find
        self._store = store
        self._tasks = tasks

    async def pending(self, session_id: str) -> int:
        """How many of its tasks something may still come of."""
        return sum(task.pending for task in await self._store.tasks_of(session_id))

    async def tasks_of(self, session_id: str) -> list[Task]:
        """Its tasks, oldest first. Raises SessionNotFound."""
        self._find(session_id)
        return await self._store.tasks_of(session_id)

    async def start(self, session_id: str, type_: str, arguments: dict[str, Any]) -> Task:
        """Start a task. Raises SessionNotFound, UnknownTaskType, InvalidArguments."""
        live = self._find(session_id)
        if not live.session.live:
            raise SessionNotFound
        _refuse_half_characters(arguments)
        tasks = self._tasks.for_session(session_id)
        if live.runner is None:
            tasks.know(language=DEFAULT_LANGUAGE, ends_at=live.record.expires_at)
        return self._announced(await tasks.start(type_, arguments))

    async def task(self, task_id: str) -> Task:
        """The task. Raises TaskNotFound."""
        task = await self._store.task(task_id)
        if task is None:
            raise TaskNotFound
        return task

    def sealed_result(self, task: Task) -> bytes | None:
        """The result of a task, for its namespace to open also when the session is over; None if that has no keys."""
        public = self._find(task.session_id).record.public_keys
        if public is None:
            return None
        return seal_to(public.sealing, Purpose.RESULT, task.id, msgspec.json.encode(task.result))

    async def cancel(self, task_id: str) -> Task:
        """Stop it. Raises TaskNotFound, TaskConflict."""
        task = await self.task(task_id)
        return self._announced(await self._tasks.for_session(task.session_id).cancel(task_id))

    async def answer(self, task_id: str, value: Any) -> Task:
        """Answer what it asks. Raises TaskNotFound, TaskConflict, InvalidArguments."""
        _refuse_half_characters(value)
        task = await self.task(task_id)
        return self._announced(await self._tasks.for_session(task.session_id).answer(task_id, value))

    def _announced(self, update: TaskUpdate) -> Task:
        """What a task started or answered by REST has to say is spoken, as it would be had it been said."""
        try:
            live = self._find(update.task.session_id)
        except SessionNotFound:
            return update.task
        if update.say and live.runner is not None:
            live.runner.receive(ev.Announced(update.say))
        return update.task


def _refuse_half_characters(value: Any) -> None:
    """JSON may hold half of a surrogate pair; nobody can be told of a task that does. Raises InvalidArguments."""
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        raise InvalidArguments("A text holds half of a character (a lone surrogate)") from None
