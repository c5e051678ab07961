"""sherpa-onnx: utterances in one batch, and folders that are not as they should be."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.sherpa import SherpaRecogniser
from tests.speech import tiny_models

SPEECH = Path(__file__).parents[1] / "data" / "speech"
FRAME = 640


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.transducer(tmp_path_factory.mktemp("model"))


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[SherpaRecogniser]:
    engine = SherpaRecogniser(f"sherpa:{folder}")
    await engine.start()
    yield engine
    await engine.close()


def recordings() -> list[bytes]:
    names = ("austen-0880.wav", "austen-0890.wav")
    return [soundfile.read(SPEECH / name, dtype="int16")[0].tobytes() for name in names]


async def heard(engine: SherpaRecogniser, pcm: bytes, partials: list[str] | None = None) -> str:
    told = [] if partials is None else partials
    hearing = engine.hear(language="en", asked=False, on_partial=told.append)
    for first in range(0, len(pcm), FRAME):
        hearing.feed(pcm[first : first + FRAME])
        await asyncio.sleep(0)
    return (await hearing.finish()).text


async def test_forty_in_one_batch_hear_what_each_hears_alone(engine: SherpaRecogniser) -> None:
    wholes = recordings()
    # No two begin and end alike, so that the batch changes from step to step.
    sounds = [wholes[number % 2][FRAME * number : -FRAME * (1 + number)] for number in range(40)]
    alone = [await heard(engine, sound) for sound in sounds]
    assert len(set(alone)) > len(alone) / 2
    assert await asyncio.gather(*(heard(engine, sound) for sound in sounds)) == alone


async def test_words_come_while_one_speaks(engine: SherpaRecogniser) -> None:
    partials: list[str] = []
    text = await heard(engine, recordings()[1], partials)
    assert len(partials) > 10
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise([*partials, text]))


async def test_two_of_a_kind_are_heard_together_though_one_of_them_is_cancelled(engine: SherpaRecogniser) -> None:
    sound = recordings()[0]
    alone = await heard(engine, sound)
    for _ in range(3):
        cancelled = engine.hear(language="en", asked=False, on_partial=lambda _: None)
        cancelled.feed(sound)
        other = asyncio.create_task(heard(engine, sound))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        assert await other == alone


@pytest.mark.parametrize(("query", "precise"), [("", False), ("?precision=float", True), ("?device=cpu", False)])
async def test_of_two_precisions_the_small_one_is_taken_unless_told_otherwise(
    tmp_path: Path, query: str, *, precise: bool
) -> None:
    tiny_models.transducer(tmp_path)
    (tmp_path / "encoder.int8.onnx").write_bytes((tmp_path / "encoder.onnx").read_bytes())
    # The other one could not be loaded.
    (tmp_path / ("encoder.int8.onnx" if precise else "encoder.onnx")).write_bytes(b"no model")
    engine = SherpaRecogniser(f"sherpa:{tmp_path}{query}")
    await engine.start()
    assert await heard(engine, recordings()[0])
    await engine.close()


@pytest.mark.parametrize("missing", ["tokens.txt", "encoder.onnx", "decoder.onnx", "joiner.onnx"])
async def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    (tiny_models.transducer(tmp_path) / missing).unlink()
    with pytest.raises(EngineUnavailable, match=f"there is no {missing[:6]}.* in its folder"):
        await SherpaRecogniser(f"sherpa:{tmp_path}").start()


async def test_of_several_models_none_is_chosen(tmp_path: Path) -> None:
    tiny_models.transducer(tmp_path)
    tiny_models.transducer(tmp_path, name="{}-other.onnx")
    with pytest.raises(EngineUnavailable, match=r"several models in its folder: leave one encoder\*\.onnx there"):
        await SherpaRecogniser(f"sherpa:{tmp_path}").start()


@pytest.mark.parametrize("broken", ["encoder.onnx", "tokens.txt"])
async def test_a_model_that_ends_the_process_is_said_not_to_start(tmp_path: Path, broken: str) -> None:
    (tiny_models.transducer(tmp_path) / broken).write_bytes(b"no model")
    engine = SherpaRecogniser(f"sherpa:{tmp_path}")
    with pytest.raises(EngineUnavailable):
        await engine.start()
    assert not engine.status().ready


def test_it_hears_the_language_that_it_is_told_to(folder: Path) -> None:
    assert SherpaRecogniser(f"sherpa:{folder}").languages == ("en",)
    assert SherpaRecogniser(f"sherpa:{folder}?language=de").languages == ("de",)
    with pytest.raises(EngineUrlInvalid):
        SherpaRecogniser(f"sherpa:{folder}?beam_size=5")
