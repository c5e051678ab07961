"""`/api/v1/sessions/{id}/tasks` and `/api/v1/tasks`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from sottovoce.core.task import TaskState
from sottovoce.errors import ResultNotReady
from sottovoce.live.hub import Hub
from sottovoce.vault.keys import encode
from sottovoce.wire.views import TaskView, task_view


class TaskRequest(BaseModel):
    """A task to be started without a word said."""

    model_config = ConfigDict(strict=True)

    type: Annotated[str, Field(min_length=1, max_length=64)]
    arguments: dict[str, Any] = {}


class TaskInput(BaseModel):
    """The answer to what a task asks: true (confirm), false (refuse), or a value."""

    model_config = ConfigDict(strict=True)

    value: bool | int | float | Annotated[str, Field(max_length=4_000)]


class TaskResult(TypedDict):
    """What a task made."""

    id: str
    result: Any
    sealed: str | None
    """The same, sealed to the namespace's key: what may be kept. Base64url; null for a namespace without keys."""


def router(hub: Hub) -> APIRouter:
    """The resource."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/sessions/{session_id}/tasks", summary="The tasks of a session, oldest first")
    async def tasks_of(session_id: str, state: Annotated[TaskState | None, Query()] = None) -> list[TaskView]:
        tasks = await hub.desk.tasks_of(session_id)
        return [task_view(task) for task in tasks if state is None or task.state is state]

    @routes.post("/sessions/{session_id}/tasks", summary="Start a task without a word said")
    async def start(session_id: str, body: TaskRequest) -> TaskView:
        return task_view(await hub.desk.start(session_id, body.type, body.arguments))

    @routes.get("/tasks/{task_id}", summary="One task")
    async def get(task_id: str) -> TaskView:
        return task_view(await hub.desk.task(task_id))

    @routes.post("/tasks/{task_id}/cancel", summary="Stop a task")
    async def cancel(task_id: str) -> TaskView:
        return task_view(await hub.desk.cancel(task_id))

    @routes.post("/tasks/{task_id}/input", summary="Answer what a task asks")
    async def answer(task_id: str, body: TaskInput) -> TaskView:
        return task_view(await hub.desk.answer(task_id, body.value))

    @routes.get("/tasks/{task_id}/result", summary="What a task made")
    async def result(task_id: str) -> TaskResult:
        task = await hub.desk.task(task_id)
        if not task.result_available:
            raise ResultNotReady
        sealed = hub.desk.sealed_result(task)
        return TaskResult(id=task.id, result=task.result, sealed=None if sealed is None else encode(sealed))

    return routes
