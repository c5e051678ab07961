"""What every synthesiser promises (speech/base.py)."""

import asyncio
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import numpy as np
import psutil
import pytest

from sottovoce.errors import EngineUnavailable, LanguageNotSupported
from sottovoce.speech.base import EngineContext, Synthesiser
from sottovoce.speech.chain_speaking import ChainSynthesiser
from sottovoce.speech.registry import make_synthesiser
from tests.peers import engines

ENGLISH = "I will remind you to call the school tomorrow morning."
GERMAN = "Ich erinnere dich morgen früh daran, die Schule anzurufen."
LONG = " ".join([ENGLISH] * 12)
BEGINNING_BYTES = 100_000
"""About two seconds of sound."""

Curve = np.ndarray[tuple[int], np.dtype[np.float64]]


def make(url: str) -> Synthesiser:
    """A chain, if there are several URLs."""
    engines = [make_synthesiser(each, EngineContext(grammars={}, workers=1)) for each in url.split()]
    return engines[0] if len(engines) == 1 else ChainSynthesiser(engines, deadline_s=30.0)


@pytest.fixture(scope="module", params=engines.SYNTHESISERS)
def url(request: pytest.FixtureRequest) -> Generator[str, None, None]:
    with engines.synthesiser(request.param) as url:
        yield url


@pytest.fixture
async def synthesiser(url: str) -> AsyncIterator[Synthesiser]:
    engine = make(url)
    await engine.start()
    yield engine
    await engine.close()


async def spoken(
    engine: Synthesiser, text: str = ENGLISH, language: str = "en", voice: str | None = None, speed: float = 1.0
) -> list[bytes]:
    return [chunk async for chunk in engine.speak(text, language=language, voice=voice, speed=speed)]


def level(chunks: list[bytes]) -> float:
    sound = np.frombuffer(b"".join(chunks), np.int16).astype(float)
    return float(np.sqrt(np.mean(sound**2)))


def alike(one: list[bytes], other: list[bytes]) -> bool:
    """Whether both say the same. espeak-ng's voices waver: the same words differ by 0.1 at most, others by half."""
    curves = [loudness(chunks) for chunks in (one, other)]
    shorter = min(map(len, curves))
    if max(map(len, curves)) > 1.05 * shorter:
        return False
    difference = np.abs(curves[0][:shorter] - curves[1][:shorter])
    return float(np.mean(difference) / np.mean(curves[0])) < 0.3


def loudness(chunks: list[bytes]) -> Curve:
    """The level of each tenth of a second or so."""
    sound = np.frombuffer(b"".join(chunks), np.int16).astype(float)
    curve: Curve = np.sqrt(np.mean(sound[: len(sound) // 2000 * 2000].reshape(-1, 2000) ** 2, axis=1))
    return curve


def left_behind() -> tuple[int, int, int]:
    """Tasks, child processes, file descriptors."""
    descriptors = list(Path("/proc/self/fd").iterdir())
    return len(asyncio.all_tasks()), len(psutil.Process().children()), len(descriptors)


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (GERMAN, "de")])
async def test_it_speaks_in_chunks_of_at_most_100_ms(synthesiser: Synthesiser, text: str, language: str) -> None:
    if language not in synthesiser.languages:
        pytest.skip("a voice of piper's speaks one language")
    chunks = await spoken(synthesiser, text, language)
    assert all(chunk and len(chunk) % 2 == 0 for chunk in chunks)
    assert max(map(len, chunks)) <= 2 * synthesiser.sample_rate // 10
    assert sum(map(len, chunks)) >= 2 * synthesiser.sample_rate
    assert 500 < level(chunks) < 10_000


async def test_every_voice_it_names_speaks(synthesiser: Synthesiser) -> None:
    assert synthesiser.voices
    for voice in synthesiser.voices:
        language = voice[:2] if voice[:2] in synthesiser.languages else "en"
        assert level(await spoken(synthesiser, "Good morning.", language, voice)) > 500


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5])
async def test_every_speed_gives_sound(synthesiser: Synthesiser, speed: float) -> None:
    assert level(await spoken(synthesiser, speed=speed)) > 300


