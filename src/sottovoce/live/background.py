"""Work that nobody waits for but who stops the server."""

import asyncio
from collections.abc import Coroutine


class Background:
    """Holds on to tasks until they are done: the event loop alone would not."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, work: Coroutine[None, None, None]) -> None:
        """Begin it soon."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def done(self) -> None:
        """Return when all that was begun is done, or has failed."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
