"""A recogniser whose library works in worker processes of ours, since it holds the GIL, or may crash: what all such
have in common. hearing_worker.py is the other end.

All sound of an utterance is kept here until it is understood: when a worker dies, another hears it again.
"""

import asyncio
import contextlib
import importlib.util
import itertools
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
import structlog

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech import hearing_wire as wire
from sottovoce.speech.base import HEARING_RATE, EngineStatus, Hearing, Transcript
from sottovoce.speech.worker_environment import ENVIRONMENT

ATTEMPTS: Final = 3
"""How often an utterance is heard when workers die over it."""
MAX_SOUND_BYTES: Final = 2 * HEARING_RATE * 65
"""Sound of an utterance beyond this is not heard. Turns are cut before."""
_READ_BYTES: Final = 1 << 16

log = structlog.get_logger()


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker process runs, and what may be expected of it."""

    module: str
    setup: msgspec.Struct
    """What it is to load: the first message."""
    library: str
    """The module without which it cannot run."""
    install: str
    """How to get that."""
    environment: Mapping[str, str] = {}
    """Besides worker_environment.ENVIRONMENT."""
    start_s: float = 60.0
    """How long it may take to be ready."""
    silent_s: float = 30.0
    """How long it may say nothing while it has something to understand. It hangs, and is replaced."""


class _Utterance:
    """One utterance, on this side of the pipe."""

    def __init__(self, begin: wire.Begin, on_partial: Callable[[str], None]) -> None:
        self.begin = begin
        self.number = begin.number
        self.on_partial = on_partial
        self.sound = bytearray()
        self.ended = False
        self.told = ""
        self.attempts = 1
        self.transcript: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()

    def fail(self, why: EngineFault) -> None:
        """It will not be understood."""
        if not self.transcript.done():
            self.transcript.set_exception(why)
            # Whoever cancels never asks.
            self.transcript.exception()


class _Worker:
    """One process, and the utterances it hears."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.utterances: dict[int, _Utterance] = {}
        self._buffer = bytearray()
        self._decoder = msgspec.msgpack.Decoder(wire.FromWorker)

    @classmethod
    async def start(cls, engine: str, program: Program, lockdown: str) -> tuple["_Worker", wire.Ready]:
        """Raises EngineUnavailable."""
        if importlib.util.find_spec(program.library) is None:
            raise EngineUnavailable(f"{engine} is not installed: {program.install}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "-P", "-m", program.module, lockdown),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**os.environ, **ENVIRONMENT, **program.environment},
        )
        worker = cls(process)
        try:
            worker.send(program.setup)
            async with asyncio.timeout(program.start_s):
                messages = await worker.messages()
        except BaseException:
            await worker.end()
            raise
        match messages:
            case [wire.Ready() as ready, *_]:
                return worker, ready
            case [wire.Unavailable(why), *_]:
                await worker.end()
                raise EngineUnavailable(f"The engine {engine} cannot hear: {why}")
        await worker.end()
        raise EngineUnavailable(f"{engine}'s worker process does not start")

    def send(self, message: msgspec.Struct) -> None:
        """Never blocks; to a dead worker it is lost."""
        assert self.process.stdin is not None  # noqa: S101  (it was made with a pipe)
        if not self.process.stdin.is_closing():
            self.process.stdin.write(wire.encode(message))

    async def messages(self) -> list[wire.FromWorker]:
        """What it says next; nothing: it is dead."""
        assert self.process.stdout is not None  # noqa: S101  (it was made with a pipe)
        while True:
            data = await self.process.stdout.read(_READ_BYTES)
            if not data:
                return []
            self._buffer += data
            messages = list(wire.take(self._buffer, self._decoder))
            if messages:
                return messages

    def take(self, utterance: _Utterance) -> None:
        """Hear it, from its beginning."""
        self.utterances[utterance.number] = utterance
        self.send(utterance.begin)
        if utterance.sound:
            self.send(wire.Sound(utterance.number, bytes(utterance.sound)))
        if utterance.ended:
            self.send(wire.End(utterance.number))

    async def end(self) -> None:
        """Kill the process and let go of its pipes."""
        if self.process.returncode is None:
            self.process.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        # What it had already written must be read: asyncio tells of a process's end only after that of its pipes.
        await self.process.communicate()


