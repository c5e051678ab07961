"""A synthesiser whose library works in worker processes of ours, which say one thing at a time: what all such have in
common. speaking_worker.py is the other end.

A text goes to the workers in pieces, first come, first served: many sessions share one worker, and none waits longer
than a few pieces. What a worker says is taken from it at once and kept here, at most one piece a session: who listens
slowly holds up nobody.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import msgspec

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech import speaking_worker as wire
from sottovoce.speech.base import EngineStatus
from sottovoce.speech.worker_environment import ENVIRONMENT

ATTEMPTS: Final = 2
"""How often a piece is tried when the worker dies over it."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker process runs, and what may be expected of it."""

    library: str
    """Its name in messages."""
    module: str
    arguments: tuple[str, ...] = ()
    """Before the last, which is lockdown's mode."""
    start_s: float = 30.0
    """How long it may take to be ready."""
    answer_s: float = 20.0
    """How long it may be silent while it has something to say. It hangs, and is replaced."""


class _Died(Exception):
    """The worker is gone, or hangs."""


class _Piece:
    """One request, and what came of it so far."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.sound: asyncio.Queue[bytes | EngineFault | None] = asyncio.Queue()
        """Chunks, then None; or a fault."""
        self.attempts = 0
        self.begun = False
        self.cancelled = False


class _Worker:
    """One process."""

    def __init__(self, process: Process, program: Program) -> None:
        self.rate = 0
        self.process = process
        self._program = program
        self._speaking = False

    @classmethod
    async def start(cls, program: Program, lockdown: str) -> "_Worker":
        """Raises EngineUnavailable, saying what to install."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "-P", "-m", program.module, *program.arguments, lockdown),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, **ENVIRONMENT},
        )
        worker = cls(process, program)
        try:
            async with asyncio.timeout(program.start_s):
                kind, payload = await worker._frame()
        except (_Died, TimeoutError):
            await worker.end()
            raise EngineUnavailable(f"{program.library}'s worker process does not start") from None
        except BaseException:
            await worker.end()
            raise
        if kind != wire.HELLO:
            await worker.end()
            raise EngineUnavailable(f"There is no {program.library}: {payload.decode()}")
        (worker.rate,) = wire.HELLO_RATE.unpack_from(payload)
        return worker

    async def say(self, piece: _Piece) -> None:
        """Raises _Died."""
        self._write(piece.request)
        self._speaking = True
        try:
            while True:
                async with asyncio.timeout(self._program.answer_s):
                    kind, payload = await self._frame()
                if kind == wire.SOUND:
                    piece.begun = True
                    if not piece.cancelled:
                        piece.sound.put_nowait(payload)
                    continue
                piece.sound.put_nowait(EngineFault(payload.decode()) if kind == wire.FAULT else None)
                return
        except TimeoutError:
            raise _Died from None
        finally:
            self._speaking = False

    def stop(self) -> None:
        """Say no more of the present piece."""
        if self._speaking:
            self._write(b"")

    async def end(self) -> None:
        """Kill the process and let go of its pipes."""
        if self.process.returncode is None:
            self.process.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        # What it had already written must be read: asyncio tells of a process's end only after that of its pipes.
        await self.process.communicate()

    def _write(self, request: bytes) -> None:
        assert self.process.stdin is not None  # noqa: S101  (it was made with a pipe)
        self.process.stdin.write(wire.REQUEST_LENGTH.pack(len(request)) + request)

    async def _frame(self) -> tuple[int, bytes]:
        assert self.process.stdout is not None  # noqa: S101  (it was made with a pipe)
        try:
            kind, length = wire.FRAME_HEAD.unpack(await self.process.stdout.readexactly(wire.FRAME_HEAD.size))
            return kind, await self.process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _Died from None


