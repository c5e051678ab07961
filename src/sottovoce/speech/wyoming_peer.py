"""A Wyoming server as both engines see it: what it can do, whether it answers, and what it is asked just now."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec
import structlog
from wyoming.info import Describe, Info

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech.wyoming_line import Line, connected
from sottovoce.speech.wyoming_url import Place, base

DESCRIBE_S: Final = 10.0
"""How long a server may take to tell what it can do."""
LOOK_S: Final = 30.0
"""A server that answers is looked after so often."""
SOONEST_S: Final = 0.5
LATEST_S: Final = 10.0
"""One that does not is tried again after so long, at first and in the end."""
NAMED: Final = 12
"""So many models or voices are named where there is a choice."""

Made = TypeVar("Made")
log = structlog.get_logger()


class Offer(msgspec.Struct, frozen=True):
    """A model or a voice."""

    name: str
    languages: list[str] = []
    installed: bool = True


class Program(msgspec.Struct, frozen=True):
    """What hears or speaks in a server."""

    models: list[Offer] = []
    voices: list[Offer] = []
    supports_transcript_streaming: bool = False
    supports_synthesize_streaming: bool = False


class Abilities(msgspec.Struct, frozen=True):
    """What we want to know of a server's Info; servers leave out much of the rest."""

    asr: list[Program] = []
    tts: list[Program] = []


class Peer:
    """One server. Whatever runs against it, runs by `run`, and ends with `close`."""

    def __init__(self, place: Place, role: Literal["recogniser", "synthesiser"]) -> None:
        self.place = place
        self._role = role
        self.ready = False
        """By the last thing known."""
        self.open = False
        self._running: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._doubt = asyncio.Event()

    async def describe(self) -> Abilities:
        """Ask what it can do. Raises EngineFault, EngineUnavailable."""
        try:
            async with asyncio.timeout(DESCRIBE_S), connected(self.place) as line:
                await line.send(Describe())
                return await _abilities(line)
        except TimeoutError:
            raise EngineUnavailable(
                f"The server at {self.place} does not tell what it can do: is it a Wyoming server?"
            ) from None

    def begin(self) -> None:
        """It answered: look after it from now on."""
        self.ready = self.open = True
        self._doubt.clear()
        self._watching = self.run(self._watch())

    async def close(self) -> None:
        """End everything that runs."""
        self.ready = self.open = False
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def check_open(self) -> None:
        """Raises EngineUnavailable."""
        if not self.open:
            raise self.closed()

    def closed(self) -> EngineUnavailable:
        """That it is not used now."""
        return EngineUnavailable(f"The Wyoming server at {self.place} is not in use: not started, or closed")

    def run(self, work: Coroutine[Any, Any, Made]) -> asyncio.Task[Made]:
        """A task that `close` ends."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._over)
        return task

    def doubt(self) -> None:
        """It failed: see soon whether it still answers."""
        self._doubt.set()

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled() or not self.open:
            return
        error = task.exception()
        if error is not None:
            self.doubt()
        if error is None or isinstance(error, EngineUnavailable):
            self._know(ready=error is None)

    def _know(self, *, ready: bool) -> None:
        if ready != self.ready:
            self.ready = ready
            log.warning("engine_back" if ready else "engine_lost", engine="wyoming", type=self._role)

    async def _watch(self) -> None:
        delay_s = SOONEST_S
        while True:
            await self._pause(delay_s)
            try:
                await self.describe()
            except EngineFault:
                self._know(ready=False)
                delay_s = min(2 * delay_s, LATEST_S)
            else:
                self._know(ready=True)
                delay_s = SOONEST_S

    async def _pause(self, delay_s: float) -> None:
        """Until it is time to look again."""
        if not self.ready:
            await asyncio.sleep(delay_s)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._doubt.wait()
        self._doubt.clear()


async def _abilities(line: Line) -> Abilities:
    while True:
        event = await line.receive()
        if Info.is_type(event.type):
            return line.read(event.data, Abilities)


def tags(offers: Iterable[Offer], wanted: tuple[str, ...]) -> Mapping[str, str]:
    """Language ("en") to the server's own name for it ("en_US"); only those wanted, if any are named."""
    found: dict[str, str] = {}
    for offer in offers:
        for tag in offer.languages:
            language = base(tag)
            if tag == language:
                found[language] = tag
            found.setdefault(language, tag)
    return {language: found.get(language, language) for language in wanted} if wanted else found


def choice(names: Iterable[str]) -> str:
    """Some of the names, to be chosen from."""
    every = list(names)
    return ", ".join(every[:NAMED]) + (", …" if len(every) > NAMED else "")
