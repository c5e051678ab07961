"""The contract of store.base.Store; every store runs it."""

import asyncio
import time
from collections.abc import AsyncGenerator

import msgspec
import pytest

from sottovoce.core.limits import Admission
from sottovoce.core.session import Status
from sottovoce.store.base import SealedTask, SessionRecord, Store
from sottovoce.store.memory import MemoryStore
from sottovoce.vault.keys import NamespaceKeys
from tests.peers.valkey import a_store

NOW = time.time()


class SeenFromAnotherNode:
    """Written by one node and read by another: what the first has in its own memory helps nobody."""

    def __init__(self, writer: Store, reader: Store) -> None:
        self.nodes = writer, reader

    def __getattr__(self, name: str) -> object:
        reads = name in {"keys_of", "session", "live_sessions", "all_sessions", "task", "tasks_of"}
        return getattr(self.nodes[1 if reads else 0], name)


@pytest.fixture(params=["memory", "valkey", "valkey, another node", "sentinel", "cluster", "cluster, another node"])
async def store(request: pytest.FixtureRequest) -> AsyncGenerator[Store, None]:
    kind, _, another = request.param.partition(", ")
    if kind == "memory":
        nodes: list[Store] = [MemoryStore()]
    else:
        url: str = request.getfixturevalue(f"{kind}_url")
        nodes = [a_store(url) for _ in range(2 if another else 1)]
    for node in nodes:
        await node.start()
    yield SeenFromAnotherNode(*nodes) if another else nodes[0]  # type: ignore[misc]
    for node in nodes:
        await node.close()


def record(name: str, namespace_id: str = "n", key_hash: str = "k") -> SessionRecord:
    return SessionRecord(
        id=name,
        namespace_id=namespace_id,
        key_hash=key_hash,
        device_type="web",
        client_version="1",
        created_at=NOW,
        expires_at=NOW + 3600,
    )


def task(name: str, session_id: str) -> SealedTask:
    return SealedTask(name, session_id, b"sealed")


async def test_a_namespace_has_its_limit_and_others_have_theirs(store: Store) -> None:
    verdicts = [await store.admit(record(f"s{n}"), 2) for n in range(3)]
    assert verdicts == [Admission.ADMITTED, Admission.ADMITTED, Admission.NAMESPACE_FULL]
    assert await store.admit(record("o", "other"), 2) is Admission.ADMITTED
    assert await store.session("s2") is None


async def test_of_200_tries_at_once_exactly_5_are_admitted(store: Store) -> None:
    verdicts = await asyncio.gather(*(store.admit(record(f"s{n}"), 5) for n in range(200)))
    assert verdicts.count(Admission.ADMITTED) == 5


async def test_a_namespace_is_pinned_while_anything_of_it_lives(store: Store) -> None:
    await store.admit(record("a", key_hash="k"), 5)
    assert await store.admit(record("b", key_hash="other"), 5) is Admission.KEY_MISMATCH
    await store.end("a", Status.CLOSED)
    assert await store.admit(record("c", key_hash="other"), 5) is Admission.ADMITTED


async def test_an_end_frees_the_place_once_and_leaves_the_bare_record(store: Store) -> None:
    await store.admit(record("a"), 1)
    await store.put_task(task("t", "a"))
    await store.end("a", Status.CLOSED)
    await store.end("a", Status.CLOSED)
    kept = await store.session("a")
    assert kept is not None
    assert kept.status is Status.CLOSED
    assert await store.tasks_of("a") == []
    assert await store.task("t") is None
    assert await store.admit(record("b"), 1) is Admission.ADMITTED
    assert await store.admit(record("c"), 1) is Admission.NAMESPACE_FULL


async def test_what_is_erased_is_gone_and_stays_gone(store: Store) -> None:
    await store.admit(record("a"), 1)
    await store.put_task(task("t", "a"))
    await store.erase("a")
    await store.erase("a")
    await store.put_task(task("t", "a"))
    await store.set_status("a", Status.ACTIVE)
    assert await store.session("a") is None
    assert await store.task("t") is None
    assert await store.live_sessions("n", 10, None) == []


