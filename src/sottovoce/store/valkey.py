"""The store of several nodes: Valkey, or Redis 7.

What this node's own sessions have in it is kept here as well: it is read without asking, it is the truth while the
node holds the session's fence, and with it sessions go on while the store is away. What could not be written is
written when the store is back, and what the store has lost is recorded anew.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from sottovoce.core.limits import Admission
from sottovoce.core.session import ENDED, Status
from sottovoce.errors import StoreUnavailable
from sottovoce.store.base import OnGone, Place, SealedTask, SessionRecord
from sottovoce.store.memory import MemoryStore
from sottovoce.store.valkey_link import Link
from sottovoce.store.valkey_steps import Outcome, Steps, Where
from sottovoce.vault.keys import PublicKeys
from sottovoce.vault.store_key import StoreKey

RENEW_S: Final = 5.0
LEASE_S: Final = 15.0
"""A node that has not renewed its lease for so long has lost its sessions to whoever claims them."""
NODE_S: Final = 60.0
"""After so long they give way to new ones, too: until then, their users may come back."""
AT_ONCE: Final = 32
"""Sessions that are recorded anew at a time: others have to get through."""
_NO_LIMIT: Final = 1 << 62

log = structlog.get_logger()


class ValkeyStore:
    """Implements store.base.Store. `clock`: seconds since the epoch; `tombstone_s`: how long an ended record stays."""

    def __init__(
        self,
        link: Link,
        key: StoreKey,
        *,
        pin_keys: bool = True,
        tombstone_s: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.on_gone: OnGone = lambda _session_id: None
        self._link = link
        self._node = secrets.token_hex(16)
        self._steps = Steps(link, key, self._node)
        self._pin_keys = pin_keys
        self._tombstone_s = tombstone_s
        self._clock = clock
        self._here = MemoryStore(pin_keys=False)
        self._fences: dict[str, int] = {}
        """Of the sessions that this node holds; what is not in it is another's."""
        self._by_name: dict[str, str] = {}
        """Pseudonyms of those to their ids."""
        self._behind: set[str] = set()
        """Those of which the store does not have the newest."""
        self._unerased: dict[Where, int] = {}
        """Sessions to their fences that are gone from here, and perhaps not from the store."""
        self._heeded: list[str] = []
        self._renewing = asyncio.Lock()
        self._renewer: asyncio.Task[None] | None = None

    # -- its own life ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """See Store."""
        self._link.on_return = self._catch_up
        await self._link.start()
        await self._renew()
        self._renewer = asyncio.create_task(self._renew_for_ever())

    async def close(self) -> None:
        """See Store."""
        if self._renewer is not None:
            self._renewer.cancel()
            await asyncio.gather(self._renewer, return_exceptions=True)
        try:
            await self._write_what_is_behind()
            await self._steps.leave()
        except StoreUnavailable:
            pass  # it expires
        await self._link.close()

    @property
    def degraded(self) -> bool:
        """See Store."""
        return not self._link.up

    # -- sessions ----------------------------------------------------------------------------------------------------

    async def admit(self, record: SessionRecord, limit: int) -> Admission:
        """See Store. Those whose node is gone, or whose time is over, give way."""
        if self.degraded:
            raise StoreUnavailable
        where = self._steps.where(record.namespace_id, record.id)
        try:
            verdict = await self._steps.admit(record, self._ttl_ms(record), limit, pin=self._pin_keys)
            if verdict is not Admission.ADMITTED and await self._reap(where):
                verdict = await self._steps.admit(record, self._ttl_ms(record), limit, pin=self._pin_keys)
        except (StoreUnavailable, asyncio.CancelledError):
            self._unerased[where] = 1  # it may have been admitted all the same
            raise
        if verdict is Admission.ADMITTED:
            await self._hold(record, where, 1)
        return verdict

    async def keys_of(self, namespace_id: str) -> PublicKeys | None:
        """See Store. While the store is away, of namespaces that have a session here."""
        try:
            return await self._steps.keys_of(namespace_id)
        except StoreUnavailable:
            if await self._here.all_sessions(namespace_id):
                return await self._here.keys_of(namespace_id)
            raise

    async def session(self, session_id: str) -> SessionRecord | None:
        """See Store."""
        if session_id in self._fences:
            return await self._here.session(session_id)
        where = await self._steps.find(session_id)
        return None if where is None else await self._steps.session(where)

    async def set_status(self, session_id: str, status: Status) -> None:
        """See Store."""
        await self._here.set_status(session_id, status)
        record = await self._here.session(session_id)
        if record is not None and record.status not in ENDED:
            await self._write(record, lambda where, fence: self._steps.set_status(where, fence, record.status))

    async def end(self, session_id: str, status: Status) -> None:
        """See Store."""
        await self._here.end(session_id, status)
        record = await self._here.session(session_id)
        if record is not None:
            await self._write(record, self._end_of(record))

    async def erase(self, session_id: str) -> None:
        """See Store."""
        record = await self._here.session(session_id)
        if record is None:
            return
        where, fence = self._steps.where(record.namespace_id, session_id), self._fences[session_id]
        await self._let_go(record)
        self._unerased[where] = fence
        try:
            await self._erase_there(where)
        except StoreUnavailable:
            return  # later, then

    async def revoke(self, session_id: str) -> None:
        """See Store. Its node is told before: should this fail half-way, the session ends, and its record does soon."""
        await self.erase(session_id)
        where = await self._steps.find(session_id)
        held = None if where is None else await self._steps.holder(where)
        if where is None or held is None:
            return
        if not held.over:
            await self._steps.tell(held)
        await self._steps.erase(where, None)

    async def claim(self, session_id: str) -> int | None:
        """See Store."""
        mine = await self._here.session(session_id)
        if mine is not None:
            return None if mine.status in ENDED else self._fences[session_id]
        where = await self._steps.find(session_id)
        held = None if where is None else await self._steps.holder(where)
        if where is None or held is None or held.over:
            return None
        # One that is this node's, though it is not here, was claimed when the answer was lost.
        if held.owner != self._node and await self._steps.lease_ms(held.owner) > (NODE_S - LEASE_S) * 1000:
            return None
        fence = await self._steps.claim(where, held.fence)
        record = await self._steps.session(where) if fence else None
        if record is None:
            return None
        await self._steps.tell(held)
        tasks = await self._steps.tasks_of(where)
        await self._hold(record, where, fence)
        for task in tasks:
            await self._here.put_task(task)
        return fence

    async def live_sessions(self, namespace_id: str, limit: int, after: Place | None) -> list[SessionRecord]:
        """See Store."""
        found = await self._steps.page(namespace_id, limit, None if after is None else after[0])
        behind = [record for record in found if after is None or record.place < after]
        return sorted(behind, key=lambda record: record.place, reverse=True)[:limit]

    async def all_sessions(self, namespace_id: str) -> list[SessionRecord]:
        """See Store."""
        return await self._steps.all_sessions(namespace_id, self._now_ms())

    # -- tasks -------------------------------------------------------------------------------------------------------

    async def put_task(self, task: SealedTask) -> None:
        """See Store."""
        record = await self._here.session(task.session_id)
        if record is not None and record.status not in ENDED:
            await self._here.put_task(task)
            await self._write(
                record, lambda where, fence: self._steps.put_task(where, fence, task, self._ttl_ms(record))
            )

    async def task(self, task_id: str) -> SealedTask | None:
        """See Store."""
        return await self._here.task(task_id) or await self._steps.task(task_id)

    async def tasks_of(self, session_id: str) -> list[SealedTask]:
        """See Store."""
        if session_id in self._fences:
            return await self._here.tasks_of(session_id)
        where = await self._steps.find(session_id)
        return [] if where is None else await self._steps.tasks_of(where)

    async def erase_tasks(self, session_id: str) -> None:
        """See Store."""
        record = await self._here.session(session_id)
        if record is not None and await self._here.tasks_of(session_id):
            await self._here.erase_tasks(session_id)
            await self._write(record, self._steps.erase_tasks)

    # -- what this node holds ----------------------------------------------------------------------------------------

    async def _hold(self, record: SessionRecord, where: Where, fence: int) -> None:
        self._fences[record.id] = fence
        self._by_name[where.session] = record.id
        await self._here.admit(record, _NO_LIMIT)

    async def _let_go(self, record: SessionRecord) -> None:
        del self._fences[record.id]
        del self._by_name[self._steps.session_name(record.id)]
        self._behind.discard(record.id)
        await self._here.erase(record.id)

    async def _lost(self, session_id: str) -> None:
        """Another node has claimed or erased it: nothing is written to it from here any more."""
        record = await self._here.session(session_id)
        if record is not None:
            await self._let_go(record)
            if record.status not in ENDED:
                self.on_gone(session_id)

    # -- writing -----------------------------------------------------------------------------------------------------

    async def _write(self, record: SessionRecord, step: Callable[[Where, int], Awaitable[Outcome]]) -> None:
        """Now, or when the store is back."""
        try:
            where = self._steps.where(record.namespace_id, record.id)
            await self._heed(record.id, await step(where, self._fences[record.id]))
        except (StoreUnavailable, asyncio.CancelledError) as stopped:
            if record.id in self._fences:
                self._behind.add(record.id)
            if isinstance(stopped, asyncio.CancelledError):
                raise

    async def _heed(self, session_id: str, outcome: Outcome) -> None:
        if outcome is Outcome.FENCED:
            await self._lost(session_id)
        elif outcome is Outcome.GONE:
            await self._renew()  # another node may have erased it, and has told so
            await self._bring_up_to_date(session_id)

    def _end_of(self, record: SessionRecord) -> Callable[[Where, int], Awaitable[Outcome]]:
        async def end(where: Where, fence: int) -> Outcome:
            tombstone_ms = round(self._tombstone_s * 1000)
            outcome = await self._steps.end(where, fence, record.status, tombstone_ms, self._now_ms())
            # What the store has lost needs no end.
            return Outcome.DONE if outcome is Outcome.GONE else outcome

        return end

    async def _bring_up_to_date(self, session_id: str) -> None:
        """All of it, whatever the store has. Raises StoreUnavailable."""
        record = await self._here.session(session_id)
        if record is None:
            return
        where, fence = self._steps.where(record.namespace_id, session_id), self._fences[session_id]
        if record.status in ENDED:
            outcome = await self._end_of(record)(where, fence)
        else:
            outcome = await self._steps.adopt(record, self._ttl_ms(record), fence)
            if outcome is Outcome.DONE:
                await self._steps.erase_tasks(where, fence)
                for task in await self._here.tasks_of(session_id):
                    newest = await self._here.task(task.id) or task
                    await self._steps.put_task(where, fence, newest, self._ttl_ms(record))
        if outcome is Outcome.FENCED:
            await self._lost(session_id)

    async def _erase_what_is_left(self) -> None:
        """Raises StoreUnavailable."""
        for where in list(self._unerased):
            await self._erase_there(where)

    async def _erase_there(self, where: Where) -> None:
        await self._steps.erase(where, self._unerased[where])
        self._unerased.pop(where, None)

    async def _reap(self, where: Where) -> bool:
        """Free what a namespace's sessions hold whose node is gone, or whose time is over. Whether there was any."""
        held = await self._steps.holders(where)
        owners = {each.owner for each in held} - {self._node}
        gone = {owner for owner in owners if await self._steps.lease_ms(owner) < 0}
        over = [each for each in held if each.owner in gone or self._is_over(each.expires_at, each.owner)]
        for each in over:
            await self._steps.erase(Where(where.namespace, each.session), each.fence)
        return bool(over)

    def _is_over(self, expires_at: float, owner: str) -> bool:
        return owner != self._node and expires_at < self._clock()

    # -- its lease, and coming back ----------------------------------------------------------------------------------

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self._catch_up()
            except Exception as error:  # noqa: BLE001 - without a lease, all its sessions would be lost
                log.error("store_renewal_failed", error=type(error).__name__)

    async def _catch_up(self) -> None:
        """Renew the lease, and write what the store does not have."""
        try:
            await self._renew()
            await self._write_what_is_behind()
        except StoreUnavailable:
            return

    async def _renew(self) -> None:
        """For all sessions in one call. Raises StoreUnavailable."""
        async with self._renewing:
            there, told = await self._steps.renew(round(NODE_S * 1000), self._heeded)
            self._heeded = told
            for word in told:
                name, _, fence = word.partition(":")
                session_id = self._by_name.get(name)
                if session_id is not None and self._fences[session_id] <= int(fence):
                    await self._lost(session_id)
            if not there:
                # The store was away for long, or was started anew with nothing in it.
                self._behind.update(self._fences)

    async def _write_what_is_behind(self) -> None:
        await self._erase_what_is_left()
        while self._behind:
            now = [self._behind.pop() for _ in range(min(AT_ONCE, len(self._behind)))]
            results = await asyncio.gather(*map(self._bring_up_to_date, now), return_exceptions=True)
            failed = [each for each, result in zip(now, results, strict=True) if isinstance(result, BaseException)]
            self._behind.update(each for each in failed if each in self._fences)
            if failed:
                raise StoreUnavailable

    def _ttl_ms(self, record: SessionRecord) -> int:
        """How long its record may stay, at most."""
        return max(1, round((record.expires_at - self._clock() + self._tombstone_s) * 1000))

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)
