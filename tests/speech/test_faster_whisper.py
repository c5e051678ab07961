"""faster-whisper: languages, words before the end, and models that are not there."""

import asyncio
import importlib.util
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid, LanguageNotSupported
from sottovoce.speech.faster_whisper import FasterWhisperRecogniser
from tests.speech import tiny_models

SPEECH = Path(__file__).parents[1] / "data" / "speech"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.whisper(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
async def engine(model: Path) -> AsyncIterator[FasterWhisperRecogniser]:
    engine = FasterWhisperRecogniser(f"faster-whisper:{model}")
    await engine.start()
    yield engine
    await engine.close()


def recording() -> bytes:
    return bytes(soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")[0].tobytes())


async def heard(engine: FasterWhisperRecogniser, pcm: bytes, language: str = "en") -> tuple[str, list[str]]:
    partials: list[str] = []
    hearing = engine.hear(language=language, asked=False, on_partial=partials.append)
    hearing.feed(pcm)
    await asyncio.sleep(0.1)
    return (await hearing.finish()).text, partials


async def test_before_the_end_there_are_no_words_unless_asked_for(engine: FasterWhisperRecogniser) -> None:
    text, partials = await heard(engine, recording())
    assert set(text.split()) <= set(tiny_models.WORDS)
    assert text
    assert partials == []


async def test_what_is_too_short_for_a_word_is_none(engine: FasterWhisperRecogniser) -> None:
    assert await heard(engine, recording()[:3000]) == ("", [])


async def test_who_is_transcribed_later_is_counted_as_waiting(engine: FasterWhisperRecogniser) -> None:
    hearings = [engine.hear(language="en", asked=False, on_partial=lambda _: None) for _ in range(4)]
    for hearing in hearings:
        hearing.feed(recording())
    assert engine.status().waiting == 0, "who still speaks waits for nobody"
    transcripts = [asyncio.create_task(hearing.finish()) for hearing in hearings]
    await asyncio.sleep(0)
    assert engine.status().waiting == 3
    assert len({transcript.text for transcript in await asyncio.gather(*transcripts)}) == 1
    assert engine.status().waiting == 0


async def test_a_model_of_many_languages_hears_each_in_its_own_way(tmp_path: Path) -> None:
    engine = FasterWhisperRecogniser(f"faster-whisper:{tiny_models.whisper(tmp_path / 'm', multilingual=True)}")
    await engine.start()
    assert {"en", "de", "fr", "ja"} <= set(engine.languages)
    texts = [(await heard(engine, recording(), language))[0] for language in ("en", "de", "en")]
    await engine.close()
    assert texts[0] == texts[2] != texts[1]


async def test_of_many_languages_one_can_be_set(tmp_path: Path) -> None:
    model = tiny_models.whisper(tmp_path / "m", multilingual=True)
    engine = FasterWhisperRecogniser(f"faster-whisper:{model}?language=de")
    await engine.start()
    with pytest.raises(LanguageNotSupported, match="is set to hear de"):
        engine.hear(language="en", asked=False, on_partial=lambda _: None)
    assert (await heard(engine, recording(), "de"))[0]
    await engine.close()


async def test_a_language_that_the_model_does_not_know_cannot_be_set(model: Path) -> None:
    with pytest.raises(EngineUnavailable, match="the model does not know the language"):
        await FasterWhisperRecogniser(f"faster-whisper:{model}?language=de").start()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("small", r"was not downloaded.*python -c .*download_model\('small'\)"),
        ("someone/some-model", r"was not downloaded.*download_model\('someone/some-model'\)"),
        ("smal", r"no folder, and none of the models with a name: tiny\.en, tiny"),
    ],
)
async def test_nothing_is_downloaded_and_how_to_get_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(EngineUnavailable, match=says):
        await FasterWhisperRecogniser(f"faster-whisper:{name}").start()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's way counts as blocking here


async def test_a_downloaded_model_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    # As the library of the hub lays them down.
    home = tmp_path / "hub" / "models--someone--some-model"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text("abc")
    (home / "snapshots").mkdir()
    tiny_models.whisper(home / "snapshots" / "abc")
    engine = FasterWhisperRecogniser("faster-whisper:someone/some-model", lockdown="on")
    await engine.start()
    assert (await heard(engine, recording()))[0]
    await engine.close()


@pytest.mark.parametrize("missing", ["tokenizer.json", "model.bin", "config.json"])
async def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    model = tiny_models.whisper(tmp_path / "tiny")
    (model / missing).unlink()
    with pytest.raises(EngineUnavailable, match=f"there is no {missing} in its folder"):
        await FasterWhisperRecogniser(f"faster-whisper:{model}").start()


async def test_a_model_that_is_none_and_a_device_that_is_not_there_are_refused(tmp_path: Path) -> None:
    model = tiny_models.whisper(tmp_path / "tiny")
    with pytest.raises(EngineUnavailable, match="the model cannot be loaded"):
        await FasterWhisperRecogniser(f"faster-whisper:{model}?device=cuda").start()
    (model / "model.bin").write_bytes(b"no model")
    with pytest.raises(EngineUnavailable, match="the model cannot be loaded"):
        await FasterWhisperRecogniser(f"faster-whisper:{model}").start()


async def test_without_the_library_what_to_install_is_said(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "faster_whisper" else find(name))
    with pytest.raises(EngineUnavailable, match=r"pip install 'sottovoce\[faster-whisper\]'"):
        await FasterWhisperRecogniser(f"faster-whisper:{model}").start()


async def test_in_strict_lockdown_it_does_not_start_where_a_part_is_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONMALLOC", raising=False)
    with pytest.raises(EngineUnavailable, match=r"lockdown is strict, and this is refused here: .*freed_memory_wiped"):
        await FasterWhisperRecogniser(f"faster-whisper:{model}", lockdown="strict").start()


@pytest.mark.parametrize("query", ["beam_size=0", "compute_type=int4", "partial_ms=-1", "precision=int8"])
def test_what_cannot_be_set_is_refused(query: str) -> None:
    with pytest.raises(EngineUrlInvalid):
        FasterWhisperRecogniser(f"faster-whisper:small?{query}")
