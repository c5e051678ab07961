"""An engine made of engines: where one fails or is slow, the next one takes the same call.

What hearing and speaking have in common is here: who is up, who is to be asked next, and what came of it. Each engine
has a circuit breaker, so that one that fails again and again is not waited for by every utterance anew.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar

import structlog

from sottovoce.core.breaker import Breaker, BreakerState
from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported, SottovoceError
from sottovoce.speech.base import EngineStatus, LinkStatus

DEADLINE_S: Final = 5.0
"""How long an engine may keep a user waiting while there is another one to ask."""
LAST_DEADLINE_S: Final = 30.0
"""The same for the last: late is better than never, but not for ever."""
PATIENCE_S: Final = 30.0
"""How long a start waits for the others once one engine is up."""
START_S: Final = 90.0
"""How long it waits for the first."""
SOONEST_RETRY_S: Final = 1.0
LATEST_RETRY_S: Final = 30.0
"""An engine that does not start is tried again after so long, at first and in the end."""

log = structlog.get_logger()


class Outcome(StrEnum):
    """What came of an engine's call."""

    SERVED = "served"
    FAILED = "failed"
    SLOW = "slow"
    BROKE_OFF = "broke_off"
    """It failed after it had been heard."""


class _Engine(Protocol):
    """What recognisers and synthesisers have in common."""

    name: str
    languages: tuple[str, ...]

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def status(self) -> EngineStatus: ...


Engine = TypeVar("Engine", bound=_Engine)
Told = Callable[[str, Outcome], None]
"""Gets the engine's name in the chain, and what came of a call."""


class Link(Generic[Engine]):
    """One engine of a chain."""

    def __init__(self, name: str, engine: Engine, breaker: Breaker) -> None:
        self.name = name
        self.engine = engine
        self.breaker = breaker
        self.up = False
        """It has started."""
        self.tried = asyncio.Event()
        """Its first start has come to an end, good or bad."""
        self.trouble = ""
        """Why it did not start."""
        self.served = 0
        self.failures = 0

    def status(self) -> LinkStatus:
        """How it fares."""
        status = self.engine.status()
        return LinkStatus(
            name=self.name,
            ready=self.up and status.ready,
            breaker=self.breaker.state,
            served=self.served,
            failures=self.failures,
            workers=status.workers,
            restarts=status.restarts,
            waiting=status.waiting,
        )


