import msgspec
import pytest

from sottovoce.core.task import Task
from sottovoce.errors import NotSealedForThis
from sottovoce.store.base import SessionRecord
from sottovoce.store.memory import MemoryStore
from sottovoce.tasks.sealed import SealedTasks
from sottovoce.vault.session_keys import SessionKeys

CANARY = "xylophone"


def task(name: str, session_id: str = "s") -> Task:
    return Task(
        id=name,
        session_id=session_id,
        type=f"{CANARY}.type",
        created_at=1.0,
        updated_at=1.0,
        arguments={"text": CANARY, "n": [1, None, 2.5]},
        question=f"{CANARY}?",
        expects="text",
        result={"text": CANARY},
        error_message=CANARY,
    )


async def made(*session_ids: str) -> tuple[MemoryStore, SessionKeys, SealedTasks]:
    store, keys = MemoryStore(), SessionKeys()
    for session_id in session_ids:
        record = SessionRecord(
            id=session_id,
            namespace_id="n",
            key_hash="k",
            device_type="web",
            client_version="1",
            created_at=1.0,
            expires_at=2.0,
        )
        await store.admit(record, 5)
        keys.begin(session_id)
    return store, keys, SealedTasks(store, keys)


async def test_what_a_store_has_of_a_task_cannot_be_read_and_comes_back_whole() -> None:
    store, _, tasks = await made("s")
    await tasks.put_task(task("t"))
    kept = await store.task("t")
    assert kept is not None
    assert CANARY.encode() not in msgspec.msgpack.encode(kept)
    assert await tasks.task("t") == task("t")
    assert await tasks.tasks_of("s") == [task("t")]


async def test_once_the_session_is_over_nothing_of_its_tasks_opens_and_none_is_kept() -> None:
    store, keys, tasks = await made("s")
    await tasks.put_task(task("t"))
    keys.drop("s")
    assert await tasks.task("t") is None
    assert await tasks.tasks_of("s") == []
    await tasks.put_task(task("u"))
    assert await store.task("u") is None


async def test_a_record_in_the_place_of_another_one_is_refused() -> None:
    store, _, tasks = await made("s", "other")
    for name, session_id in (("t", "s"), ("u", "s"), ("v", "other")):
        await tasks.put_task(task(name, session_id))
    kept = await store.task("t")
    assert kept is not None
    for there, session_id in (("u", "s"), ("v", "other")):
        await store.put_task(msgspec.structs.replace(kept, id=there, session_id=session_id))
        with pytest.raises(NotSealedForThis):
            await tasks.task(there)
