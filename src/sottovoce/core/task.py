"""A task: work asked for by voice that outlasts the sentence. Its states are a table."""

from enum import StrEnum
from typing import Any

import msgspec

from sottovoce.errors import TaskConflict


class TaskState(StrEnum):
    """The words of the Model Context Protocol's tasks, with A2A's for the queue."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


PENDING = frozenset({TaskState.SUBMITTED, TaskState.WORKING, TaskState.INPUT_REQUIRED})


class TaskSignal(StrEnum):
    """What can happen to a task."""

    START = "start"
    ASK = "ask"
    ANSWER = "answer"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    REJECT = "reject"


TRANSITIONS: dict[tuple[TaskState, TaskSignal], TaskState] = {
    (TaskState.SUBMITTED, TaskSignal.START): TaskState.WORKING,
    (TaskState.SUBMITTED, TaskSignal.REJECT): TaskState.REJECTED,
    (TaskState.SUBMITTED, TaskSignal.FAIL): TaskState.FAILED,
    (TaskState.SUBMITTED, TaskSignal.CANCEL): TaskState.CANCELLED,
    (TaskState.WORKING, TaskSignal.ASK): TaskState.INPUT_REQUIRED,
    (TaskState.WORKING, TaskSignal.COMPLETE): TaskState.COMPLETED,
    (TaskState.WORKING, TaskSignal.FAIL): TaskState.FAILED,
    (TaskState.WORKING, TaskSignal.CANCEL): TaskState.CANCELLED,
    (TaskState.INPUT_REQUIRED, TaskSignal.ANSWER): TaskState.WORKING,
    (TaskState.INPUT_REQUIRED, TaskSignal.FAIL): TaskState.FAILED,
    (TaskState.INPUT_REQUIRED, TaskSignal.CANCEL): TaskState.CANCELLED,
}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One task. Times are seconds since the epoch, UTC."""

    id: str
    session_id: str
    type: str
    state: TaskState = TaskState.SUBMITTED
    created_at: float
    updated_at: float
    arguments: dict[str, Any] = {}
    question: str | None = None
    """What it asks, while it is `input_required`."""
    expects: str | None = None
    """What kind of answer it asks for: "yes_no", "text", "duration" (seconds) or "moment" (RFC 3339)."""
    result: Any = None
    error_message: str | None = None
    progress: float | None = None
    """How far it has come, 0 to 1, if it knows."""
    progress_message: str | None = None
    """What it is doing, in its own words."""

    @property
    def pending(self) -> bool:
        """Whether anything may still come of it."""
        return self.state in PENDING

    @property
    def result_available(self) -> bool:
        """Whether there is a result to fetch."""
        return self.state is TaskState.COMPLETED and self.result is not None


def move(task: Task, signal: TaskSignal, now: float, **changes: Any) -> Task:
    """The task after `signal`; `changes` are other fields that change with it.

    Raises TaskConflict where the table has no such move.
    """
    state = TRANSITIONS.get((task.state, signal))
    if state is None:
        raise TaskConflict(f"A task that is {task.state} cannot be told to {signal}")
    changes.setdefault("question", None)
    changes.setdefault("expects", None)
    return msgspec.structs.replace(task, state=state, updated_at=now, **changes)
