"""What a namespace may ask about itself: what is held of it, and that all of it be erased."""

import asyncio
from weakref import WeakValueDictionary

import msgspec

from sottovoce.core.session import ENDED
from sottovoce.errors import SessionNotFound
from sottovoce.live.hub import Hub
from sottovoce.store.base import SessionRecord
from sottovoce.vault.receipts import hash_of

MOST_ROUNDS = 10
"""Sessions that are opened while the namespace is being erased go too; whoever opens them without end is not waited
for."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What is held of a namespace."""

    live_sessions: int
    ended_sessions: int
    """Of these only the record that they were is left."""
    messages: int
    tasks: int
    key_hash: str | None
    """The fingerprint that it is known by, while anything of it lives."""
    public_keys: bool
    until: float | None
    """Seconds since the epoch: nothing of it is held for longer, unless more is opened."""


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased."""

    sessions: int
    messages: int
    tasks: int
    session_hashes: tuple[str, ...]


class Rights:
    """Of the namespaces of this node."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._erasing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Namespaces that are being erased: each session is counted in one receipt only."""

    async def held(self, namespace_id: str) -> Held:
        """Counts and times; zeros where there is nothing."""
        records = await self._hub.store.all_sessions(namespace_id)
        live = [record for record in records if self._is_live(record)]
        messages, tasks = await self._counts([record.id for record in records])
        return Held(
            live_sessions=len(live),
            ended_sessions=len(records) - len(live),
            messages=messages,
            tasks=tasks,
            key_hash=live[0].key_hash if live else None,
            public_keys=any(record.public_keys is not None for record in live),
            until=max((record.expires_at for record in records), default=None),
        )

    async def erase(self, namespace_id: str) -> Erased:
        """End and forget every session of the namespace: nothing of what was opened before this call is left when it
        returns."""
        lock = self._erasing.setdefault(namespace_id, asyncio.Lock())
        async with lock:
            return await self._erase(namespace_id)

    async def _erase(self, namespace_id: str) -> Erased:
        hashes: list[str] = []
        messages = tasks = 0
        for _ in range(MOST_ROUNDS):
            records = await self._hub.store.all_sessions(namespace_id)
            if not records:
                break
            more_messages, more_tasks = await self._counts([record.id for record in records])
            messages, tasks = messages + more_messages, tasks + more_tasks
            for record in records:
                await self._forget(record.id)
                hashes.append(hash_of(record.id))
        return Erased(sessions=len(hashes), messages=messages, tasks=tasks, session_hashes=tuple(hashes))

    async def _forget(self, session_id: str) -> None:
        try:
            await self._hub.delete(session_id)
        except SessionNotFound:
            await self._hub.store.revoke(session_id)  # another node's, or a record alone

    async def _counts(self, session_ids: list[str]) -> tuple[int, int]:
        """Messages and tasks."""
        messages = tasks = 0
        for session_id in session_ids:
            try:
                messages += self._hub.find(session_id).message_count
                tasks += len(await self._hub.desk.tasks_of(session_id))
            except SessionNotFound:
                continue
        return messages, tasks

    def _is_live(self, record: SessionRecord) -> bool:
        try:
            return self._hub.find(record.id).session.live
        except SessionNotFound:
            return record.status not in ENDED  # another node's
