"""Engines of one's own, for the length of a command, and what the one that speaks says."""

import asyncio
from contextlib import aclosing
from typing import Any

import numpy as np
import soxr

from sottovoce.settings import Settings

ENGINE_TIMEOUT_S = 60.0
HEARING_RATE = 16_000


async def speak(settings: Settings, text: str) -> tuple[str, bytes, bytes]:
    """The engine's name, and the text as sound, 16-bit, mono: as it is made, and at 16 kHz.

    Raises EngineUnavailable, EngineUrlInvalid, EngineFault, TimeoutError.
    """
    synthesiser = node_with(settings, "synthesiser").synthesiser
    async with asyncio.timeout(ENGINE_TIMEOUT_S):
        await synthesiser.start()
        try:
            async with aclosing(synthesiser.speak(text, language="en", voice=None, speed=1.0)) as chunks:
                pcm = b"".join([chunk async for chunk in chunks])
        finally:
            await synthesiser.close()
    samples = np.frombuffer(pcm, dtype=np.int16)
    return synthesiser.name, pcm, soxr.resample(samples, synthesiser.sample_rate, HEARING_RATE).tobytes()


async def judge(settings: Settings, sound: bytes) -> tuple[str, float | None]:
    """The name of the engine that says whether turns are over, and how likely the sound (at 16 kHz) is finished.

    Raises EngineUnavailable, EngineUrlInvalid, TimeoutError.
    """
    engine = node_with(settings, "end_of_turn").turn_judge
    async with asyncio.timeout(ENGINE_TIMEOUT_S):
        await engine.start()
        try:
            return engine.name, await engine.finished(sound)
        finally:
            await engine.close()


def node_with(settings: Settings, role: str) -> Any:
    """What holds the engine of this role; the others' are stand-ins, so that each is tried whatever the others are.

    Raises EngineUnavailable, EngineUrlInvalid.
    """
    from sottovoce.app import make_hub  # noqa: PLC0415 - other commands need not load the server

    others: dict[str, Any] = {"recogniser": ("instant:",), "synthesiser": ("instant:",), "end_of_turn": None}
    del others[role]
    return make_hub(settings.model_copy(update=others | {"model": None, "mcp_servers": {}, "lockdown": "off"})).node
