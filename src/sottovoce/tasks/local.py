"""Tasks in the server's own process, on its event loop. They end with it."""

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from sottovoce.core.task import Task, TaskSignal, TaskState, move
from sottovoce.errors import InvalidArguments, SessionNotFound, TaskConflict, TaskNotFound
from sottovoce.orchestrator.base import TaskUpdate
from sottovoce.orchestrator.skills import ANSWERS, SkillFailed, Skills
from sottovoce.orchestrator.zone import local_zone
from sottovoce.tasks.base import OnUpdate, TaskStore
from sottovoce.tasks.job import Entry, LocalJob, Sleep, Unanswered

RUNNING_AT_ONCE = 2
PENDING_AT_MOST = 100
KEPT_AT_MOST = 1_000
SETTLE_S = 0.3
"""How long `start` waits for a first word."""
PROGRESS_EVERY_S = 0.5
FORGET_S = 2.0
"""How long a task that was cancelled may take to end before it is left behind."""
FOR_EVER = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400


class LocalTasks:
    """Implements tasks.base.TaskEngine.

    `clock`: seconds since the epoch. `sleep`: waits for seconds of that clock. `zone`: where the users are; None is
    where the machine is.
    """

    def __init__(
        self,
        skills: Skills,
        store: TaskStore,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        zone: tzinfo | None = None,
    ) -> None:
        self.skills = skills
        self.store = store
        self.clock = clock
        self.sleep = sleep
        self.zone = zone or local_zone()
        self.on_update: OnUpdate = lambda _update: None
        self._sessions: dict[str, SessionTasks] = {}

    async def start(self) -> None:
        """See TaskEngine."""

    async def close(self) -> None:
        """See TaskEngine."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        await asyncio.gather(*(session.stop() for session in sessions))

    def for_session(self, session_id: str) -> "SessionTasks":
        """See TaskEngine."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = SessionTasks(self, session_id)
        return session

    async def forget(self, session_id: str) -> None:
        """See TaskEngine."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            await session.stop()
        await self.store.erase_tasks(session_id)


class SessionTasks:
    """Implements orchestrator.base.Tasks."""

    def __init__(self, engine: LocalTasks, session_id: str) -> None:
        self.engine = engine
        self.session_id = session_id
        self.language = "en"
        self.ends_at = FOR_EVER
        self._pending: dict[str, Entry] = {}
        self._queue: deque[Entry] = deque()
        self._running = 0
        self._kept = 0
        self._recording = asyncio.Lock()
        self._leftovers: set[asyncio.Task[None]] = set()
        self._gone = False

    # -- orchestrator.base.Tasks -------------------------------------------------------------------------------------

    def know(self, *, language: str, ends_at: float) -> None:
        """See Tasks."""
        self.language, self.ends_at = language, min(ends_at, FOR_EVER)

    async def start(self, type_: str, arguments: dict[str, Any]) -> TaskUpdate:
        """See Tasks. Too many: the task is rejected; it is kept only while there is room."""
        if self._gone:
            raise SessionNotFound
        skill = self.engine.skills.task(type_)
        now = self.engine.clock()
        task = Task(
            id=str(uuid.uuid4()),
            session_id=self.session_id,
            type=type_,
            created_at=now,
            updated_at=now,
            arguments=skill.normal(arguments),
        )
        if self._kept >= KEPT_AT_MOST or len(self._pending) >= PENDING_AT_MOST:
            return await self._reject(task)
        entry = Entry(task, skill)
        self._kept += 1
        self._pending[task.id] = entry
        self._queue.append(entry)
        with self._attended(entry):
            await self._record(task)
            self._start_next()
            return await self._settle(entry)

    async def all(self) -> list[Task]:
        """See Tasks."""
        return await self.engine.store.tasks_of(self.session_id)

    async def cancel(self, task_id: str) -> TaskUpdate:
        """See Tasks."""
        return TaskUpdate(task=await self._cancel(await self._entry(task_id)))

    async def answer(self, task_id: str, value: Any) -> TaskUpdate:
        """See Tasks."""
        entry = await self._entry(task_id)
        task, asked = entry.task, entry.answer
        if task.state is not TaskState.INPUT_REQUIRED or asked is None or task.expects is None:
            raise TaskConflict("The task asks for nothing")
        if value is False and task.expects != "yes_no":
            return await self.cancel(task_id)
        try:
            answer = msgspec.convert(value, ANSWERS[task.expects])
        except msgspec.ValidationError:
            raise InvalidArguments(f"The task asks for a value of the kind {task.expects}") from None
        arguments = task.arguments
        if entry.argument is not None:
            arguments = entry.skill.normal({**arguments, entry.argument: value})
        entry.answer = None
        self._listen(entry)
        with self._attended(entry):
            await self._move(entry, TaskSignal.ANSWER, arguments=arguments)
            if not asked.done():
                asked.set_result(answer)
            return await self._settle(entry)

    async def change(self, task_id: str, arguments: dict[str, Any]) -> TaskUpdate:
        """See Tasks. A skill that runs already begins anew."""
        old = await self._entry(task_id)
        changed = old.skill.normal({**old.task.arguments, **arguments})
        if old.task.state is TaskState.SUBMITTED:
            old.task = msgspec.structs.replace(old.task, arguments=changed, updated_at=self.engine.clock())
            await self._record(old.task)
            return TaskUpdate(task=old.task)
        entry = self._replaced(old, changed)
        with self._attended(entry):
            await self._record(entry.task)
            self._run(entry)
            return await self._settle(entry)

    async def erase(self, task_id: str) -> TaskUpdate:
        """See Tasks."""
        entry = self._pending.get(task_id)
        if entry is not None:
            return TaskUpdate(task=await self._cancel(entry, arguments={}, progress_message=None))
        task = await self._kept_task(task_id)
        task = msgspec.structs.replace(
            task,
            arguments={},
            result=None,
            error_message=None,
            progress_message=None,
            updated_at=self.engine.clock(),
        )
        await self._record(task)
        return TaskUpdate(task=task)

    # -- for the engine and its jobs ---------------------------------------------------------------------------------

    async def stop(self) -> None:
        """End everything, now; what is recorded stays as it is."""
        self._gone = True
        runs = [entry.runs for entry in self._pending.values() if entry.runs is not None]
        for entry in self._pending.values():
            entry.open = False
            entry.settled.set()
        self._pending.clear()
        self._queue.clear()
        for run in runs:
            self._stop(run)
        if self._leftovers:
            await asyncio.wait(self._leftovers, timeout=FORGET_S)
        async with self._recording:
            # Whatever was being recorded is recorded by now: what is erased after this stays erased.
            return

    def say(self, entry: Entry, text: str) -> None:
        """To whoever started the task if they wait, else to the session."""
        if entry.saying is not None:
            entry.saying.append(text)
        else:
            self.engine.on_update(TaskUpdate(task=entry.task, say=text))

    async def ask(self, entry: Entry, question: str, expects: str, argument: str | None) -> asyncio.Future[Any]:
        """Put a question; its answer comes as the future's."""
        entry.answer, entry.argument = asyncio.get_running_loop().create_future(), argument
        await self._move(entry, TaskSignal.ASK, question=question, expects=expects)
        self.say(entry, question)
        return entry.answer

    async def progress(self, entry: Entry, done: float | None, message: str | None) -> None:
        """The task has come further."""
        now = self.engine.clock()
        if entry.task.state is TaskState.WORKING and now - entry.progress_at >= PROGRESS_EVERY_S:
            entry.progress_at = now
            entry.task = msgspec.structs.replace(entry.task, progress=done, progress_message=message, updated_at=now)
            await self._record(entry.task, moved=False)

    @contextlib.contextmanager
    def idle(self, entry: Entry) -> Iterator[None]:
        """While it waits, another may run; when it goes on, it goes on at once, as what it waited for is due."""
        entry.settled.set()
        self._running -= 1
        self._start_next()
        try:
            yield
        finally:
            self._running += 1

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _entry(self, task_id: str) -> Entry:
        """The pending task of that id. Raises TaskNotFound, TaskConflict."""
        entry = self._pending.get(task_id)
        if entry is None:
            task = await self._kept_task(task_id)
            raise TaskConflict(f"The task is {task.state}")
        return entry

    async def _kept_task(self, task_id: str) -> Task:
        task = await self.engine.store.task(task_id)
        if task is None or task.session_id != self.session_id:
            raise TaskNotFound
        return task

    def _listen(self, entry: Entry) -> None:
        entry.settled.clear()
        entry.saying = []

    @contextlib.contextmanager
    def _attended(self, entry: Entry) -> Iterator[None]:
        """Whoever waits for what it says may be stopped meanwhile: then the session is told."""
        try:
            yield
        except asyncio.CancelledError:
            said, entry.saying = entry.saying or [], None
            if said:
                self.engine.on_update(TaskUpdate(task=entry.task, say=" ".join(said)))
            raise

    async def _settle(self, entry: Entry) -> TaskUpdate:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await entry.settled.wait()
        said, entry.saying = entry.saying or [], None
        return TaskUpdate(task=entry.task, say=" ".join(said))

    def _start_next(self) -> None:
        while self._queue and self._running < RUNNING_AT_ONCE:
            entry = self._queue.popleft()
            if entry.open:
                self._run(entry)

    def _run(self, entry: Entry) -> None:
        self._running += 1
        entry.runs = asyncio.create_task(self._perform(entry, LocalJob(self.engine, self, entry)))
        # Not in a `finally` of its own: a run that is stopped before its first step has none.
        entry.runs.add_done_callback(self._ran)

    def _ran(self, _run: asyncio.Task[None]) -> None:
        self._running -= 1
        self._start_next()

    async def _perform(self, entry: Entry, job: LocalJob) -> None:
        try:
            if entry.task.state is TaskState.SUBMITTED:
                await self._move(entry, TaskSignal.START)
            result = await entry.skill.run(job, **entry.skill.read(entry.task.arguments))
            await self._end(entry, TaskSignal.COMPLETE, result=msgspec.to_builtins(result))
        except Unanswered:
            await self._end(entry, TaskSignal.CANCEL)
        except SkillFailed as failed:
            await self._end(entry, TaskSignal.FAIL, error_message=failed.why)
        except Exception as error:  # noqa: BLE001 - whatever a skill raises is that task's failure and nobody else's
            # The error's own text may hold what was said.
            message = f"The skill {entry.task.type} failed ({type(error).__name__})"
            await self._end(entry, TaskSignal.FAIL, error_message=message)
        except asyncio.CancelledError:
            # Whoever stops a task has ended it before; this one stopped itself.
            await self._end(entry, TaskSignal.CANCEL)
            raise

    async def _end(self, entry: Entry, signal: TaskSignal, **changes: Any) -> Task:
        """The last move of a task; harmless if it has ended in another way meanwhile."""
        if entry.open:
            entry.open = False
            self._pending.pop(entry.task.id, None)
            await self._move(entry, signal, **changes)
        entry.settled.set()
        return entry.task

    async def _cancel(self, entry: Entry, **changes: Any) -> Task:
        task = await self._end(entry, TaskSignal.CANCEL, **changes)
        if entry.runs is not None:
            self._stop(entry.runs)
        return task

    async def _move(self, entry: Entry, signal: TaskSignal, **changes: Any) -> None:
        entry.task = move(entry.task, signal, self.engine.clock(), **changes)
        await self._record(entry.task)

    async def _reject(self, task: Task) -> TaskUpdate:
        message = "This session has as many tasks as it may have"
        task = move(task, TaskSignal.REJECT, self.engine.clock(), error_message=message)
        if self._kept < KEPT_AT_MOST:
            self._kept += 1
            await self._record(task)
        return TaskUpdate(task=task)

    async def _record(self, task: Task, *, moved: bool = True) -> None:
        async with self._recording:
            if not self._gone:
                await self.engine.store.put_task(task)
                self.engine.on_update(TaskUpdate(task=task, moved=moved))

    def _replaced(self, old: Entry, arguments: dict[str, Any]) -> Entry:
        """The same task in a new run; the old run counts for nothing more."""
        old.open = False
        old.settled.set()
        if old.runs is not None:
            self._stop(old.runs)
        now = self.engine.clock()
        task = msgspec.structs.replace(old.task, arguments=arguments, updated_at=now)
        if task.state is TaskState.INPUT_REQUIRED:
            task = move(task, TaskSignal.ANSWER, now)
        entry = self._pending[task.id] = Entry(task, old.skill)
        return entry

    def _stop(self, run: asyncio.Task[None]) -> None:
        if run is not asyncio.current_task():
            run.cancel()
            self._leftovers.add(run)
            run.add_done_callback(self._leftovers.discard)
