"""The recogniser's worker processes: what happens when one dies, and to an utterance that cannot be heard."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import soundfile

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.orchestrator.skills import Skills
from sottovoce.speech import hearing_pool, pocketsphinx
from sottovoce.speech.base import HEARING_RATE, Hearing, Transcript
from sottovoce.speech.pocketsphinx import PocketsphinxRecogniser

SPEECH = Path(__file__).parents[1] / "data" / "speech"
FRAME = 640
HALF = 75 * FRAME
"""Of the recording: long enough for words so far."""


def recording() -> bytes:
    sound, rate = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    assert rate == HEARING_RATE
    return bytes(sound.tobytes())


def begin(engine: PocketsphinxRecogniser, pcm: bytes = b"", partials: list[str] | None = None) -> Hearing:
    told = [] if partials is None else partials
    hearing = engine.hear(language="en", asked=False, on_partial=told.append)
    for first in range(0, len(pcm), FRAME):
        hearing.feed(pcm[first : first + FRAME])
    return hearing


async def heard(engine: PocketsphinxRecogniser, pcm: bytes) -> Transcript:
    return await begin(engine, pcm).finish()


def worker(engine: PocketsphinxRecogniser) -> psutil.Process:
    """The one that this engine started: other tests keep servers, which have workers as well."""
    (own,) = engine._workers.values()
    (process,) = [child for child in psutil.Process().children() if child.pid == own.process.pid]
    return process


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def engine() -> AsyncIterator[PocketsphinxRecogniser]:
    engine = PocketsphinxRecogniser(Skills.installed().grammars)
    await engine.start()
    yield engine
    await engine.close()


async def test_an_utterance_outlives_the_worker_that_dies_in_the_middle_of_it(engine: PocketsphinxRecogniser) -> None:
    sound = recording()
    undisturbed = await heard(engine, sound)
    partials: list[str] = []
    hearing = begin(engine, sound[:HALF], partials)
    await until(lambda: bool(partials))
    dead = worker(engine)
    dead.kill()
    await until(lambda: engine.status().restarts == 1)
    # Nobody hears at this moment; what is said meanwhile is heard later.
    assert engine.status().waiting == 1
    hearing.feed(sound[HALF:])
    assert await hearing.finish() == undisturbed
    assert worker(engine) != dead
    assert not dead.is_running()
    assert engine.status().restarts == 1


async def test_who_says_nothing_and_ends_nothing_makes_nobody_else_wait(engine: PocketsphinxRecogniser) -> None:
    idle = [begin(engine, bytes(2 * HEARING_RATE)) for _ in range(pocketsphinx.STREAMS)]
    undisturbed = await heard(engine, recording())
    assert undisturbed.text
    assert engine.status().restarts == 0
    # Who was silent is heard all the same when they speak at last.
    for first in range(0, len(recording()), FRAME):
        idle[0].feed(recording()[first : first + FRAME])
    assert (await idle[0].finish()).text
    for hearing in idle:
        hearing.cancel()


async def test_an_utterance_that_has_ended_outlives_its_worker_and_so_does_its_neighbour(
    engine: PocketsphinxRecogniser,
) -> None:
    sounds = [recording()[:HALF], recording()[: HALF // 2]]
    undisturbed = [await heard(engine, sound) for sound in sounds]
    partials: list[str] = []
    hearings = [begin(engine, sound, partials) for sound in sounds]
    waiting = [asyncio.create_task(hearing.finish()) for hearing in hearings]
    await until(lambda: bool(partials))
    worker(engine).kill()
    assert await asyncio.gather(*waiting) == undisturbed
    assert engine.status().restarts == 1
    assert engine.status().waiting == 0


async def test_an_utterance_over_which_workers_die_again_and_again_is_given_up(engine: PocketsphinxRecogniser) -> None:
    hearing = begin(engine, recording()[:HALF])
    for restarts in range(1, hearing_pool.ATTEMPTS + 1):
        worker(engine).kill()
        while engine.status().restarts < restarts or not engine.status().workers:
            await asyncio.sleep(0.01)
    with pytest.raises(EngineFault, match="broke off"):
        await hearing.finish()
    assert (await heard(engine, recording()[:HALF])).text


@pytest.mark.parametrize("odd", [1, HALF + 1], ids=["at its beginning", "at its end"])
async def test_an_utterance_that_cannot_be_heard_fails_alone(engine: PocketsphinxRecogniser, odd: int) -> None:
    sound = recording()
    undisturbed = await heard(engine, sound)
    neighbour = begin(engine, sound[:HALF])
    failing = begin(engine, sound[:odd])
    with pytest.raises(EngineFault, match="could not hear"):
        await failing.finish()
    neighbour.feed(sound[HALF:])
    assert await neighbour.finish() == undisturbed
    assert engine.status().restarts == 0


async def test_what_fails_takes_no_room_from_what_comes_after_it(engine: PocketsphinxRecogniser) -> None:
    for _ in range(pocketsphinx.STREAMS + 1):
        with pytest.raises(EngineFault, match="could not hear"):
            await heard(engine, b"\0")
    together = await asyncio.gather(*(heard(engine, recording()[:HALF]) for _ in range(pocketsphinx.STREAMS + 1)))
    assert together[0].text
    assert together == together[:1] * len(together)
    assert engine.status().restarts == 0


@pytest.mark.parametrize("alive", [True, False], ids=["while a worker hears", "while none is alive"])
async def test_closing_tells_who_waits(engine: PocketsphinxRecogniser, alive: bool) -> None:
    process = worker(engine)
    waiting = asyncio.create_task(begin(engine, recording()).finish())
    await asyncio.sleep(0.1)
    if not alive:
        process.kill()
        await until(lambda: engine.status().workers == 0)
    held = [*engine._workers.values(), *engine._dead]
    await engine.close()
    assert all(each.process.returncode is not None for each in held), "nothing is left to the collector"
    with pytest.raises(EngineUnavailable, match="closed"):
        await waiting
    assert not process.is_running()
    assert engine.status().waiting == 0


async def test_sound_beyond_the_longest_utterance_is_not_kept(
    engine: PocketsphinxRecogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = recording()
    whole, cut = await heard(engine, sound), await heard(engine, sound[: HALF + 100])
    monkeypatch.setattr(hearing_pool, "MAX_SOUND_BYTES", HALF + 100)
    hearing = begin(engine, sound)
    assert len(hearing._utterance.sound) == HALF + 100  # type: ignore[attr-defined]
    assert await hearing.finish() == cut != whole
    assert not hearing._utterance.sound  # type: ignore[attr-defined]
