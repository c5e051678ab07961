"""What a store of several nodes promises beyond the contract: claims, fences, nodes that are gone, what is lost."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec
import pytest

from sottovoce.core.limits import Admission
from sottovoce.core.session import Status
from sottovoce.errors import NotSealedForThis, StoreUnavailable
from sottovoce.store.base import SealedTask, SessionRecord
from sottovoce.store.valkey import ValkeyStore
from sottovoce.vault.keys import NamespaceKeys
from tests.peers import valkey as peers

Node = Callable[[], Awaitable[ValkeyStore]]


@pytest.fixture(params=["valkey", "cluster"])
async def node(request: pytest.FixtureRequest) -> AsyncGenerator[Node, None]:
    """Makes nodes of one store."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    made: list[ValkeyStore] = []

    async def make() -> ValkeyStore:
        store = peers.a_store(url)
        made.append(store)
        await store.start()
        return store

    yield make
    for store in made:
        with contextlib.suppress(StoreUnavailable):
            await store.close()


@pytest.fixture
def server(node: Node, request: pytest.FixtureRequest) -> peers.Server:  # noqa: ARG001 - the one that they use
    kind = "valkey" if "valkey" in request.node.callspec.id else "cluster"
    found: peers.Server = request.getfixturevalue(f"{kind}_server")
    return found


def record(name: str, namespace_id: str = "n", key_hash: str = "k", lasts_s: float = 3600) -> SessionRecord:
    now = time.time()
    return SessionRecord(
        id=name,
        namespace_id=namespace_id,
        key_hash=key_hash,
        device_type="web",
        client_version="1",
        created_at=now,
        expires_at=now + lasts_s,
    )


def task(name: str, session_id: str, text: bytes = b"sealed") -> SealedTask:
    return SealedTask(name, session_id, text)


def lease_ends(server: peers.Server, store: ValkeyStore, *, in_ms: int | None) -> None:
    """As if its node had not renewed it; None: as if it were gone for long."""
    lease = f"sv1:{{{store._node}}}:o"
    if in_ms is None:
        server.ask("DEL", lease)
    else:
        server.ask("PEXPIRE", lease, str(in_ms))


def away(store: ValkeyStore) -> bool:
    return store.degraded


async def test_what_lives_on_its_node_is_not_claimed(node: Node) -> None:
    one, other = await node(), await node()
    await one.admit(record("a"), 5)
    assert await other.claim("a") is None
    assert await other.claim("nobody") is None


async def test_a_claim_takes_everything_and_no_write_under_the_old_fence_lands(
    node: Node, server: peers.Server
) -> None:
    one, other = await node(), await node()
    gone: list[str] = []
    one.on_gone = gone.append
    await one.admit(record("a"), 5)
    await one.put_task(task("t1", "a"))
    await one.put_task(task("t2", "a"))
    lease_ends(server, one, in_ms=30_000)
    assert await other.claim("a") == 2
    assert await other.claim("a") == 2
    assert [each.id for each in await other.tasks_of("a")] == ["t1", "t2"]
    server.ask("DEL", f"sv1:{{{one._node}}}:m")  # what it is told, it has not heard
    await other.put_task(task("t1", "a", b"newer"))
    await one.put_task(task("t1", "a", b"old"))
    assert gone == ["a"]
    await one.put_task(task("t3", "a", b"old"))
    await one.set_status("a", Status.SUSPENDED)
    await one.end("a", Status.CLOSED)
    await one.erase("a")
    third = await node()
    kept = await third.session("a")
    assert kept is not None
    assert kept.status is Status.CREATED
    assert [each.record for each in await third.tasks_of("a")] == [b"newer", b"sealed"]
    assert await third.task("t3") is None


async def test_of_two_claims_at_once_one_wins(node: Node, server: peers.Server) -> None:
    one, *others = [await node() for _ in range(5)]
    await one.admit(record("a"), 5)
    lease_ends(server, one, in_ms=30_000)
    assert sorted(map(str, await asyncio.gather(*(each.claim("a") for each in others)))) == [
        "2",
        "None",
        "None",
        "None",
    ]


