"""What is done in Valkey, step by step: each is one script on keys of one hash tag. Here ids become pseudonyms.

    sv1:{N}:n         pin and public keys of a namespace       while it has a live session
    sv1:{N}:l         its live sessions, by when they were created
    sv1:{N}:e         its ended ones, by when they go
    sv1:{N}:s:S       a session: sealed record, owner, fence, status, when it has to be over
    sv1:{N}:t:S       its tasks, sealed twice
    sv1:i:S, sv1:k:T  which namespace a session, which session a task is of
    sv1:{O}:o, :m     a node's lease, and what others have told it

N, S, T are HMACs of ids, O is drawn by each node. In a cluster the indices are of other slots: they are written before
what they lead to, and a crash in between leaves one that leads nowhere until it expires.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from sottovoce.core.limits import Admission
from sottovoce.core.session import Status
from sottovoce.store.base import SealedTask, SessionRecord
from sottovoce.store.valkey_link import Argument, Client, Link, Script
from sottovoce.vault.keys import PublicKeys
from sottovoce.vault.store_key import StoreKey

PREFIX: Final = "sv1"
_VERDICTS: Final = {1: Admission.ADMITTED, 2: Admission.KEY_MISMATCH, 3: Admission.NAMESPACE_FULL}
_SCRIPTS: Final = (
    *("admit", "adopt", "set_status", "end", "erase", "claim"),
    *("put_task", "erase_tasks"),
    *("holder", "holders", "page", "all"),
)
_RECORDS = msgspec.msgpack.Decoder(SessionRecord)
_KEYS = msgspec.msgpack.Decoder(PublicKeys)
_TASKS = msgspec.msgpack.Decoder(SealedTask)
_encode = msgspec.msgpack.Encoder().encode


class Outcome(IntEnum):
    """Of a write."""

    FENCED = -1
    """Another node has claimed the session since."""
    GONE = 0
    DONE = 1


class Where(msgspec.Struct, frozen=True, gc=False):
    """A session, by its pseudonyms."""

    namespace: str
    session: str

    @property
    def keys(self) -> list[str]:
        """Of its steps, without the index."""
        base = f"{PREFIX}:{{{self.namespace}}}:"
        return [base + "n", base + "l", base + "e", f"{base}s:{self.session}", f"{base}t:{self.session}"]


class Held(msgspec.Struct, frozen=True, gc=False):
    """Who holds a session, and for how long at most."""

    session: str
    owner: str
    fence: int
    expires_at: float = 0.0
    over: bool = False
    ttl_ms: int = 0


class Steps:
    """Raises StoreUnavailable, everywhere."""

    def __init__(self, link: Link, key: StoreKey, node: str) -> None:
        self._link = link
        self._key = key
        self._node = node
        names = [
            "admit",
            "adopt",
            "set_status",
            "end",
            "erase",
            "put_task",
            "erase_tasks",
            "claim",
            "holder",
            "holders",
            "page",
            "all",
        ]
        self._scripts = {name: Script(name) for name in names}
        self._renew, self._tell = Script("renew", prelude=""), Script("tell", prelude="")

    # -- names -------------------------------------------------------------------------------------------------------

    def where(self, namespace_id: str, session_id: str) -> Where:
        """The pseudonyms of a session."""
        return Where(self._key.name("namespace", namespace_id), self.session_name(session_id))

    def session_name(self, session_id: str) -> str:
        """The pseudonym of a session."""
        return self._key.name("session", session_id)

    async def find(self, session_id: str) -> Where | None:
        """Where a session is that may be another node's."""
        name = self.session_name(session_id)
        tag = await self._link.call(lambda client: client.get(_index(name)))
        return None if tag is None else Where(tag.decode().strip("{}"), name)

    # -- sessions ----------------------------------------------------------------------------------------------------

    async def admit(self, record: SessionRecord, ttl_ms: int, limit: int, *, pin: bool) -> Admission:
        """See Store.admit. The first fence is 1."""
        where = self.where(record.namespace_id, record.id)
        await self._index_first(where, ttl_ms)
        written = self._written(where, record, ttl_ms, 1)
        verdict = _VERDICTS[int(await self._run("admit", where, *written, limit, int(pin)))]
        if verdict is not Admission.ADMITTED:
            await self._unindex(where)
        return verdict

    async def adopt(self, record: SessionRecord, ttl_ms: int, fence: int) -> Outcome:
        """Record a session of this node that the store has lost."""
        where = self.where(record.namespace_id, record.id)
        await self._index_first(where, ttl_ms)
        return Outcome(int(await self._run("adopt", where, *self._written(where, record, ttl_ms, fence))))

    def _written(self, where: Where, record: SessionRecord, ttl_ms: int, fence: int) -> list[Argument]:
        sealed = self._key.seal(f"session {where.session}", _encode(record))
        public = record.public_keys
        shown = b"" if public is None else self._key.seal(f"keys {where.namespace}", _encode(public))
        pin = self._key.name("key hash", record.key_hash)
        created, expires = repr(record.created_at), repr(record.expires_at)
        return [where.session, created, ttl_ms, pin, sealed, shown, self._node, fence, str(record.status), expires]

    async def set_status(self, where: Where, fence: int, status: Status) -> Outcome:
        """See Store.set_status."""
        return Outcome(int(await self._run("set_status", where, fence, str(status))))

    async def end(self, where: Where, fence: int, status: Status, ttl_ms: int, now_ms: int) -> Outcome:
        """See Store.end."""
        answer = await self._run("end", where, where.session, fence, str(status), ttl_ms, now_ms)
        if self._link.is_cluster:
            await self._link.call(lambda client: client.pexpire(_index(where.session), ttl_ms))
        return await self._without_tasks(answer)

    async def erase(self, where: Where, fence: int | None) -> Outcome:
        """See Store.erase. `fence`: None, whoever holds it."""
        answer = await self._run("erase", where, where.session, "" if fence is None else fence)
        outcome = await self._without_tasks(answer)
        if outcome is not Outcome.FENCED:
            await self._unindex(where)
        return outcome

    async def claim(self, where: Where, expected_fence: int) -> int:
        """The new fence; 0 if somebody else was first."""
        return int(await self._run("claim", where, self._node, expected_fence))

    async def holder(self, where: Where) -> Held | None:
        """Who holds the session."""
        answer = await self._run("holder", where)
        if not answer:
            return None
        owner, fence, over, ttl_ms = answer
        return Held(where.session, owner.decode(), int(fence), over=bool(over), ttl_ms=int(ttl_ms))

    async def holders(self, where: Where) -> list[Held]:
        """Who holds the live sessions of that session's namespace."""
        answer = await self._run("holders", where, _sessions(where))
        return [
            Held(name.decode(), owner.decode(), int(fence), expires_at=float(expires))
            for name, owner, fence, expires in _by(4, answer)
        ]

    async def session(self, where: Where) -> SessionRecord | None:
        """See Store.session."""
        key = where.keys[3]
        record, status = await self._link.call(lambda client: client.hmget(key, ["record", "status"]))
        return None if record is None or status is None else self._opened(where.session, record, status)

    async def page(self, namespace_id: str, limit: int, newest: float | None) -> list[SessionRecord]:
        """Live sessions, at least the first `limit` that are not younger than `newest`, in no order."""
        where = self.where(namespace_id, "")
        answer = await self._run("page", where, _sessions(where), "+inf" if newest is None else repr(newest), limit)
        return [self._opened(name.decode(), record, status) for name, record, status in _by(3, answer)]

    async def all_sessions(self, namespace_id: str, now_ms: int) -> list[SessionRecord]:
        """See Store.all_sessions."""
        where = self.where(namespace_id, "")
        answer = await self._run("all", where, _sessions(where), now_ms)
        return [self._opened(name.decode(), record, status) for name, record, status in _by(3, answer)]

    def _opened(self, name: str, record: bytes, status: bytes) -> SessionRecord:
        opened = _RECORDS.decode(self._key.open(f"session {name}", record))
        return msgspec.structs.replace(opened, status=Status(status.decode()))

    async def keys_of(self, namespace_id: str) -> PublicKeys | None:
        """See Store.keys_of."""
        where = self.where(namespace_id, "")
        shown = await self._link.call(lambda client: client.hget(where.keys[0], "public"))
        return _KEYS.decode(self._key.open(f"keys {where.namespace}", shown)) if shown else None

    # -- tasks -------------------------------------------------------------------------------------------------------

    async def put_task(self, where: Where, fence: int, task: SealedTask, ttl_ms: int) -> Outcome:
        """See Store.put_task."""
        name = self._key.name("task", task.id)
        sealed = self._key.seal(f"task {name}", _encode(task))
        index, place = _task_index(name), f"{where.namespace}:{where.session}"
        keys = where.keys
        if self._link.is_cluster:
            await self._link.call(lambda client: client.set(index, place, px=ttl_ms))
        else:
            keys.append(index)
        outcome = Outcome(int(await self._link.run(self._scripts["put_task"], keys, fence, name, sealed, place)))
        if self._link.is_cluster and outcome is not Outcome.DONE:
            await self._link.call(lambda client: client.unlink([index]))
        return outcome

    async def task(self, task_id: str) -> SealedTask | None:
        """See Store.task."""
        name = self._key.name("task", task_id)
        place = await self._link.call(lambda client: client.get(_task_index(name)))
        if place is None:
            return None
        where = Where(*place.decode().split(":"))
        field = await self._link.call(lambda client: client.hget(where.keys[4], name))
        return None if field is None else self._task(name, field)[1]

    async def tasks_of(self, where: Where) -> list[SealedTask]:
        """See Store.tasks_of."""
        fields: dict[bytes, bytes] = await self._link.call(lambda client: client.hgetall(where.keys[4]))
        tasks = sorted(
            (self._task(name.decode(), field) for name, field in fields.items()), key=lambda numbered: numbered[0]
        )
        return [task for _, task in tasks]

    def _task(self, name: str, field: bytes) -> tuple[int, SealedTask]:
        number, _, sealed = field.partition(b":")
        return int(number), _TASKS.decode(self._key.open(f"task {name}", sealed))

    async def erase_tasks(self, where: Where, fence: int) -> Outcome:
        """See Store.erase_tasks."""
        return await self._without_tasks(await self._run("erase_tasks", where, fence))

    async def _without_tasks(self, answer: list[Any]) -> Outcome:
        """What an answer says, once the index of the tasks in it is gone."""
        outcome, *names = answer
        if names:
            indices = [_task_index(name.decode()) for name in names]
            await self._link.call(lambda client: client.unlink(indices))
        return Outcome(int(outcome))

    # -- nodes -------------------------------------------------------------------------------------------------------

    async def renew(self, ttl_ms: int, heeded: Sequence[str]) -> tuple[bool, list[str]]:
        """Renew this node's lease. Whether it was still there, and what others have told since (see tell)."""
        there, *words = await self._link.run(self._renew, _of_node(self._node), ttl_ms, *heeded)
        return bool(there), [word.decode() for word in words]

    async def lease_ms(self, owner: str) -> int:
        """How long that node's lease lasts; below 0: it is gone."""
        lease, _ = _of_node(owner)
        return int(await self._link.call(lambda client: client.pttl(lease)))

    async def tell(self, held: Held) -> None:
        """Tell a node that a session is no longer its under that fence: the pseudonym, a colon, the fence."""
        await self._link.run(self._tell, _of_node(held.owner), f"{held.session}:{held.fence}", held.ttl_ms)

    async def leave(self) -> None:
        """Give this node's lease back."""
        keys = _of_node(self._node)
        await self._link.call(lambda client: client.unlink(keys))

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _run(self, name: str, where: Where, *arguments: Argument) -> Any:
        keys = where.keys
        if not self._link.is_cluster:
            keys.append(_index(where.session))
        return await self._link.run(self._scripts[name], keys, *arguments)

    async def _index_first(self, where: Where, ttl_ms: int) -> None:
        if self._link.is_cluster:
            tag = f"{{{where.namespace}}}"
            await self._link.call(lambda client: client.set(_index(where.session), tag, px=ttl_ms))

    async def _unindex(self, where: Where) -> None:
        async def gone(client: Client) -> object:
            return await client.unlink([_index(where.session)])

        if self._link.is_cluster:
            await self._link.call(gone)


def _index(session: str) -> str:
    return f"{PREFIX}:i:{session}"


def _task_index(task: str) -> str:
    return f"{PREFIX}:k:{task}"


def _sessions(where: Where) -> str:
    """What the keys of the namespace's sessions begin with."""
    return f"{PREFIX}:{{{where.namespace}}}:s:"


def _of_node(node: str) -> list[str]:
    return [f"{PREFIX}:{{{node}}}:o", f"{PREFIX}:{{{node}}}:m"]


def _by(count: int, flat: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(flat[at : at + count]) for at in range(0, len(flat), count)]
