"""Makes what a browser's fake microphone hears: a WAV file of sentences, recordings of people and silence.

usage: python -m tests.web.microphone OUT.wav PART…     a PART is seconds of silence, a file of sound, or a sentence
"""

import asyncio
import sys

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.voices import speak
from sottovoce.speech.espeak import EspeakSynthesiser

RATE = 48_000
SPOKEN_RATE = 16_000
VOICE = "en-us"
QUIET_BEFORE_AND_AFTER = 500
"""Of what is louder, all that lies between is speech: so that the parts are as far from each other as they say."""


async def part(synthesiser: EspeakSynthesiser, text: str) -> NDArray[np.int16]:
    """One part, at RATE."""
    if text.replace(".", "", 1).isdecimal():
        return np.zeros(int(float(text) * RATE), np.int16)
    if text.endswith((".wav", ".flac")):
        samples, rate = recording(text)
    else:
        samples, rate = await speak(synthesiser, text, VOICE), SPOKEN_RATE
    loud = np.flatnonzero(np.abs(samples) > QUIET_BEFORE_AND_AFTER)
    return np.asarray(soxr.resample(samples[loud[0] : loud[-1]], rate, RATE), np.int16)


def recording(path: str) -> tuple[NDArray[np.int16], int]:
    """A file's first channel, and its rate."""
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return samples[:, 0], rate


async def main(out: str, parts: list[str]) -> None:
    """Write the file."""
    synthesiser = EspeakSynthesiser()
    await synthesiser.start()
    try:
        sound = np.concatenate([await part(synthesiser, each) for each in parts])
    finally:
        await synthesiser.close()
    await asyncio.to_thread(soundfile.write, out, sound, RATE)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