class _Hearing:
    """One utterance, as its session sees it."""

    def __init__(self, engine: "HearingPool", utterance: _Utterance) -> None:
        self._engine = engine
        self._utterance = utterance

    def feed(self, pcm: bytes) -> None:
        """More sound. Beyond MAX_SOUND_BYTES it is not heard."""
        utterance = self._utterance
        room = MAX_SOUND_BYTES - len(utterance.sound)
        if not pcm or room <= 0 or utterance.ended or utterance.transcript.done():
            return
        utterance.sound += pcm[:room]
        self._engine.pass_on(wire.Sound(utterance.number, pcm[:room]))

    async def finish(self) -> Transcript:
        """Raises EngineFault; EngineUnavailable when the engine was closed meanwhile."""
        utterance = self._utterance
        if not utterance.ended:
            utterance.ended = True
            self._engine.pass_on(wire.End(utterance.number))
        try:
            return await asyncio.shield(utterance.transcript)
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Forget it. Harmless after the end."""
        self._utterance.sound.clear()
        self._engine.forget(self._utterance)


class HearingPool:
    """A recogniser that runs `program` in `size` processes, each of which hears several utterances at a time."""

    name: str
    languages: tuple[str, ...]
    answers_free_text = False

    def __init__(self, program: Program, size: int, lockdown: str) -> None:
        self._program = program
        self._lockdown = lockdown
        self._size = size
        self._workers: dict[int, _Worker] = {}
        self._dead: list[_Worker] = []
        """Workers that have been given up and are not quite gone."""
        self._serving: list[asyncio.Task[None]] = []
        self._numbers = itertools.count()
        self._homeless: dict[int, _Utterance] = {}
        """Utterances that no worker has, because none is alive."""
        self._homes: dict[int, _Worker] = {}
        self._restarts = 0

    async def start(self) -> None:
        """Start the workers. Raises EngineUnavailable, saying what to install."""
        starting = [asyncio.create_task(self._start_one()) for _ in range(self._size)]
        try:
            started = await asyncio.gather(*starting)
        except BaseException as error:
            # What has started by then would run on.
            for task in starting:
                task.cancel()
            for worker in await asyncio.gather(*starting, return_exceptions=True):
                if isinstance(worker, _Worker):
                    await worker.end()
            if isinstance(error, TimeoutError):
                raise EngineUnavailable(f"{self.name}'s worker process does not start in time") from None
            raise
        self._workers = dict(enumerate(started))
        self._serving = [asyncio.create_task(self._serve(number)) for number in self._workers]

    async def close(self) -> None:
        """End every worker; who still waits for a transcript gets EngineUnavailable."""
        serving, self._serving = self._serving, []
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        workers, self._workers = [*self._workers.values(), *self._dead], {}
        left = [*self._homeless.values(), *(each for worker in workers for each in worker.utterances.values())]
        self._homeless.clear()
        self._homes.clear()
        for utterance in left:
            utterance.fail(EngineUnavailable(f"{self.name} was closed"))
        for worker in workers:
            await worker.end()
        self._dead.clear()

    def status(self) -> EngineStatus:
        """How it fares; `waiting` are utterances that the workers do not get to now."""
        waiting = sum(self.waiting(worker.utterances.values()) for worker in self._workers.values())
        return EngineStatus(
            ready=bool(self._serving and self._workers),
            workers=len(self._workers),
            restarts=self._restarts,
            waiting=waiting + len(self._homeless),
        )

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:
        """Begin an utterance. Raises LanguageNotSupported, EngineUnavailable when it is not started."""
        if language not in self.languages:
            raise LanguageNotSupported(self.refusal(language))
        if not self._serving:
            raise EngineUnavailable(f"{self.name} is not started")
        utterance = _Utterance(wire.Begin(next(self._numbers), language, asked), on_partial)
        self._house(utterance)
        return _Hearing(self, utterance)

    def waiting(self, utterances: Iterable[_Utterance]) -> int:  # noqa: ARG002 - it is for those who override it
        """How many of one worker's utterances it does not get to now."""
        return 0

    def refusal(self, language: str) -> str:  # noqa: ARG002 - as above
        """What to say to who speaks a language that it does not know."""
        return f"The recogniser {self.name} is set to hear {', '.join(self.languages)}"

    def pass_on(self, message: wire.Sound | wire.End) -> None:
        """To the worker that has the utterance, if any has."""
        home = self._homes.get(message.number)
        if home is not None:
            home.send(message)

    def forget(self, utterance: _Utterance) -> None:
        """Nobody waits for it any more."""
        self._homeless.pop(utterance.number, None)
        home = self._homes.pop(utterance.number, None)
        if home is not None:
            del home.utterances[utterance.number]
            home.send(wire.Cancel(utterance.number))
        utterance.transcript.cancel()

    async def _start_one(self) -> _Worker:
        """Raises EngineUnavailable, TimeoutError."""
        worker, ready = await _Worker.start(self.name, self._program, self._lockdown)
        if ready.unknown_words:
            log.warning("words_without_pronunciation", engine=self.name, count=ready.unknown_words)
        if ready.languages:
            self.languages = ready.languages
        return worker

    def _house(self, utterance: _Utterance) -> None:
        """Give it to the worker that has least to do."""
        if not self._workers:
            self._homeless[utterance.number] = utterance
            return
        worker = min(self._workers.values(), key=lambda worker: len(worker.utterances))
        self._homes[utterance.number] = worker
        worker.take(utterance)

    async def _serve(self, number: int) -> None:
        """Hear what one worker says; replace it when it dies."""
        while True:
            worker = self._workers[number]
            try:
                while messages := await self._messages(worker):
                    while messages:  # what was heard last is not kept until something else is heard
                        self._receive(worker, messages.pop(0))
            except msgspec.DecodeError:
                log.warning("worker_talks_nonsense", engine=self.name)
            await self._replace(number)

    async def _messages(self, worker: _Worker) -> list[wire.FromWorker]:
        """What it says; nothing: it is dead, or hangs."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._program.silent_s):
                    return await worker.messages()
            if any(utterance.ended for utterance in worker.utterances.values()):
                return []

    def _receive(self, worker: _Worker, message: wire.FromWorker) -> None:
        if isinstance(message, wire.Ready | wire.Unavailable):
            return
        utterance = worker.utterances.get(message.number)
        if utterance is None:
            return
        if isinstance(message, wire.Partial):
            if message.text != utterance.told:
                utterance.told = message.text
                utterance.on_partial(message.text)
            return
        del worker.utterances[message.number]
        del self._homes[message.number]
        utterance.sound.clear()
        if isinstance(message, wire.Failed):
            log.warning("utterance_not_heard", engine=self.name)
            utterance.fail(EngineFault(f"{self.name} could not hear this"))
        elif not utterance.transcript.done():
            utterance.transcript.set_result(Transcript(message.text, message.confidence, message.is_command))

    async def _replace(self, number: int) -> None:
        """A new worker in place of a dead one, tried anew for as long as it takes; others take over what it had."""
        dead = self._workers.pop(number)
        self._restarts += 1
        log.warning("worker_replaced", engine=self.name, restarts=self._restarts)
        for utterance in dead.utterances.values():
            del self._homes[utterance.number]
            self._hear_again(utterance)
        self._dead.append(dead)
        await dead.end()
        self._dead.remove(dead)
        delay_s = 0.1
        while number not in self._workers:
            try:
                self._workers[number] = await self._start_one()
            except (EngineUnavailable, TimeoutError, OSError, msgspec.DecodeError):
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, 10.0)
        homeless, self._homeless = list(self._homeless.values()), {}
        for utterance in homeless:
            self._house(utterance)

    def _hear_again(self, utterance: _Utterance) -> None:
        utterance.attempts += 1
        if utterance.attempts > ATTEMPTS:
            utterance.fail(EngineFault(f"{self.name} broke off"))
        else:
            self._house(utterance)
