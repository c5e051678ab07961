"""`instant:`: engines that take no time, for benchmarks of everything around them."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import numpy as np

from sottovoce.errors import EngineUnavailable, LanguageNotSupported
from sottovoce.speech.base import EngineStatus, Hearing, Transcript

SENTENCE: Final = "hello world"
TONE_HERTZ: Final = 440
TONE_RATE: Final = 16_000
TONE_S: Final = 1
CHUNK_BYTES: Final = 2 * TONE_RATE // 10
_AMPLITUDE = 6_000


class _Instant:
    """What both have in common: they are ready from start() to close(), and that is all."""

    name = "instant"
    languages: tuple[str, ...] = ("en", "de")

    def __init__(self) -> None:
        self._ready = False

    async def start(self) -> None:
        """Make ready."""
        self._ready = True

    async def close(self) -> None:
        """Serve no more."""
        self._ready = False

    def status(self) -> EngineStatus:
        """How it fares."""
        return EngineStatus(ready=self._ready)

    def _check(self, language: str) -> None:
        if language not in self.languages:
            raise LanguageNotSupported("instant takes English (en) and German (de)")
        if not self._ready:
            raise EngineUnavailable("instant is not started")


class InstantHearing:
    """One utterance: whatever it is."""

    def __init__(self, on_partial: Callable[[str], None]) -> None:
        self._on_partial = on_partial
        self._told = False
        self._over = False

    def feed(self, pcm: bytes) -> None:
        """More sound; the first of it is answered by a partial transcript."""
        if pcm and not self._told and not self._over:
            self._told = True
            self._on_partial(SENTENCE)

    async def finish(self) -> Transcript:
        """SENTENCE, if there was any sound."""
        self._over = True
        return Transcript(SENTENCE, 1.0) if self._told else Transcript("", 0.0)

    def cancel(self) -> None:
        """Forget it."""
        self._over = True


class InstantRecogniser(_Instant):
    """Hears SENTENCE in everything, at once."""

    answers_free_text = True

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:  # noqa: ARG002
        """Begin an utterance. Raises LanguageNotSupported, EngineUnavailable."""
        self._check(language)
        return InstantHearing(on_partial)


class InstantSynthesiser(_Instant):
    """Says everything as one second of a tone."""

    voices: tuple[str, ...] = ("tone",)
    sample_rate = TONE_RATE

    def __init__(self) -> None:
        super().__init__()
        angle = 2 * np.pi * TONE_HERTZ * np.arange(TONE_RATE * TONE_S) / TONE_RATE
        tone = (_AMPLITUDE * np.sin(angle)).astype("<i2").tobytes()
        self._chunks = tuple(tone[first : first + CHUNK_BYTES] for first in range(0, len(tone), CHUNK_BYTES))

    async def speak(
        self,
        text: str,
        *,
        language: str,
        voice: str | None,  # noqa: ARG002
        speed: float,  # noqa: ARG002
    ) -> AsyncGenerator[bytes, None]:
        """The tone in chunks of 100 ms; nothing for a text without a word. Raises LanguageNotSupported,
        EngineUnavailable."""
        self._check(language)
        if any(sign.isalnum() for sign in text):
            for chunk in self._chunks:
                yield chunk
