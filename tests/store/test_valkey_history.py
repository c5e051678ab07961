"""Histories drawn at random: two nodes of one Valkey, seen by a third, against the memory store; with faults."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sottovoce.core.session import ENDED, Status
from sottovoce.store.base import SealedTask, SessionRecord
from sottovoce.store.memory import MemoryStore
from sottovoce.vault.keys import NamespaceKeys
from tests.peers import valkey as peers

LIMIT = 3
# A history that fails is not made shorter: that would take minutes, and says so less surely.
PLAN = settings(max_examples=30, stateful_step_count=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
NAMESPACES = {"with keys": NamespaceKeys.generate().public, "without": None}
NODES = st.integers(0, 1)
Result = TypeVar("Result")


class History(RuleBasedStateMachine):
    """`holder`: which node may write to a session; no other write may land, whatever the others believe."""

    server: peers.Server
    url: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server.ask("FLUSHALL")
        self.model = MemoryStore()
        self.nodes = [peers.a_store(self.url) for _ in range(2)]
        self.reader = peers.a_store(self.url)
        self.holder: dict[str, int] = {}
        self.fence: dict[str, int] = {}
        self.ids: list[str] = []
        self.deleted: set[str] = set()
        self.made = 0

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    @initialize()
    def start(self) -> None:
        for node in (*self.nodes, self.reader):
            self.do(node.start())

    def teardown(self) -> None:
        for node in (*self.nodes, self.reader):
            self.do(node.close())
        self.loop.close()

    def pick(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    # -- what nodes do -----------------------------------------------------------------------------------------------

    @rule(node=NODES, namespace=st.sampled_from(sorted(NAMESPACES)), key_hash=st.sampled_from("kkkl"))
    def admit(self, node: int, namespace: str, key_hash: str) -> None:
        self.made += 1
        record = SessionRecord(
            id=f"session-{self.made}",
            namespace_id=namespace,
            key_hash=key_hash,
            device_type="web",
            client_version="1",
            created_at=time.time(),
            expires_at=time.time() + 3600,
            public_keys=NAMESPACES[namespace],
        )
        verdict = self.do(self.nodes[node].admit(record, LIMIT))
        assert verdict is self.do(self.model.admit(record, LIMIT))
        self.ids.append(record.id)
        if verdict.name == "ADMITTED":
            self.holder[record.id], self.fence[record.id] = node, 1

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99), status=st.sampled_from([Status.ACTIVE, Status.SUSPENDED]))
    def set_status(self, node: int, number: int, status: Status) -> None:
        name = self.pick(number)
        self.do(self.nodes[node].set_status(name, status))
        if self.holder.get(name) == node:
            self.do(self.model.set_status(name, status))

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99), which=st.integers(0, 2), text=st.binary(max_size=4))
    def put_task(self, node: int, number: int, which: int, text: bytes) -> None:
        name = self.pick(number)
        task = SealedTask(f"{name}-task-{which}", name, text)
        self.do(self.nodes[node].put_task(task))
        if self.holder.get(name) == node:
            self.do(self.model.put_task(task))

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99))
    def erase_tasks(self, node: int, number: int) -> None:
        name = self.pick(number)
        self.do(self.nodes[node].erase_tasks(name))
        if self.holder.get(name) == node:
            self.do(self.model.erase_tasks(name))

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99), status=st.sampled_from(sorted(ENDED)))
    def end(self, node: int, number: int, status: Status) -> None:
        name = self.pick(number)
        self.do(self.nodes[node].end(name, status))
        if self.holder.get(name) == node:
            self.do(self.model.end(name, status))

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99))
    def erase(self, node: int, number: int) -> None:
        name = self.pick(number)
        self.do(self.nodes[node].erase(name))
        if self.holder.get(name) == node:
            self.forget(name)

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99))
    def revoke(self, node: int, number: int) -> None:
        name = self.pick(number)
        self.do(self.nodes[node].revoke(name))
        self.forget(name)

    def forget(self, name: str) -> None:
        self.do(self.model.erase(name))
        self.holder.pop(name, None)
        self.deleted.add(name)

    @precondition(lambda self: self.ids)
    @rule(node=NODES, number=st.integers(0, 99), lease_is_gone=st.booleans())
    def claim(self, node: int, number: int, lease_is_gone: bool) -> None:
        """By a node that does not hold it, of one that still believes that it does."""
        name = self.pick(number)
        if name not in self.holder or self.holder[name] == node or self.believes(node, name):
            return
        other = self.nodes[1 - node]
        if lease_is_gone:
            self.server.ask("PEXPIRE", f"sv1:{{{other._node}}}:o", "30000")
        fence = self.do(self.nodes[node].claim(name))
        record = self.do(self.model.session(name))
        assert record is not None
        if lease_is_gone and record.status not in ENDED:
            self.fence[name] += 1
            assert fence == self.fence[name]
            self.holder[name] = node
        else:
            assert fence is None
        self.do(other._renew())

    def believes(self, node: int, name: str) -> bool:
        """Whether a node takes a session for its own that it holds no more."""
        return name in self.nodes[node]._fences

    # -- faults ------------------------------------------------------------------------------------------------------

    @rule(first=NODES)
    def the_store_is_started_anew_with_nothing_in_it(self, first: int) -> None:
        """What it was told, its nodes have heard; then both record what they hold, in either order."""
        self.catch_up(first)
        self.server.ask("FLUSHALL")
        self.server.ask("SCRIPT", "FLUSH")
        self.catch_up(first)
        for name in self.ids:
            record = self.do(self.model.session(name))
            if record is not None and record.status in ENDED:
                self.forget(name)

    def catch_up(self, first: int) -> None:
        for node in (first, 1 - first):
            self.do(self.nodes[node]._catch_up())

    @rule(node=NODES)
    def the_lease_is_renewed(self, node: int) -> None:
        self.do(self.nodes[node]._catch_up())

    # -- what a third node sees --------------------------------------------------------------------------------------

    @invariant()
    def both_say_the_same(self) -> None:
        for name in self.ids:
            assert self.do(self.reader.session(name)) == self.do(self.model.session(name))
            tasks = self.do(self.model.tasks_of(name))
            assert self.do(self.reader.tasks_of(name)) == tasks
            for which in range(3):
                task_id = f"{name}-task-{which}"
                assert self.do(self.reader.task(task_id)) == self.do(self.model.task(task_id))
        for namespace in NAMESPACES:
            live = self.do(self.reader.live_sessions(namespace, 10, None))
            assert live == self.do(self.model.live_sessions(namespace, 10, None))
            assert len(live) <= LIMIT
            assert self.do(self.reader.keys_of(namespace)) == self.do(self.model.keys_of(namespace))
            every, expected = (self.do(store.all_sessions(namespace)) for store in (self.reader, self.model))
            assert sorted(each.id for each in every) == sorted(each.id for each in expected)

    @invariant()
    def what_is_deleted_stays_deleted(self) -> None:
        for name in self.deleted:
            assert self.do(self.reader.session(name)) is None
            assert self.do(self.reader.tasks_of(name)) == []

    @invariant()
    def everything_has_a_time_to_live(self) -> None:
        assert all(life > 0 for life in self.server.lives().values())


@pytest.mark.parametrize("kind", ["valkey", "cluster"])
def test_histories(kind: str, request: pytest.FixtureRequest) -> None:
    class Here(History):
        server = request.getfixturevalue(f"{kind}_server")
        url = request.getfixturevalue(f"{kind}_url")

    run_state_machine_as_test(Here, settings=PLAN)
