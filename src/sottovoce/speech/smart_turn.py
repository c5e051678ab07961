"""`smart-turn:/path/to/model.onnx`: whether somebody has finished, by how it sounds. Smart Turn v3, in a process of its
own, one question at a time: whoever would wait too long for an answer goes on without."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Final

import structlog

from sottovoce.errors import EngineUnavailable
from sottovoce.speech import smart_turn_worker as wire
from sottovoce.speech.base import HEARING_RATE, EngineStatus

START_S: Final = 60.0
ANSWER_S: Final = 1.0
"""Tens of milliseconds are usual. Later than that, nobody needs it any more."""
SILENT_S: Final = 10.0
"""A worker that takes longer hangs, and is replaced."""
MOST_BYTES: Final = 2 * HEARING_RATE * wire.SECONDS

log = structlog.get_logger()


class SmartTurn:
    """The model at `path`. A worker that dies or hangs is replaced, and until then no question is answered."""

    name = "smart-turn"

    def __init__(self, path: str, lockdown: str = "off") -> None:
        self._path = path
        self._lockdown = lockdown
        self._process: Process | None = None
        self._one_at_a_time = asyncio.Lock()
        self._asking: asyncio.Task[float | None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._restarts = 0
        self._waiting = 0

    async def start(self) -> None:
        """Raises EngineUnavailable, saying what to do."""
        if self._process is None:
            self._use(await self._started())

    async def close(self) -> None:
        """End the worker."""
        if self._replacing is not None:
            self._replacing.cancel()
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        running = [task for task in (self._replacing, self._watching, self._asking) if task is not None]
        await asyncio.gather(*running, return_exceptions=True)
        self._replacing = self._watching = self._asking = None

    def status(self) -> EngineStatus:
        """How it fares."""
        ready = self._process is not None
        return EngineStatus(ready=ready, workers=int(ready), restarts=self._restarts, waiting=self._waiting)

    async def finished(self, pcm: bytes) -> float | None:
        """How likely the speaker has finished, 0 to 1, by the end of the sound (16-bit at HEARING_RATE; 8 s of it
        count). None: nobody can say in time."""
        self._waiting += 1
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._one_at_a_time.acquire()
                # Whoever stops listening leaves the answer in the pipe: it must be read before the next question.
                self._asking = asyncio.create_task(self._ask(pcm[-MOST_BYTES:]))
                self._asking.add_done_callback(lambda _: self._one_at_a_time.release())
                return await asyncio.shield(self._asking)
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1

    async def _ask(self, pcm: bytes) -> float | None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(wire.LENGTH.pack(len(pcm)) + pcm)
            async with asyncio.timeout(SILENT_S):
                (probability,) = wire.ANSWER.unpack(await process.stdout.readexactly(wire.ANSWER.size))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            self._replace(process)
            return None
        return float(probability)

    def _use(self, process: Process) -> None:
        self._process = process
        self._watching = asyncio.create_task(self._watch(process))

    async def _watch(self, process: Process) -> None:
        await process.wait()
        self._replace(process)

    def _replace(self, dead: Process) -> None:
        if self._process is not dead:
            return
        self._process = None
        self._restarts += 1
        log.warning("worker_replaced", engine=self.name, restarts=self._restarts)
        self._replacing = asyncio.create_task(self._start_again(dead))

    async def _start_again(self, dead: Process) -> None:
        await _end(dead)
        delay_s = 0.1
        while self._process is None:
            with contextlib.suppress(EngineUnavailable, OSError):
                self._use(await self._started())
                return
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, 10.0)

    async def _started(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "-P", "-m", wire.__name__, self._lockdown, self._path),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        try:
            async with asyncio.timeout(START_S):
                why = await _greeting(process)
        except BaseException as error:
            await _end(process)
            if isinstance(error, TimeoutError | asyncio.IncompleteReadError):
                raise EngineUnavailable("smart-turn's worker process does not start") from None
            raise
        if why:
            await _end(process)
            raise EngineUnavailable(f"smart-turn: {why}")
        return process


async def _greeting(process: Process) -> str:
    """Why it cannot serve; empty: it can."""
    assert process.stdout is not None  # noqa: S101  (it was made with a pipe)
    if await process.stdout.readexactly(1) == wire.READY:
        return ""
    (length,) = wire.LENGTH.unpack(await process.stdout.readexactly(wire.LENGTH.size))
    return (await process.stdout.readexactly(min(length, 1_000))).decode(errors="replace")


async def _end(process: Process) -> None:
    """Kill it and let go of its pipes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()