class Chain(Generic[Engine]):
    """The engines, the preferred one first. `told` is called with the outcome of every call."""

    def __init__(self, engines: Sequence[Engine], *, role: str, deadline_s: float, told: Told) -> None:
        self.deadline_s = deadline_s
        self.links = [Link(name, engine, Breaker()) for name, engine in zip(_names(engines), engines, strict=True)]
        self.name = ", ".join(link.name for link in self.links)
        self.languages: tuple[str, ...] = ()
        self.started = False
        self._role = role
        self._told = told
        self._starting: list[asyncio.Task[None]] = []
        self._learn()

    async def start(self) -> None:
        """Start them all. Enough if one is up: the others are tried again and again meanwhile.

        Raises EngineUnavailable, saying of each what to do, if none is.
        """
        if self.started:
            return
        for link in self.links:
            link.tried = asyncio.Event()
        self._starting = [asyncio.create_task(self._bring_up(link)) for link in self.links]
        try:
            await self._wait_for_some()
        except BaseException:
            await self.close()
            raise
        self._learn()
        self.started = True

    async def close(self) -> None:
        """Close them all."""
        self.started = False
        starting, self._starting = self._starting, []
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, return_exceptions=True)
        for link in self.links:
            link.up = False
            await link.engine.close()

    def status(self) -> EngineStatus:
        """How it fares: ready if any engine is, and has not failed too often."""
        links = tuple(link.status() for link in self.links)
        return EngineStatus(
            ready=any(link.ready and link.breaker is not BreakerState.OPEN for link in links),
            workers=sum(link.workers for link in links),
            restarts=sum(link.restarts for link in links),
            waiting=sum(link.waiting for link in links),
            links=links,
        )

    # -- who is asked ------------------------------------------------------------------------------------------------

    def check(self, language: str) -> None:
        """Raises EngineUnavailable before start() and after close(), LanguageNotSupported."""
        if not self.started:
            raise EngineUnavailable(f"The {self._role} is not started")
        known = {known for link in self.links for known in link.engine.languages}
        if language not in known:
            raise LanguageNotSupported(
                f"None of the engines of the {self._role} knows {language}; they know {', '.join(sorted(known))}"
            )

    def choose(self, language: str, tried: Iterable[Link[Engine]] = ()) -> Link[Engine] | None:
        """The engine to be asked now: the first that is ready; where every breaker is open, the one that has rested
        most, since a failure costs no more than to ask nobody. None: all were tried."""
        left = self._left(language, tried)
        now = asyncio.get_running_loop().time()
        allowed = [link for link in left if link.breaker.allows(now)]
        ready = [link for link in allowed if link.engine.status().ready]
        if ready or allowed:
            return (ready or allowed)[0]
        return min(left, key=lambda link: link.breaker.due, default=None)

    def begin(self, link: Link[Engine]) -> None:
        """It is asked."""
        link.breaker.begin(asyncio.get_running_loop().time())

    def deadline(self, language: str, tried: Iterable[Link[Engine]]) -> float:
        """How long the newest of those tried may take, in seconds."""
        return self.deadline_s if self._left(language, tried) else max(self.deadline_s, LAST_DEADLINE_S)

    def _left(self, language: str, tried: Iterable[Link[Engine]]) -> list[Link[Engine]]:
        return [link for link in self.links if link.up and link not in tried and language in link.engine.languages]

    # -- what came of it ---------------------------------------------------------------------------------------------

    def serve(self, link: Link[Engine]) -> None:
        """It did what it was asked."""
        link.served += 1
        link.breaker.succeed()
        self._told(link.name, Outcome.SERVED)

    def fail(self, link: Link[Engine], error: Exception, *, heard: bool = False, blame: bool = True) -> EngineFault:
        """It did not; returns why, for whoever asked. `heard`: after it was heard by the user. `blame`: whether it may
        be the engine's fault, and counts for its breaker."""
        outcome = Outcome.SLOW if isinstance(error, TimeoutError) else Outcome.FAILED
        outcome = Outcome.BROKE_OFF if heard else outcome
        before = link.breaker.state
        if blame:
            link.failures += 1
            link.breaker.fail(asyncio.get_running_loop().time())
        else:
            link.breaker.abandon()
        self._told(link.name, outcome)
        log.warning(
            "engine_failed",
            engine=link.name,
            type=self._role,
            reason=outcome,
            error=type(error).__name__,
        )
        if link.breaker.state is BreakerState.OPEN and before is not BreakerState.OPEN:
            log.warning("engine_rests", engine=link.name, type=self._role, count=link.failures)
        if isinstance(error, EngineFault):
            return error
        return EngineFault(f"{link.name} was too slow" if outcome is Outcome.SLOW else f"{link.name} failed")

    # -- who is up ---------------------------------------------------------------------------------------------------

    async def _bring_up(self, link: Link[Engine]) -> None:
        """Start it, however often that takes."""
        delay_s = SOONEST_RETRY_S
        while not link.up:
            try:
                await link.engine.start()
            except Exception as error:  # noqa: BLE001 - whatever an engine throws, the others serve
                link.trouble = error.message if isinstance(error, SottovoceError) else type(error).__name__
                if not link.tried.is_set():
                    log.warning("engine_does_not_start", engine=link.name, type=self._role)
                link.tried.set()
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, LATEST_RETRY_S)
            else:
                link.up = True
                self._learn()
                log.info("engine_up", engine=link.name, type=self._role)
                link.tried.set()

    async def _wait_for_some(self) -> None:
        """Raises EngineUnavailable when none comes up."""
        await self._wait_for_most()
        if not any(link.up for link in self.links):
            raise EngineUnavailable(
                "; ".join(f"{link.name}: {link.trouble or 'does not start'}" for link in self.links)
            )

    async def _wait_for_most(self) -> None:
        waiting = {asyncio.create_task(link.tried.wait()) for link in self.links}
        until = asyncio.get_running_loop().time() + START_S
        try:
            while waiting:
                done, waiting = await asyncio.wait(
                    waiting,
                    timeout=max(0.0, until - asyncio.get_running_loop().time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    return
                if any(link.up for link in self.links):
                    until = min(until, asyncio.get_running_loop().time() + PATIENCE_S)
        finally:
            for task in waiting:
                task.cancel()

    def _learn(self) -> None:
        """Some engines know only once they are up what they can do."""
        self.languages = tuple(dict.fromkeys(known for link in self.links for known in link.engine.languages))


def _names(engines: Sequence[_Engine]) -> list[str]:
    """Each engine's; from the second of a name on, with a number."""
    seen: Counter[str] = Counter()
    names = []
    for engine in engines:
        seen[engine.name] += 1
        names.append(engine.name if seen[engine.name] == 1 else f"{engine.name}-{seen[engine.name]}")
    return names
