"""Sentences spoken by our own synthesiser, as a microphone would bring them: 16 kHz, with silence around them."""

from collections.abc import Iterable
from contextlib import aclosing

import numpy as np
import soxr
from numpy.typing import NDArray

from bench.speech import RATE
from sottovoce.speech.espeak import EspeakSynthesiser

BEFORE_S = 0.3
AFTER_S = 1.0
"""Enough to end a turn."""


async def speak(synthesiser: EspeakSynthesiser, text: str, voice: str) -> NDArray[np.int16]:
    """One sentence at RATE, with BEFORE_S and AFTER_S of silence."""
    sound = bytearray()
    async with aclosing(synthesiser.speak(text, language=voice[:2], voice=voice, speed=1.0)) as chunks:
        async for chunk in chunks:
            sound += chunk
    speech = soxr.resample(np.frombuffer(bytes(sound), np.int16), synthesiser.sample_rate, RATE)
    silence = [np.zeros(int(seconds * RATE), np.int16) for seconds in (BEFORE_S, AFTER_S)]
    return np.concatenate([silence[0], speech.astype(np.int16), silence[1]])


async def speak_all(wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """`(text, voice)` to sound."""
    synthesiser = EspeakSynthesiser()
    await synthesiser.start()
    try:
        return {(text, voice): (await speak(synthesiser, text, voice)).tobytes() for text, voice in wanted}
    finally:
        await synthesiser.close()
