"""What runs tasks: the port. One contract suite runs against every engine of tasks."""

from collections.abc import Callable
from typing import Protocol

from sottovoce.core.task import Task
from sottovoce.orchestrator.base import Tasks, TaskUpdate

OnUpdate = Callable[[TaskUpdate], None]


class TaskStore(Protocol):
    """Where an engine keeps its records."""

    async def put_task(self, task: Task) -> None:
        """Record a task, new or changed; ignored if its session is gone."""

    async def task(self, task_id: str) -> Task | None:
        """The task."""

    async def tasks_of(self, session_id: str) -> list[Task]:
        """The session's tasks, oldest first."""

    async def erase_tasks(self, session_id: str) -> None:
        """Keep none of the session's tasks."""


class TaskEngine(Protocol):
    """Runs tasks."""

    on_update: OnUpdate
    """Called on the event loop for every change of a task, and for what a task has to say: each by itself."""

    async def start(self) -> None:
        """Make ready."""

    async def close(self) -> None:
        """Stop every task that runs."""

    def for_session(self, session_id: str) -> Tasks:
        """The tasks of one session."""

    async def forget(self, session_id: str) -> None:
        """Stop the session's tasks and erase them all; done when it returns, and nothing of them comes after it."""