class SpeakingPool:
    """A synthesiser that runs `program` in `size` processes."""

    sample_rate: int

    def __init__(self, program: Program, size: int, lockdown: str) -> None:
        self._program = program
        self._lockdown = lockdown
        self._size = size
        self._waiting: asyncio.Queue[_Piece] = asyncio.Queue()
        self._workers: dict[int, _Worker] = {}
        self._serving: list[asyncio.Task[None]] = []
        self._speaking: dict[_Piece, _Worker] = {}
        self._pieces: set[_Piece] = set()
        self._restarts = 0

    async def start(self) -> None:
        """Start the workers. Raises EngineUnavailable, saying what to install."""
        try:
            for number in range(self._size):
                self._workers[number] = await _Worker.start(self._program, self._lockdown)
        except BaseException:
            await self.close()
            raise
        self.sample_rate = self._workers[0].rate
        self._serving = [asyncio.create_task(self._serve(number)) for number in range(self._size)]

    async def close(self) -> None:
        """End every worker; who still waits for sound gets EngineUnavailable."""
        serving, self._serving = self._serving, []
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            await worker.end()
        for piece in self._pieces:
            piece.sound.put_nowait(EngineUnavailable(f"{self._program.library} was closed"))

    def status(self) -> EngineStatus:
        """How it fares."""
        alive = sum(worker.process.returncode is None for worker in self._workers.values())
        return EngineStatus(
            ready=bool(self._serving and alive), workers=alive, restarts=self._restarts, waiting=self._waiting.qsize()
        )

    async def say(self, requests: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
        """The sound of one request after the other; closing the iterator cancels at once.

        Raises EngineUnavailable when it is not started, EngineFault.
        """
        for request in requests:
            async with aclosing(self._say(_Piece(request))) as sound:
                async for chunk in sound:
                    yield chunk

    async def _say(self, piece: _Piece) -> AsyncGenerator[bytes, None]:
        if not self._serving:
            raise EngineUnavailable(f"{self._program.library} is not started")
        self._pieces.add(piece)
        self._waiting.put_nowait(piece)
        try:
            while (chunk := await piece.sound.get()) is not None:
                if isinstance(chunk, EngineFault):
                    raise chunk
                yield chunk
        finally:
            self._forget(piece)

    def _forget(self, piece: _Piece) -> None:
        piece.cancelled = True
        self._pieces.discard(piece)
        worker = self._speaking.get(piece)
        if worker is not None:
            worker.stop()

    async def _serve(self, number: int) -> None:
        """Have one worker say what waits, piece by piece; replace it when it dies."""
        while True:
            piece = await self._next_piece(self._workers[number])
            if piece is not None and not piece.cancelled:
                await self._say_with(number, piece)
            elif piece is None:
                await self._replace(number)
            del piece  # what was said last is not kept until something else is said

    async def _next_piece(self, worker: _Worker) -> _Piece | None:
        """None: the worker has died meanwhile."""
        waiting = asyncio.ensure_future(self._waiting.get())
        dying = asyncio.ensure_future(worker.process.wait())
        try:
            await asyncio.wait({waiting, dying}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            waiting.cancel()
            dying.cancel()

    async def _say_with(self, number: int, piece: _Piece) -> None:
        worker = self._workers[number]
        self._speaking[piece] = worker
        piece.attempts += 1
        try:
            await worker.say(piece)
        except _Died:
            await self._replace(number)
            self._retry(piece)
        finally:
            del self._speaking[piece]

    def _retry(self, piece: _Piece) -> None:
        if piece.begun or piece.attempts >= ATTEMPTS:
            piece.sound.put_nowait(EngineFault(f"{self._program.library} broke off"))
        else:
            self._waiting.put_nowait(piece)

    async def _replace(self, number: int) -> None:
        """A new worker in place of a dead one; tried anew for as long as it takes."""
        await self._workers[number].end()
        self._restarts += 1
        delay_s = 0.1
        while True:
            try:
                self._workers[number] = await _Worker.start(self._program, self._lockdown)
            except EngineUnavailable:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, 10.0)
            else:
                return
