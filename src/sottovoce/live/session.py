"""A session of this node: its record, its deadlines, its ticket and, once connected, its shell."""

import asyncio
from collections.abc import Sequence

from sottovoce.core.events import Item
from sottovoce.core.session import Effect, Session, Signal, Status
from sottovoce.core.task import TaskState
from sottovoce.live.census import Census
from sottovoce.live.connection import Connection
from sottovoce.live.runner import Runner
from sottovoce.orchestrator.base import TaskUpdate
from sottovoce.speech.base import HEARING_RATE
from sottovoce.store.base import SessionRecord
from sottovoce.vault.tickets import Ticket


class LiveSession:
    """What the hub holds of a session. Until somebody connects, that is little."""

    __slots__ = ("_census", "_tasks", "connection", "ending", "record", "runner", "session", "ticket")

    def __init__(self, record: SessionRecord, session: Session, ticket: Ticket, census: Census) -> None:
        self.record = record
        """As it was when it was created."""
        self.session = session
        self.ending: asyncio.Future[None] | None = None
        """Done once all that was said in it is gone."""
        self.ticket: Ticket | None = ticket
        """None once used."""
        self.runner: Runner | None = None
        self.connection: Connection | None = None
        self._census = census
        self._tasks: dict[str, TaskState] | None = None
        """Of the pending ones, once there was any."""
        census.session_moved(None, session.status)

    @property
    def id(self) -> str:
        """The session's."""
        return self.record.id

    def receive(self, signal: Signal, now: float) -> list[Effect]:
        """What happens to it as a whole; see Session.receive."""
        before = self.session.status
        effects = self.session.receive(signal, now)
        self._moved(before)
        return effects

    def due(self, now: float) -> list[Effect]:
        """What has become due; see Session.due."""
        before = self.session.status
        effects = self.session.due(now)
        self._moved(before)
        return effects

    def _moved(self, before: Status) -> None:
        if self.session.status is before:
            return
        self._census.session_moved(before, self.session.status)
        if not self.session.live and self._tasks is not None:
            self._census.tasks_gone(self._tasks.values())
            self._tasks = None

    def on_task(self, update: TaskUpdate) -> None:
        """A task of it changed, while it lives."""
        task = update.task
        if self._tasks is None:
            self._tasks = {}
        self._census.task_moved(self._tasks.pop(task.id, None), task.state)
        if task.pending:
            self._tasks[task.id] = task.state
        if self.runner is not None:
            self.runner.on_task(update)

    @property
    def pending_tasks(self) -> int:
        """Tasks that something may still come of."""
        return 0 if self._tasks is None else len(self._tasks)

    @property
    def turn(self) -> str:
        """idle, listening, thinking or speaking."""
        return self.runner.conversation.turn if self.runner is not None else "idle"

    @property
    def message_count(self) -> int:
        """Items there were."""
        return self.runner.conversation.items.count if self.runner is not None else 0

    @property
    def items(self) -> Sequence[Item]:
        """What was said so far, oldest first; nothing once the session is over."""
        return self.runner.conversation.items.all() if self.runner is not None else ()

    def usage(self) -> dict[str, int]:
        """Counts of what happened."""
        if self.runner is None:
            return dict.fromkeys(
                ("messages", "responses", "interruptions", "tasks", "audio_chunks", "audio_seconds"), 0
            )
        conversation = self.runner.conversation
        return {
            "messages": conversation.items.count,
            "responses": conversation.answers.begun,
            "interruptions": conversation.answers.interrupted,
            "tasks": conversation.tasks_known,
            "audio_chunks": self.runner.listening.chunks_received,
            "audio_seconds": round(self.runner.listening.end_sample / HEARING_RATE),
        }
