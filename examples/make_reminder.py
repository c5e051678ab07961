# ruff: noqa: INP001 - a program, no package
"""Makes reminder.wav: two commands, spoken by the server's own synthesiser, 16 kHz, 16-bit, mono.

usage: python examples/make_reminder.py
"""

import asyncio
from contextlib import aclosing
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sottovoce.speech.base import EngineContext
from sottovoce.speech.registry import make_synthesiser

COMMANDS = ("Remind me to buy milk in ten minutes.", "What time is it?")
PAUSE_S = 6.0
"""Long enough for the first answer: at the speed of speech, the second command does not interrupt it."""
RATE = 16_000
SPEED = 0.9
REMINDER = Path(__file__).parent / "reminder.wav"


async def spoken(commands: tuple[str, ...]) -> NDArray[np.int16]:
    """The commands, a pause between them."""
    synthesiser = make_synthesiser("espeak:", EngineContext(grammars={}))
    await synthesiser.start()
    pause = np.zeros(int(PAUSE_S * RATE), np.int16)
    pieces: list[NDArray[np.int16]] = []
    for command in commands:
        async with aclosing(synthesiser.speak(command, language="en", voice=None, speed=SPEED)) as chunks:
            pcm = b"".join([chunk async for chunk in chunks])
        samples: NDArray[np.int16] = soxr.resample(np.frombuffer(pcm, np.int16), synthesiser.sample_rate, RATE)
        pieces += [samples, pause]
    await synthesiser.close()
    return np.concatenate(pieces[:-1])


if __name__ == "__main__":
    soundfile.write(REMINDER, asyncio.run(spoken(COMMANDS)), RATE)
