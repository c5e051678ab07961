"""Hearing and speaking by a Wyoming server, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from sottovoce.speech import wyoming_peer, wyoming_recogniser, wyoming_synthesiser
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.peers.wyoming_trouble import SOUND

CONTEXT = EngineContext(grammars={})
TEXT = "I will remind you to call the school tomorrow morning."
LONG = " ".join([TEXT] * 12)


async def spoken(engine: Synthesiser, text: str = TEXT, voice: str | None = None) -> bytes:
    return b"".join([chunk async for chunk in engine.speak(text, language="en", voice=voice, speed=1.0)])


async def heard(engine: Recogniser, pcm: bytes = SOUND, partials: list[str] | None = None) -> str:
    told = [] if partials is None else partials
    hearing = engine.hear(language="en", asked=False, on_partial=told.append)
    hearing.feed(pcm)
    return (await hearing.finish()).text


@asynccontextmanager
async def recogniser(url: str) -> AsyncIterator[Recogniser]:
    engine = make_recogniser(url, CONTEXT)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def synthesiser(url: str) -> AsyncIterator[Synthesiser]:
    engine = make_synthesiser(url, CONTEXT)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def be_watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look after servers more often than in life."""
    monkeypatch.setattr(wyoming_peer, "DESCRIBE_S", 0.5)
    monkeypatch.setattr(wyoming_peer, "SOONEST_S", 0.1)
    monkeypatch.setattr(wyoming_peer, "LATEST_S", 0.2)


def be_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second for an answer."""
    be_watchful(monkeypatch)
    monkeypatch.setattr(wyoming_recogniser, "ANSWER_S", 0.5)
    monkeypatch.setattr(wyoming_synthesiser, "ANSWER_S", 0.5)
    monkeypatch.setattr(wyoming_synthesiser, "FIRST_ANSWER_S", 0.5)
