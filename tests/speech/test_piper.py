"""piper: speakers, pace, and voices that are not as they should be."""

import asyncio
import importlib.util
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sottovoce.errors import EngineFault, EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.piper import PiperSynthesiser
from tests.speech import tiny_models

TEXT = "I will remind you to call the school tomorrow morning."
LONG = " ".join([TEXT] * 40)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.voice(tmp_path_factory.mktemp("voice"), speakers=tiny_models.SPEAKERS)


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[PiperSynthesiser]:
    engine = PiperSynthesiser(f"piper:{model}")
    await engine.start()
    yield engine
    await engine.close()


async def spoken(engine: PiperSynthesiser, text: str = TEXT, voice: str | None = None, speed: float = 1.0) -> bytes:
    return b"".join([chunk async for chunk in engine.speak(text, language="en", voice=voice, speed=speed)])


async def test_speakers_differ_and_the_first_is_the_usual_one(engine: PiperSynthesiser) -> None:
    assert engine.voices == tiny_models.SPEAKERS
    anna, berta = [await spoken(engine, voice=voice) for voice in engine.voices]
    assert anna != berta
    assert await spoken(engine) == anna


async def test_a_speaker_that_is_none_is_refused_by_naming_those_that_are(engine: PiperSynthesiser) -> None:
    with pytest.raises(EngineFault, match="it has anna, berta") as caught:
        await spoken(engine, voice="en-us")
    assert "en-us" not in caught.value.message


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5])
async def test_speed_is_as_asked(engine: PiperSynthesiser, speed: float) -> None:
    assert len(await spoken(engine)) / len(await spoken(engine, speed=speed)) == pytest.approx(speed, rel=0.02)


async def test_a_speed_beyond_the_range_counts_as_the_nearest_in_it(engine: PiperSynthesiser) -> None:
    assert await spoken(engine, speed=9.0) == await spoken(engine, speed=1.5)
    assert await spoken(engine, speed=0.01) == await spoken(engine, speed=0.25)


async def test_marks_for_the_engine_are_read_as_text(engine: PiperSynthesiser) -> None:
    assert await spoken(engine, "go [[fast]] now") == await spoken(engine, "go fast now")


async def test_who_stops_listening_frees_the_worker_at_the_next_sentence(engine: PiperSynthesiser) -> None:
    whole_s = -time.monotonic()
    await spoken(engine, LONG, speed=0.25)
    whole_s += time.monotonic()
    for _ in range(3):
        sound = engine.speak(LONG, language="en", voice=None, speed=0.25)
        await anext(sound)
        await sound.aclose()
    free_s = -time.monotonic()
    await spoken(engine, "Yes.")
    free_s += time.monotonic()
    assert free_s < whole_s / 2


async def test_several_workers_speak_at_the_same_time(model: Path) -> None:
    engine = PiperSynthesiser(f"piper:{model}?workers=2")
    await engine.start()
    assert engine.status().workers == 2
    alone = await spoken(engine)
    assert await asyncio.gather(*(spoken(engine) for _ in range(6))) == [alone] * 6
    await engine.close()


def test_what_a_voice_speaks_stands_in_its_file(tmp_path: Path) -> None:
    voice = tiny_models.voice(tmp_path, language="de")
    engine = PiperSynthesiser(f"piper:{voice}")
    assert (engine.languages, engine.voices, engine.sample_rate) == (("de",), ("tiny",), tiny_models.PIPER_RATE)


@pytest.mark.parametrize("missing", ["tiny.onnx", "tiny.onnx.json"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    voice = tiny_models.voice(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(EngineUnavailable, match=rf"{missing}: a voice of piper's is two files.*piper.download_voices"):
        PiperSynthesiser(f"piper:{voice}")


@pytest.mark.parametrize("about", ["no json", "{}", '{"audio": {"sample_rate": "fast"}, "espeak": {}}'])
def test_a_file_that_describes_no_voice_is_refused(tmp_path: Path, about: str) -> None:
    voice = tiny_models.voice(tmp_path)
    Path(f"{voice}.json").write_text(about)
    with pytest.raises(EngineUnavailable, match="does not describe a voice"):
        PiperSynthesiser(f"piper:{voice}")


async def test_a_file_that_describes_half_a_voice_is_refused_at_the_start(tmp_path: Path) -> None:
    voice = tiny_models.voice(tmp_path)
    half = json.dumps({"audio": {"sample_rate": 22_050}, "espeak": {"voice": "en"}})
    voice.with_suffix(".onnx.json").write_text(half)
    with pytest.raises(EngineUnavailable, match="does not describe a voice"):
        await PiperSynthesiser(f"piper:{voice}").start()


async def test_a_voice_that_would_download_more_is_refused(tmp_path: Path) -> None:
    voice = tiny_models.voice(tmp_path, phonemes="pinyin")
    with pytest.raises(EngineUnavailable, match="phonemes of the type pinyin are not supported"):
        await PiperSynthesiser(f"piper:{voice}").start()


async def test_a_model_that_is_none_and_a_gpu_that_is_not_there_are_refused(tmp_path: Path) -> None:
    voice = tiny_models.voice(tmp_path)
    with pytest.raises(EngineUnavailable, match="this onnxruntime knows no GPU"):
        await PiperSynthesiser(f"piper:{voice}?device=cuda").start()
    voice.write_bytes(b"no model")
    with pytest.raises(EngineUnavailable, match="the model cannot be loaded"):
        await PiperSynthesiser(f"piper:{voice}").start()


async def test_without_the_library_what_to_install_is_said(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "piper" else find(name))
    with pytest.raises(EngineUnavailable, match=r"pip install 'sottovoce\[piper\]'"):
        await PiperSynthesiser(f"piper:{model}").start()


def test_what_cannot_be_set_is_refused(model: Path) -> None:
    with pytest.raises(EngineUrlInvalid):
        PiperSynthesiser(f"piper:{model}?language=en")
