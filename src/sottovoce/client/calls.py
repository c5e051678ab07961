"""REST calls about one session, also for those who have not connected to it."""

from typing import Any

import msgspec

from sottovoce.client.rest import Rest
from sottovoce.errors import SessionNotFound
from sottovoce.wire.views import ItemSaid, TaskView


class HandedOver(msgspec.Struct, frozen=True):
    """The session's key, in one of two forms."""

    sealed: str | None = None
    plain: str | None = None


class Opened(msgspec.Struct, kw_only=True):
    """The answer to `POST /sessions`. `websocket_url` holds the one-time ticket: show it to nobody."""

    id: str
    namespace_id: str
    status: str
    created_at: str
    websocket_url: str
    session_key: HandedOver = HandedOver()


class SessionInfo(Opened, kw_only=True):
    """A session as it is now; `turn` is idle, listening, thinking or speaking. Times are RFC 3339, UTC."""

    expires_at: str
    message_count: int
    pending_tasks: int
    turn: str


class _TaskResult(msgspec.Struct):
    result: Any
    sealed: str | None = None


class _Transcript(msgspec.Struct):
    items: list[ItemSaid]


class SessionCalls:
    """What REST offers about a session. Every call raises ServerUnreachable, or the error that the server answers."""

    def __init__(self, rest: Rest, session_id: str) -> None:
        self.id = session_id
        self._rest = rest

    async def info(self) -> SessionInfo:
        """The session as it is now. Raises SessionNotFound."""
        return await self._rest.call(SessionInfo, "GET", f"/sessions/{self.id}")

    async def stats(self) -> dict[str, Any]:
        """Counts and times. Raises SessionNotFound."""
        return await self._rest.call(dict[str, Any], "GET", f"/sessions/{self.id}/stats")

    async def tasks(self, state: str | None = None) -> list[TaskView]:
        """Its tasks, oldest first; of one state, if given. Raises SessionNotFound."""
        params = None if state is None else {"state": state}
        return await self._rest.call(list[TaskView], "GET", f"/sessions/{self.id}/tasks", params=params)

    async def start_task(self, type_: str, arguments: dict[str, Any]) -> TaskView:
        """Start a task without a word said. Raises UnknownTaskType, InvalidArguments."""
        body = {"type": type_, "arguments": arguments}
        return await self._rest.call(TaskView, "POST", f"/sessions/{self.id}/tasks", body=body)

    async def task(self, task_id: str) -> TaskView:
        """One task. Raises TaskNotFound."""
        return await self._rest.call(TaskView, "GET", f"/tasks/{task_id}")

    async def cancel_task(self, task_id: str) -> TaskView:
        """Stop it. Raises TaskNotFound, TaskConflict."""
        return await self._rest.call(TaskView, "POST", f"/tasks/{task_id}/cancel")

    async def answer_task(self, task_id: str, value: bool | float | str) -> TaskView:
        """Answer what it asks: True (confirm), False (refuse) or a value. Raises TaskNotFound, TaskConflict."""
        return await self._rest.call(TaskView, "POST", f"/tasks/{task_id}/input", body={"value": value})

    async def result(self, task_id: str) -> Any:
        """What it made. Raises TaskNotFound, ResultNotReady."""
        return (await self._rest.call(_TaskResult, "GET", f"/tasks/{task_id}/result")).result

    async def sealed_result(self, task_id: str) -> str | None:
        """The same, sealed to the namespace's key: `open_result` opens it wherever the keys are, also when the session
        is over. None without keys. Raises TaskNotFound, ResultNotReady."""
        return (await self._rest.call(_TaskResult, "GET", f"/tasks/{task_id}/result")).sealed

    async def transcript(self) -> list[ItemSaid]:
        """What was said so far, oldest first; nothing once the session is over. Raises SessionNotFound."""
        return (await self._rest.call(_Transcript, "GET", f"/sessions/{self.id}/transcript")).items

    async def end(self) -> None:
        """Ask the server to close the session and forget it; `session.ended` then comes over the stream, last.

        Harmless if it has ended already.
        """
        try:
            await self._rest.call(dict[str, str], "DELETE", f"/sessions/{self.id}")
        except SessionNotFound:
            return
