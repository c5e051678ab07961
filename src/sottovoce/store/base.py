"""Where sessions and tasks are recorded: the port. One contract suite runs against every store."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from sottovoce.core.limits import Admission
from sottovoce.core.session import Status
from sottovoce.vault.keys import PublicKeys


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is recorded of a session: nothing that was said. Times are seconds since the epoch."""

    id: str
    namespace_id: str
    key_hash: str
    device_type: str
    client_version: str
    created_at: float
    expires_at: float
    public_keys: PublicKeys | None = None
    """None: the client has shown their fingerprint only."""
    status: Status = Status.CREATED

    @property
    def place(self) -> "Place":
        """Among the sessions of its namespace."""
        return self.created_at, self.id


class SealedTask(msgspec.Struct, frozen=True, gc=False):
    """A task as a store has it: whose it is, and a record under the session's key."""

    id: str
    session_id: str
    record: bytes


Place = tuple[float, str]
"""Where a session stands among others: when it was created, and its id."""


OnGone = Callable[[str], None]


class Store(Protocol):
    """Keeps records. Each method is one atomic step.

    A session is held by the node that admitted or claimed it: only that node changes its record, and a change under an
    old fence does nothing. A shared store may be away: what a node does to sessions that it holds is done then when
    the store is back; everything else raises StoreUnavailable.
    """

    on_gone: OnGone
    """Called with the id of a session that this node held until another one erased or claimed it."""

    async def start(self) -> None:
        """Make ready. Raises StoreUnavailable, SettingsInvalid."""

    @property
    def degraded(self) -> bool:
        """Whether the store is away at the moment."""

    async def admit(self, record: SessionRecord, limit: int) -> Admission:
        """Record a new session if its namespace is pinned to its key hash (or to none yet) and has fewer than `limit`
        live sessions. Costs the same however many sessions live."""

    async def keys_of(self, namespace_id: str) -> PublicKeys | None:
        """The public keys that a namespace has shown, while anything of it lives."""

    async def session(self, session_id: str) -> SessionRecord | None:
        """The record, also of a session that has ended and is not erased yet."""

    async def set_status(self, session_id: str, status: Status) -> None:
        """A live session moved on."""

    async def end(self, session_id: str, status: Status) -> None:
        """Free the session's place and erase its tasks; the bare record stays until `erase`."""

    async def erase(self, session_id: str) -> None:
        """Keep nothing of it: as `end`, and the record goes too. Harmless if it is gone."""

    async def revoke(self, session_id: str) -> None:
        """Erase a session, whichever node holds it: that one lets go of it within seconds."""

    async def claim(self, session_id: str) -> int | None:
        """Hold a session whose node is gone; what that one still writes does nothing. The fence that writes carry from
        now on (or, of a session that is held already, carry). None: it does not live, or its node does."""

    async def live_sessions(self, namespace_id: str, limit: int, after: Place | None) -> list[SessionRecord]:
        """Live sessions of a namespace, newest first, behind that place, whether a session is still there or not."""

    async def all_sessions(self, namespace_id: str) -> list[SessionRecord]:
        """Every session of a namespace of which a record is left: live ones, and those that have ended."""

    async def put_task(self, task: SealedTask) -> None:
        """Record a task, new or changed; ignored if its session is gone, so that what is deleted stays deleted."""

    async def task(self, task_id: str) -> SealedTask | None:
        """The task."""

    async def tasks_of(self, session_id: str) -> list[SealedTask]:
        """The session's tasks, oldest first."""

    async def erase_tasks(self, session_id: str) -> None:
        """Keep none of the session's tasks."""

    async def close(self) -> None:
        """Let go of whatever the store holds open."""