async def test_a_language_it_does_not_speak_is_refused_by_naming_those_it_does(synthesiser: Synthesiser) -> None:
    with pytest.raises(LanguageNotSupported) as caught:
        await spoken(synthesiser, language="fr")
    assert all(language in caught.value.message for language in synthesiser.languages)


async def test_nothing_to_say_gives_no_sound(synthesiser: Synthesiser) -> None:
    assert await spoken(synthesiser, "") == []
    assert await spoken(synthesiser, " \n\x00\x01\t ") == []


async def test_closing_the_iterator_ends_it_and_harms_nothing(synthesiser: Synthesiser) -> None:
    before = await spoken(synthesiser)
    for _ in range(20):
        sound = synthesiser.speak(LONG, language="en", voice=None, speed=1.0)
        assert await anext(sound)
        await sound.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(sound)
    assert alike(await spoken(synthesiser), before)
    assert synthesiser.status().waiting == 0


async def test_a_cancelled_task_harms_nothing(synthesiser: Synthesiser) -> None:
    before = await spoken(synthesiser)
    tasks = [asyncio.create_task(spoken(synthesiser, LONG)) for _ in range(10)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert alike(await spoken(synthesiser), before)


async def test_who_listens_slowly_holds_up_nobody_and_loses_nothing(synthesiser: Synthesiser) -> None:
    alone = await spoken(synthesiser, LONG)
    slow = synthesiser.speak(LONG, language="en", voice=None, speed=1.0)
    heard = [await anext(slow)]
    async with asyncio.timeout(20):
        for _ in range(5):
            assert await spoken(synthesiser)
    heard += [chunk async for chunk in slow]
    # By their bytes: how they are cut into chunks depends on when they come.
    whole, other = b"".join(heard), b"".join(alone)
    assert abs(len(whole) - len(other)) <= 0.02 * len(other)
    assert alike([whole[:BEGINNING_BYTES]], [other[:BEGINNING_BYTES]])


async def test_many_at_once_each_get_their_own(synthesiser: Synthesiser) -> None:
    texts = [("One" + ", and another" * number, "en") for number in range(6)]
    if "de" in synthesiser.languages:
        texts += [("Eins" + " und noch eines" * number, "de") for number in range(6)]
    alone = [await spoken(synthesiser, *text) for text in texts]
    together = await asyncio.gather(*(spoken(synthesiser, *text) for text in texts))
    assert all(alike(*both) for both in zip(together, alone, strict=True))


async def test_its_status_counts(synthesiser: Synthesiser) -> None:
    status = synthesiser.status()
    assert status.ready
    assert (status.restarts, status.waiting) == (0, 0)


async def test_it_speaks_only_between_start_and_close(url: str) -> None:
    engine = make(url)
    assert not engine.status().ready
    with pytest.raises(EngineUnavailable):
        await spoken(engine)
    await engine.start()
    first = await spoken(engine)
    await engine.close()
    await engine.close()
    assert not engine.status().ready
    with pytest.raises(EngineUnavailable):
        await spoken(engine)
    await engine.start()
    assert alike(await spoken(engine), first)
    await engine.close()


async def test_after_close_nothing_is_left(url: str) -> None:
    engine = make(url)
    before = None
    _, others, _ = left_behind()  # servers that other tests keep
    for _ in range(3):
        await engine.start()
        speaking = asyncio.create_task(spoken(engine, LONG))
        waiting = asyncio.create_task(spoken(engine, LONG))
        await asyncio.sleep(0.02)
        await engine.close()
        await asyncio.gather(speaking, waiting, return_exceptions=True)
        await asyncio.sleep(0.05)
        left = left_behind()
        # The event loop's watcher of processes may keep what it opened for the first.
        assert before is None or left == before
        before = left
    assert before is not None
    assert before[:2] == (1, others)
