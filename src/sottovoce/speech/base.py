"""What an engine that hears or speaks must offer. Sound is 16-bit little-endian mono PCM everywhere."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Literal, Protocol

import msgspec

from sottovoce.core import audio
from sottovoce.core.breaker import BreakerState

HEARING_RATE = audio.HEARING_RATE
"""Samples a second of all sound given to a recogniser."""

JUDGED_S = 8
"""As much of a turn's sound is kept for whoever judges whether it is over."""


class Transcript(msgspec.Struct, frozen=True):
    """What one utterance was heard as."""

    text: str
    """Lower-case words; empty when nothing was understood."""
    confidence: float
    """0 to 1."""
    is_command: bool = False
    """Whether the engine's grammar took it for a command (free text: False). Engines without a grammar: False."""


class EngineContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the composition root hands to every engine it makes."""

    grammars: Mapping[str, str]
    """Language ("en") to JSGF text of every command in it."""
    workers: int = 1
    """Worker processes the engine may start, if it needs such."""
    lockdown: Literal["on", "strict", "off"] = "off"
    """Whether its worker processes are to give up writing files, and what else vault.lockdown takes."""


class LinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one engine of a chain fares: counts only."""

    name: str
    """The engine's; with a number where the chain has several of that name."""
    ready: bool
    breaker: BreakerState
    served: int
    failures: int
    workers: int
    restarts: int
    waiting: int


class EngineStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine fares: counts only."""

    ready: bool
    workers: int = 0
    restarts: int = 0
    waiting: int = 0
    links: tuple[LinkStatus, ...] = ()
    """Of a chain, in its order: the engines it is made of."""


class Hearing(Protocol):
    """One utterance on its way through a recogniser."""

    def feed(self, pcm: bytes) -> None:
        """More sound, at HEARING_RATE. Never blocks."""

    async def finish(self) -> Transcript:
        """No more sound: the final transcript. Raises EngineFault."""

    def cancel(self) -> None:
        """Forget it all, now. Harmless after the end."""


class Recogniser(Protocol):
    """Hears."""

    name: str
    languages: tuple[str, ...]
    answers_free_text: bool
    """True: what it heard is answered even when it is no command (`instant:`)."""

    async def start(self) -> None:
        """Make ready. Raises EngineUnavailable, saying what to install."""

    async def close(self) -> None:
        """End every worker."""

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:
        """Begin an utterance.

        `asked`: a question is open, so "yes" and "no" are to be expected. `on_partial` gets the words so far whenever
        they change; it is called on the event loop. Raises LanguageNotSupported.
        """

    def status(self) -> EngineStatus:
        """How it fares."""


class TurnJudge(Protocol):
    """Hears whether somebody has finished speaking."""

    name: str

    async def start(self) -> None:
        """Make ready. Raises EngineUnavailable, saying what to install."""

    async def close(self) -> None:
        """End every worker."""

    async def finished(self, pcm: bytes) -> float | None:
        """How likely they have, 0 to 1, by the sound of their turn up to a pause (at HEARING_RATE; the last
        JUDGED_S of it count). None: it cannot say, or not in time."""

    def status(self) -> EngineStatus:
        """How it fares."""


class Synthesiser(Protocol):
    """Speaks."""

    name: str
    languages: tuple[str, ...]
    voices: tuple[str, ...]
    sample_rate: int
    """Of the sound it makes."""

    async def start(self) -> None:
        """Make ready. Raises EngineUnavailable, saying what to install."""

    async def close(self) -> None:
        """End every worker."""

    def speak(self, text: str, *, language: str, voice: str | None, speed: float) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of at most 100 ms, as it is made; closing the iterator cancels at once.

        `speed`: 0.25 to 1.5, 1.0 is normal. Raises LanguageNotSupported, EngineFault.
        """

    def status(self) -> EngineStatus:
        """How it fares."""
