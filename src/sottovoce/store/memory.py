"""The store of a single process: dictionaries in RAM, gone with it."""

from itertools import islice

import msgspec

from sottovoce.core.limits import Admission, admission
from sottovoce.core.session import ENDED, Status
from sottovoce.store.base import OnGone, Place, SealedTask, SessionRecord
from sottovoce.vault.keys import PublicKeys


class _Namespace:
    """The live sessions of a namespace, oldest first; it is pinned to one key while it has any."""

    __slots__ = ("key_hash", "live", "public_keys")

    def __init__(self, key_hash: str) -> None:
        self.key_hash = key_hash
        self.public_keys: PublicKeys | None = None
        self.live: dict[str, SessionRecord] = {}


class MemoryStore:
    """Implements store.base.Store. No method waits for anything, so each is one atomic step of the event loop."""

    degraded = False

    def __init__(self, *, pin_keys: bool = True) -> None:
        self.on_gone: OnGone = lambda _session_id: None
        self._pin_keys = pin_keys
        self._namespaces: dict[str, _Namespace] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._ended: dict[str, dict[str, None]] = {}
        """Namespaces to their sessions that have ended and are not erased yet."""
        self._tasks: dict[str, SealedTask] = {}
        self._task_ids: dict[str, dict[str, None]] = {}

    async def start(self) -> None:
        """See Store."""

    async def admit(self, record: SessionRecord, limit: int) -> Admission:
        """See Store."""
        namespace = self._namespaces.get(record.namespace_id)
        pinned = namespace.key_hash if namespace is not None and self._pin_keys else None
        live = len(namespace.live) if namespace is not None else 0
        verdict = admission(pinned_hash=pinned, key_hash=record.key_hash, live=live, limit=limit)
        if verdict is Admission.ADMITTED:
            if namespace is None:
                namespace = self._namespaces[record.namespace_id] = _Namespace(record.key_hash)
            namespace.live[record.id] = record
            namespace.public_keys = record.public_keys or namespace.public_keys
            self._sessions[record.id] = record
        return verdict

    async def keys_of(self, namespace_id: str) -> PublicKeys | None:
        """See Store."""
        namespace = self._namespaces.get(namespace_id)
        return namespace.public_keys if namespace is not None else None

    async def session(self, session_id: str) -> SessionRecord | None:
        """See Store."""
        return self._sessions.get(session_id)

    async def set_status(self, session_id: str, status: Status) -> None:
        """See Store."""
        record = self._sessions.get(session_id)
        if record is None or record.status in ENDED:
            return
        record = msgspec.structs.replace(record, status=status)
        self._sessions[session_id] = record
        self._namespaces[record.namespace_id].live[session_id] = record

    async def end(self, session_id: str, status: Status) -> None:
        """See Store."""
        record = self._sessions.get(session_id)
        if record is None:
            return
        self._free(record)
        self._sessions[session_id] = msgspec.structs.replace(record, status=status)
        self._ended.setdefault(record.namespace_id, {})[session_id] = None
        await self.erase_tasks(session_id)

    async def erase(self, session_id: str) -> None:
        """See Store."""
        record = self._sessions.pop(session_id, None)
        if record is not None:
            self._free(record)
            self._forget_ended(record)
        await self.erase_tasks(session_id)

    async def revoke(self, session_id: str) -> None:
        """See Store."""
        await self.erase(session_id)

    async def claim(self, session_id: str) -> int | None:
        """See Store. Its node is this process, so that the first fence is the only one."""
        record = self._sessions.get(session_id)
        return None if record is None or record.status in ENDED else 1

    def _forget_ended(self, record: SessionRecord) -> None:
        ended = self._ended.get(record.namespace_id)
        if ended is None:
            return
        ended.pop(record.id, None)
        if not ended:
            del self._ended[record.namespace_id]

    def _free(self, record: SessionRecord) -> None:
        namespace = self._namespaces.get(record.namespace_id)
        if namespace is None:
            return
        namespace.live.pop(record.id, None)
        if not namespace.live:
            del self._namespaces[record.namespace_id]

    async def live_sessions(self, namespace_id: str, limit: int, after: Place | None) -> list[SessionRecord]:
        """See Store."""
        namespace = self._namespaces.get(namespace_id)
        if namespace is None:
            return []
        newest_first = sorted(namespace.live.values(), key=lambda record: record.place, reverse=True)
        return list(islice((record for record in newest_first if after is None or record.place < after), limit))

    async def all_sessions(self, namespace_id: str) -> list[SessionRecord]:
        """See Store."""
        namespace = self._namespaces.get(namespace_id)
        live = [] if namespace is None else list(namespace.live.values())
        return live + [self._sessions[session_id] for session_id in self._ended.get(namespace_id, ())]

    async def put_task(self, task: SealedTask) -> None:
        """See Store."""
        record = self._sessions.get(task.session_id)
        if record is None or record.status in ENDED:
            return
        self._tasks[task.id] = task
        self._task_ids.setdefault(task.session_id, {})[task.id] = None

    async def task(self, task_id: str) -> SealedTask | None:
        """See Store."""
        return self._tasks.get(task_id)

    async def tasks_of(self, session_id: str) -> list[SealedTask]:
        """See Store."""
        return [self._tasks[task_id] for task_id in self._task_ids.get(session_id, ())]

    async def erase_tasks(self, session_id: str) -> None:
        """See Store."""
        for task_id in self._task_ids.pop(session_id, ()):
            del self._tasks[task_id]

    async def close(self) -> None:
        """See Store."""
