"""What every recogniser promises (speech/base.py)."""

import asyncio
from collections.abc import AsyncIterator, Generator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
import soundfile

from sottovoce.errors import EngineFault, LanguageNotSupported
from sottovoce.orchestrator.skills import Skills
from sottovoce.speech.base import HEARING_RATE, EngineContext, Recogniser, Transcript
from sottovoce.speech.chain_hearing import ChainRecogniser
from sottovoce.speech.registry import make_recogniser
from tests.peers import engines

SPEECH = Path(__file__).parents[1] / "data" / "speech"
FRAME = 640


def make(url: str) -> Recogniser:
    """A chain, if there are several URLs."""
    context = EngineContext(grammars=Skills.installed().grammars, workers=1)
    engines = [make_recogniser(each, context) for each in url.split()]
    return engines[0] if len(engines) == 1 else ChainRecogniser(engines, deadline_s=30.0)


def recording(name: str = "austen-0880.wav") -> bytes:
    sound, rate = soundfile.read(SPEECH / name, dtype="int16")
    assert rate == HEARING_RATE
    return bytes(sound.tobytes())


def left_behind() -> tuple[int, int, int]:
    """Tasks, child processes, file descriptors."""
    descriptors = list(Path("/proc/self/fd").iterdir())
    return len(asyncio.all_tasks()), len(psutil.Process().children()), len(descriptors)


@pytest.fixture(scope="module", params=engines.RECOGNISERS)
def url(request: pytest.FixtureRequest) -> Generator[str, None, None]:
    with engines.recogniser(request.param) as url:
        yield url


@pytest.fixture
async def recogniser(url: str) -> AsyncIterator[Recogniser]:
    engine = make(url)
    await engine.start()
    yield engine
    await engine.close()


async def heard(
    engine: Recogniser, pcm: bytes, partials: list[str] | None = None, *, asked: bool = False
) -> Transcript:
    told = [] if partials is None else partials
    hearing = engine.hear(language="en", asked=asked, on_partial=told.append)
    for first in range(0, len(pcm), FRAME):
        hearing.feed(pcm[first : first + FRAME])
        if first % (10 * FRAME) == 0:
            await asyncio.sleep(0)
    return await hearing.finish()


async def test_speech_gives_words_and_a_confidence(recogniser: Recogniser) -> None:
    transcript = await heard(recogniser, recording())
    assert transcript.text
    assert transcript.text == transcript.text.lower()
    assert 0 < transcript.confidence <= 1


async def test_partial_transcripts_come_when_they_change(
    recogniser: Recogniser, request: pytest.FixtureRequest
) -> None:
    partials: list[str] = []
    await heard(recogniser, recording("austen-0890.wav"), partials)
    assert bool(partials) == ("whole" not in request.node.callspec.id)
    assert all(earlier != later for earlier, later in pairwise(partials))


async def test_without_sound_nothing_is_heard(recogniser: Recogniser) -> None:
    transcript = await heard(recogniser, b"")
    assert transcript.text == ""
    assert not transcript.is_command


async def test_several_at_once_each_hear_their_own(recogniser: Recogniser) -> None:
    sounds = [recording("austen-0880.wav"), recording("austen-0890.wav")]
    alone = [(await heard(recogniser, sound)).text for sound in sounds]
    together = await asyncio.gather(*(heard(recogniser, sound) for sound in sounds * 2))
    assert [transcript.text for transcript in together] == alone * 2


async def test_cancelling_forgets_and_harms_nothing(recogniser: Recogniser) -> None:
    partials: list[str] = []
    hearing = recogniser.hear(language="en", asked=False, on_partial=partials.append)
    hearing.feed(recording()[: 20 * FRAME])
    hearing.cancel()
    hearing.cancel()
    told = len(partials)
    hearing.feed(recording())
    await asyncio.sleep(0.05)
    assert len(partials) == told
    assert (await heard(recogniser, recording())).text


async def test_cancelling_after_the_end_is_harmless(recogniser: Recogniser) -> None:
    hearing = recogniser.hear(language="en", asked=True, on_partial=lambda _: None)
    hearing.feed(recording())
    assert (await hearing.finish()).text
    hearing.cancel()
    assert (await heard(recogniser, recording())).text


async def test_a_language_it_does_not_know_is_refused(recogniser: Recogniser) -> None:
    with pytest.raises(LanguageNotSupported):
        recogniser.hear(language="xx", asked=False, on_partial=lambda _: None)


async def test_its_status_counts(recogniser: Recogniser) -> None:
    status = recogniser.status()
    assert status.ready
    assert status.restarts == 0


async def test_it_hears_only_between_start_and_close_and_leaves_nothing(url: str) -> None:
    engine = make(url)
    assert not engine.status().ready
    before = None
    _, others, _ = left_behind()  # servers that other tests keep
    for _ in range(2):
        await engine.start()
        hearing = engine.hear(language="en", asked=False, on_partial=lambda _: None)
        hearing.feed(recording())
        await engine.close()
        await engine.close()
        hearing.cancel()
        assert not engine.status().ready
        await asyncio.sleep(0.05)
        left = left_behind()
        assert before is None or left == before
        before = left
    assert before is not None
    assert before[:2] == (1, others)
    with pytest.raises(EngineFault):
        await heard(engine, recording())
