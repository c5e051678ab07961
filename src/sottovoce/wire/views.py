"""Shapes that REST and the stream share."""

from datetime import UTC, datetime
from typing import Any

from typing_extensions import TypedDict

from sottovoce.core.events import Item
from sottovoce.core.task import Task


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as UTC text, milliseconds, with `Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ItemSaid(TypedDict):
    """One thing said, as a transcript has it."""

    id: str
    role: str
    text: str | None
    """None: not yet heard."""
    status: str
    spoken: bool


def item_said(item: Item) -> ItemSaid:
    """The item as a transcript has it."""
    return ItemSaid(id=item.id, role=str(item.role), text=item.text, status=str(item.status), spoken=item.spoken)


class TaskView(TypedDict):
    """A task as clients see it."""

    id: str
    session_id: str
    type: str
    state: str
    created_at: str
    updated_at: str
    result_available: bool
    error_message: str | None
    arguments: dict[str, Any]
    question: str | None
    expects: str | None
    progress: float | None
    progress_message: str | None


def task_view(task: Task) -> TaskView:
    """The task as clients see it: all but its result."""
    return TaskView(
        id=task.id,
        session_id=task.session_id,
        type=task.type,
        state=str(task.state),
        created_at=rfc3339(task.created_at),
        updated_at=rfc3339(task.updated_at),
        result_available=task.result_available,
        error_message=task.error_message,
        arguments=task.arguments,
        question=task.question,
        expects=task.expects,
        progress=task.progress,
        progress_message=task.progress_message,
    )
