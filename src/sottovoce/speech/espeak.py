"""`espeak:`: the synthesiser that is always there. English and German, a fraction of a millisecond to the first sound.

espeak-ng works in worker processes (espeak_worker.py), about 200 times faster than it is listened to. So a text goes to
them in pieces of a few sentences (speaking_pool.py).
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from sottovoce.errors import EngineFault, LanguageNotSupported
from sottovoce.speech.espeak_worker import REQUEST_HEAD
from sottovoce.speech.sentences import pieces
from sottovoce.speech.speaking_pool import Program, SpeakingPool

MAX_WORKERS: Final = 2

_PROGRAM = Program(library="espeak-ng", module="sottovoce.speech.espeak_worker")
_DEFAULT_VOICES = {"en": "en-us", "de": "de"}
_NAMES_OF_ESPEAK = {"en-gb": "en"}
"""British English is plain "en" to espeak-ng."""
_VOICE = re.compile(r"(?P<language>en|de)(-[a-z]{2,9}){0,3}(\+(m[1-8]|f[1-5]|klatt[2-6]?|croak|whisper))?")
_WORDS_PER_MINUTE = 175
_SLOWEST, _FASTEST = 0.25, 1.5
_SLOWEST_WORDS_PER_MINUTE = 80
_GAP_S = 0.035
"""What one unit of gap between words is, measured at the slowest rate."""


class EspeakSynthesiser(SpeakingPool):
    """espeak-ng in `workers` processes, at most MAX_WORKERS.

    `voice`: "en-us", "en-gb", "de", or another of espeak-ng's for these languages, perhaps with a variant: "de+f2".
    Words a minute are 175 at speed 1.0. Below 80, the slowest of espeak-ng's, the gaps between words grow instead.
    """

    name = "espeak"
    languages: tuple[str, ...] = ("en", "de")
    voices: tuple[str, ...] = ("en-us", "en-us+f3", "en-us+m3", "en-gb", "en-gb+f2", "en-gb+m7", "de", "de+f2", "de+m3")

    def __init__(self, workers: int = 1, lockdown: str = "off") -> None:
        super().__init__(_PROGRAM, max(1, min(workers, MAX_WORKERS)), lockdown)
        self.sample_rate = 22_050

    async def speak(self, text: str, *, language: str, voice: str | None, speed: float) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of at most 80 ms. A speed beyond 0.25 to 1.5 counts as the nearest in it.

        Raises LanguageNotSupported, EngineUnavailable when it is not started, EngineFault.
        """
        name = _voice(language, voice).encode()
        rate, gap = _pace(speed)
        texts = pieces(text)
        requests = [
            REQUEST_HEAD.pack(rate, gap, number < len(texts), len(name)) + name + part.encode()
            for number, part in enumerate(texts, start=1)
        ]
        async with aclosing(self.say(requests)) as sound:
            async for chunk in sound:
                yield chunk


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