async def test_sessions_of_a_node_that_is_gone_give_way_when_there_is_no_room(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    for name in "abc":
        await one.admit(record(name), 5)
    await one.put_task(task("t", "a"))
    for name in "de":
        await other.admit(record(name), 5)
    assert await other.admit(record("f"), 5) is Admission.NAMESPACE_FULL
    lease_ends(server, one, in_ms=30_000)
    assert await other.admit(record("f"), 5) is Admission.NAMESPACE_FULL, "its users may come back yet"
    lease_ends(server, one, in_ms=None)
    assert [(await other.admit(record(name), 5)).name for name in "fghi"] == ["ADMITTED"] * 3 + ["NAMESPACE_FULL"]
    assert await other.session("a") is None
    assert await other.task("t") is None


async def test_a_pin_goes_with_the_node_that_is_gone(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    keys = NamespaceKeys.generate().public
    await one.admit(msgspec.structs.replace(record("a"), public_keys=keys), 5)
    assert await other.keys_of("n") == keys
    assert await other.admit(record("b", key_hash="another"), 5) is Admission.KEY_MISMATCH
    lease_ends(server, one, in_ms=None)
    assert await other.admit(record("b", key_hash="another"), 5) is Admission.ADMITTED
    assert await other.keys_of("n") is None


async def test_a_session_whose_time_is_over_gives_way(node: Node) -> None:
    one, other = await node(), await node()
    await one.admit(record("a", lasts_s=0.2), 1)
    assert await other.admit(record("b"), 1) is Admission.NAMESPACE_FULL
    await asyncio.sleep(0.3)
    assert await other.admit(record("b"), 1) is Admission.ADMITTED


async def test_what_a_store_has_lost_is_recorded_anew_and_what_others_erased_is_not(
    node: Node, server: peers.Server
) -> None:
    one, other = await node(), await node()
    gone: list[str] = []
    one.on_gone = gone.append
    for name in "abc":
        await one.admit(record(name), 5)
    await one.put_task(task("t", "a", b"first"))
    await one.put_task(task("t2", "a"))
    server.ask("FLUSHALL")
    await one.put_task(task("t", "a", b"second"))
    assert [each.record for each in await other.tasks_of("a")] == [b"second", b"sealed"]
    assert await other.session("b") is None
    await one._catch_up()
    assert await other.session("b") is not None
    await other.revoke("b")
    await one.set_status("b", Status.ACTIVE)
    assert await other.session("b") is None
    assert gone == ["b"]
    await one.end("c", Status.CLOSED)
    assert [each.id for each in await other.live_sessions("n", 9, None)] == ["a"]


async def test_an_end_that_the_store_has_not_heard_of_is_told_later(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    for name in "abc":
        await one.admit(record(name), 5)
    await one.put_task(task("t", "a"))
    server.hold()
    try:
        await one.end("a", Status.CLOSED)
        await one.erase("a")
        await one.end("b", Status.ERROR)
        await one.set_status("c", Status.ACTIVE)
        with pytest.raises(StoreUnavailable):
            await one.admit(record("d"), 5)
        with pytest.raises(StoreUnavailable):
            await one.live_sessions("n", 5, None)
        assert await one.keys_of("n") is None
        assert away(one)
    finally:
        server.go_on()
    async with asyncio.timeout(20):
        while away(one) or away(other):
            await asyncio.sleep(0.05)
    await one._catch_up()
    found = {each.id: each.status for each in await other.all_sessions("n")}
    assert found == {"b": Status.ERROR, "c": Status.ACTIVE}
    assert await other.task("t") is None


async def test_a_store_of_another_key_finds_nothing(node: Node, valkey_url: str) -> None:
    one = await node()
    await one.admit(record("a"), 5)
    stranger = peers.a_store(valkey_url, key=bytes(32))
    await stranger.start()
    assert await stranger.session("a") is None
    assert await stranger.all_sessions("n") == []
    await stranger.close()


async def test_a_record_in_another_ones_place_does_not_open(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    await one.admit(record("a"), 5)
    await one.admit(record("b"), 5)
    a, b = (one._steps.where("n", name).keys[3] for name in "ab")
    sealed = server.ask("HGET", a, "record")
    assert isinstance(sealed, bytes)
    server.ask("HSET", b, "record", sealed)
    with pytest.raises(NotSealedForThis):
        await other.session("b")


async def test_everything_has_a_time_to_live(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    seen: set[bytes] = set()

    def look() -> None:
        lives = server.lives()
        seen.update(key.rsplit(b":", 2)[-1] if key.endswith(b"}") else key.split(b":")[2] for key in lives)
        assert all(life > 0 for life in lives.values()), lives

    keys = NamespaceKeys.generate().public
    for name in "abc":
        await one.admit(msgspec.structs.replace(record(name), public_keys=keys), 5)
        look()
    await one.set_status("a", Status.ACTIVE)
    await one.put_task(task("t", "a"))
    await one.put_task(task("u", "b"))
    look()
    await one.end("a", Status.CLOSED)
    look()
    await other.revoke("b")
    look()
    lease_ends(server, one, in_ms=30_000)
    await other.claim("c")
    await other.put_task(task("v", "c"))
    look()
    assert {b"n", b"l", b"e", b"s", b"t", b"o", b"m"} <= seen
    await one.erase("a")
    await other.erase("c")
    look()
    assert [key for key in server.names() if not key.endswith((b":o", b":m"))] == []


async def test_a_hundred_sessions_that_talk_ask_nothing_of_the_store(node: Node) -> None:
    one = await node()
    for number in range(100):
        await one.admit(record(f"s{number}"), 100)
        await one.put_task(task(f"t{number}", f"s{number}"))
    before = one._link.calls
    for number in range(100):
        await one.tasks_of(f"s{number}")
        await one.task(f"t{number}")
        await one.session(f"s{number}")
    await one._catch_up()
    assert one._link.calls - before == 1, "the lease, for all of them"


async def test_a_page_is_full_though_records_have_expired(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    for name in "abcd":
        await one.admit(record(name), 5)
    for name in "cd":
        server.ask("DEL", one._steps.where("n", name).keys[3])
    assert [each.id for each in await other.live_sessions("n", 2, None)] == ["b", "a"]


async def test_a_write_that_is_given_up_half_way_is_made_later(node: Node) -> None:
    one, other = await node(), await node()
    await one.admit(record("a"), 5)
    writing = asyncio.create_task(one.put_task(task("t", "a")))
    await asyncio.sleep(0)
    writing.cancel()
    admitting = asyncio.create_task(one.admit(record("b"), 5))
    await asyncio.sleep(0)
    admitting.cancel()
    await asyncio.wait([writing, admitting])
    await one._catch_up()
    assert await other.task("t") is not None
    assert [each.id for each in await other.all_sessions("n")] == ["a"]


async def test_creations_while_the_store_is_away_leave_nothing_behind() -> None:
    with peers.valkey() as server:
        one = peers.a_store(server.url)
        await one.start()
    for number in range(50):
        with pytest.raises(StoreUnavailable):
            await one.admit(record(f"s{number}"), 5)
    assert len(one._unerased) <= 1
    await one.close()


async def test_a_node_that_takes_back_what_was_taken_heeds_no_old_word(node: Node, server: peers.Server) -> None:
    one, other = await node(), await node()
    gone: list[str] = []
    one.on_gone = gone.append
    await one.admit(record("a"), 5)
    lease_ends(server, one, in_ms=30_000)
    assert await other.claim("a") == 2
    assert b"%s:1" % one._steps.session_name("a").encode() in server.dump()
    await one.set_status("a", Status.ACTIVE)
    assert gone == ["a"]
    lease_ends(server, other, in_ms=30_000)
    assert await one.claim("a") == 3
    await one._renew()
    await one.set_status("a", Status.SUSPENDED)
    found = await other.all_sessions("n")
    assert [each.status for each in found] == [Status.SUSPENDED]
    assert gone == ["a"]