async def test_a_late_status_does_not_bring_an_ended_session_back(store: Store) -> None:
    await store.admit(record("a"), 1)
    await store.end("a", Status.CLOSED)
    await store.set_status("a", Status.SUSPENDED)
    kept = await store.session("a")
    assert kept is not None
    assert kept.status is Status.CLOSED


async def test_live_sessions_come_newest_first_in_pages(store: Store) -> None:
    for name in "abcd":
        await store.admit(record(name), 10)
    await store.set_status("b", Status.ACTIVE)
    await store.end("c", Status.CLOSED)
    assert [each.id for each in await store.live_sessions("n", 2, None)] == ["d", "b"]
    assert [each.id for each in await store.live_sessions("n", 2, record("b").place)] == ["a"]
    assert [each.id for each in await store.live_sessions("n", 2, record("c").place)] == ["b", "a"], (
        "one that has ended"
    )
    assert await store.live_sessions("n", 2, record("a").place) == []
    assert await store.live_sessions("nobody", 2, None) == []


async def test_tasks_are_kept_in_their_order_and_erased_together(store: Store) -> None:
    await store.admit(record("a"), 5)
    await store.admit(record("b"), 5)
    for name, session_id in (("t1", "a"), ("t2", "b"), ("t3", "a")):
        await store.put_task(task(name, session_id))
    await store.put_task(msgspec.structs.replace(task("t1", "a"), record=b"sealed anew"))
    assert [(each.id, each.record) for each in await store.tasks_of("a")] == [("t1", b"sealed anew"), ("t3", b"sealed")]
    await store.erase_tasks("a")
    assert await store.tasks_of("a") == []
    assert [each.id for each in await store.tasks_of("b")] == ["t2"]


async def test_the_keys_that_a_namespace_has_shown_are_known_while_anything_of_it_lives(store: Store) -> None:
    keys = NamespaceKeys.generate().public
    assert await store.keys_of("n") is None
    await store.admit(record("a"), 5)
    assert await store.keys_of("n") is None
    await store.admit(msgspec.structs.replace(record("b"), public_keys=keys), 5)
    await store.end("b", Status.CLOSED)
    assert await store.keys_of("n") == keys
    await store.end("a", Status.CLOSED)
    assert await store.keys_of("n") is None


async def test_all_sessions_of_a_namespace_are_the_live_and_the_ended_ones(store: Store) -> None:
    for name in ("a", "b", "c"):
        await store.admit(record(name), 5)
    await store.admit(record("d", namespace_id="other"), 5)
    await store.end("b", Status.CLOSED)
    await store.end("b", Status.CLOSED)
    assert sorted(each.id for each in await store.all_sessions("n")) == ["a", "b", "c"]
    await store.erase("a")
    await store.erase("b")
    assert [each.id for each in await store.all_sessions("n")] == ["c"]
    await store.erase("c")
    assert await store.all_sessions("n") == []


async def test_what_is_revoked_is_gone_and_what_lives_here_is_claimed_already(store: Store) -> None:
    await store.admit(record("a"), 1)
    assert await store.claim("a") == 1
    await store.put_task(task("t", "a"))
    await store.revoke("a")
    await store.revoke("a")
    assert await store.session("a") is None
    assert await store.task("t") is None
    assert await store.claim("a") is None
    assert await store.admit(record("b"), 1) is Admission.ADMITTED
    await store.end("b", Status.ERROR)
    assert await store.claim("b") is None


async def test_a_store_that_answers_is_not_degraded(store: Store) -> None:
    assert not store.degraded


async def test_pages_behind_a_time_of_many_sessions_hold_what_belongs_to_them(store: Store) -> None:
    made = [msgspec.structs.replace(record(f"s{n}"), created_at=NOW + n // 3) for n in range(9)]
    for each in made:
        await store.admit(each, 10)
    newest_first = sorted(made, key=lambda each: each.place, reverse=True)
    for size in (1, 2, 4, 20):
        seen: list[SessionRecord] = []
        while page := await store.live_sessions("n", size, seen[-1].place if seen else None):
            assert len(page) <= size
            seen += page
        assert seen == newest_first
