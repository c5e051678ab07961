"""Tasks in a store: as records under the key of their session, so that the store has nothing that can be read."""

import msgspec

from sottovoce.core.task import Task
from sottovoce.errors import NotSealedForThis
from sottovoce.store.base import SealedTask, Store
from sottovoce.vault.sealing import Purpose
from sottovoce.vault.session_keys import SessionKeys


class SealedTasks:
    """Implements tasks.base.TaskStore over any store."""

    def __init__(self, store: Store, keys: SessionKeys) -> None:
        self._store = store
        self._keys = keys
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Task)

    async def put_task(self, task: Task) -> None:
        """See TaskStore."""
        key = self._keys.get(task.session_id)
        if key is not None:
            record = key.seal(Purpose.TASK, self._encoder.encode(task))
            await self._store.put_task(SealedTask(task.id, task.session_id, record))

    async def task(self, task_id: str) -> Task | None:
        """See TaskStore."""
        sealed = await self._store.task(task_id)
        return None if sealed is None else self._opened(sealed)

    async def tasks_of(self, session_id: str) -> list[Task]:
        """See TaskStore."""
        opened = [self._opened(sealed) for sealed in await self._store.tasks_of(session_id)]
        return [task for task in opened if task is not None]

    async def erase_tasks(self, session_id: str) -> None:
        """See TaskStore."""
        await self._store.erase_tasks(session_id)

    def _opened(self, sealed: SealedTask) -> Task | None:
        """None: its session has ended, and its key is gone."""
        key = self._keys.get(sealed.session_id)
        if key is None:
            return None
        task = self._decoder.decode(key.open(Purpose.TASK, sealed.record))
        if task.id != sealed.id:
            raise NotSealedForThis  # a record of this session in the place of another one
        return task
