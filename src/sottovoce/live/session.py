"""A session of this node: its record, its deadlines, its ticket and, once connected, its shell."""

import asyncio

from sottovoce.core.session import Session
from sottovoce.live.connection import Connection
from sottovoce.live.runner import Runner
from sottovoce.speech.base import HEARING_RATE
from sottovoce.store.base import SessionRecord
from sottovoce.vault.tickets import Ticket


class LiveSession:
    """What the hub holds of a session. Until somebody connects, that is little."""

    __slots__ = ("connection", "ending", "record", "runner", "session", "ticket")

    def __init__(self, record: SessionRecord, session: Session, ticket: Ticket) -> None:
        self.record = record
        """As it was when it was created."""
        self.session = session
        self.ending: asyncio.Future[None] | None = None
        """Done once all that was said in it is gone."""
        self.ticket: Ticket | None = ticket
        """None once used."""
        self.runner: Runner | None = None
        self.connection: Connection | None = None

    @property
    def id(self) -> str:
        """The session's."""
        return self.record.id

    @property
    def turn(self) -> str:
        """idle, listening, thinking or speaking."""
        return self.runner.conversation.turn if self.runner is not None else "idle"

    @property
    def message_count(self) -> int:
        """Items there were."""
        return self.runner.conversation.items.count if self.runner is not None else 0

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
