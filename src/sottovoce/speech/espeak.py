"""`espeak:`: the synthesiser that is always there. English and German, a fraction of a millisecond to the first sound.

espeak-ng works in worker processes (espeak_worker.py), which say one thing at a time and about 200 times faster than it
is listened to. So a text goes to them in pieces of a few sentences, first come, first served: many sessions share one
worker, and none waits longer than a few pieces. What a worker says is taken from it at once and kept here, at most one
piece a session: who listens slowly holds up nobody.
"""

import asyncio
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech import espeak_worker as wire
from sottovoce.speech.base import EngineStatus
from sottovoce.speech.sentences import pieces

MAX_WORKERS: Final = 2
START_S: Final = 30.0
"""How long a worker may take to be ready."""
ANSWER_S: Final = 20.0
"""How long a worker may be silent while it has something to say. Milliseconds are usual: it hangs."""
ATTEMPTS: Final = 2
"""How often a piece is tried when the worker dies over it."""

_DEFAULT_VOICES = {"en": "en-us", "de": "de"}
_NAMES_OF_ESPEAK = {"en-gb": "en"}
"""British English is plain "en" to espeak-ng."""
_VOICE = re.compile(r"(?P<language>en|de)(-[a-z]{2,9}){0,3}(\+(m[1-8]|f[1-5]|klatt[2-6]?|croak|whisper))?")
_WORDS_PER_MINUTE = 175
_SLOWEST, _FASTEST = 0.25, 1.5
_SLOWEST_WORDS_PER_MINUTE = 80
_GAP_S = 0.035
"""What one unit of gap between words is, measured at the slowest rate."""


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

    def __init__(self, process: Process, rate: int) -> None:
        self.rate = rate
        self.process = process
        self._speaking = False

    @classmethod
    async def start(cls, lockdown: str) -> "_Worker":
        """Raises EngineUnavailable, saying what to install."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-B", "-P", "-m", "sottovoce.speech.espeak_worker", lockdown),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        worker = cls(process, 0)
        try:
            async with asyncio.timeout(START_S):
                kind, payload = await worker._frame()
        except (_Died, TimeoutError):
            await worker.end()
            raise EngineUnavailable("espeak-ng's worker process does not start") from None
        except BaseException:
            await worker.end()
            raise
        if kind != wire.HELLO:
            await worker.end()
            raise EngineUnavailable(f"There is no espeak-ng: {payload.decode()}")
        (worker.rate,) = wire.HELLO_RATE.unpack_from(payload)
        return worker

    async def say(self, piece: _Piece) -> None:
        """Raises _Died."""
        self._write(piece.request)
        self._speaking = True
        try:
            while True:
                async with asyncio.timeout(ANSWER_S):
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


class EspeakSynthesiser:
    """espeak-ng in `workers` processes, at most MAX_WORKERS.

    `voice`: "en-us", "en-gb", "de", or another of espeak-ng's for these languages, perhaps with a variant: "de+f2".
    Words a minute are 175 at speed 1.0. Below 80, the slowest of espeak-ng's, the gaps between words grow instead.
    """

    name = "espeak"
    languages: tuple[str, ...] = ("en", "de")
    voices: tuple[str, ...] = ("en-us", "en-us+f3", "en-us+m3", "en-gb", "en-gb+f2", "en-gb+m7", "de", "de+f2", "de+m3")

    def __init__(self, workers: int = 1, lockdown: str = "off") -> None:
        self._lockdown = lockdown
        self.sample_rate = 22_050
        self._size = max(1, min(workers, MAX_WORKERS))
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
                self._workers[number] = await _Worker.start(self._lockdown)
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
            piece.sound.put_nowait(EngineUnavailable("espeak-ng was closed"))

    def status(self) -> EngineStatus:
        """How it fares."""
        alive = sum(worker.process.returncode is None for worker in self._workers.values())
        return EngineStatus(
            ready=bool(self._serving and alive), workers=alive, restarts=self._restarts, waiting=self._waiting.qsize()
        )

    async def speak(self, text: str, *, language: str, voice: str | None, speed: float) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of at most 80 ms. A speed beyond 0.25 to 1.5 counts as the nearest in it.

        Raises LanguageNotSupported, EngineUnavailable when it is not started, EngineFault.
        """
        name = _voice(language, voice).encode()
        rate, gap = _pace(speed)
        texts = pieces(text)
        for number, part in enumerate(texts, start=1):
            head = wire.REQUEST_HEAD.pack(rate, gap, number < len(texts), len(name))
            async with aclosing(self._say(_Piece(head + name + part.encode()))) as sound:
                async for chunk in sound:
                    yield chunk

    async def _say(self, piece: _Piece) -> AsyncGenerator[bytes, None]:
        if not self._serving:
            raise EngineUnavailable("espeak-ng is not started")
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
            piece.sound.put_nowait(EngineFault("espeak-ng broke off"))
        else:
            self._waiting.put_nowait(piece)

    async def _replace(self, number: int) -> None:
        """A new worker in place of a dead one; tried anew for as long as it takes."""
        await self._workers[number].end()
        self._restarts += 1
        delay_s = 0.1
        while True:
            try:
                self._workers[number] = await _Worker.start(self._lockdown)
            except EngineUnavailable:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, 10.0)
            else:
                return


def _voice(language: str, voice: str | None) -> str:
    """The name by which espeak-ng knows it. Raises LanguageNotSupported, EngineFault."""
    if language not in _DEFAULT_VOICES:
        raise LanguageNotSupported("espeak speaks English (en) and German (de)")
    chosen = voice or _DEFAULT_VOICES[language]
    if _VOICE.fullmatch(chosen) is None:
        examples = ", ".join(EspeakSynthesiser.voices)
        raise EngineFault(f"espeak has no such voice; it has, among others, {examples}")
    name, plus, variant = chosen.partition("+")
    return _NAMES_OF_ESPEAK.get(name, name) + plus + variant


def _pace(speed: float) -> tuple[int, int]:
    """Words a minute, and the units of gap between words that make up for what espeak-ng cannot slow down."""
    wanted = _WORDS_PER_MINUTE * min(max(speed, _SLOWEST), _FASTEST)
    if wanted >= _SLOWEST_WORDS_PER_MINUTE:
        return round(wanted), 0
    missing_s = 60 / wanted - 60 / _SLOWEST_WORDS_PER_MINUTE
    return _SLOWEST_WORDS_PER_MINUTE, round(missing_s / _GAP_S)
