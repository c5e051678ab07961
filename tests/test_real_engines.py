"""The whole server with its default engines: people are understood, and a spoken command becomes a task."""

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import soundfile

from tests.servers import ROOT, environment, serving
from tests.speech import tiny_models

SPEECH = ROOT / "tests" / "data" / "speech"
SAID = {
    "austen-0880.wav": "he was not an ill disposed young man",
    "austen-0890.wav": "unless to be rather cold hearted and rather selfish is to be ill disposed",
}
WORST = 0.45


@pytest.fixture(scope="module")
def server() -> Generator[str, None, None]:
    with serving("--log-level", "error") as url:
        yield url


def talk(url: str, *arguments: str | Path) -> list[dict[str, Any]]:
    """The events of `sottovoce talk --json`."""
    run = subprocess.run(
        [sys.executable, "-m", "sottovoce", "talk", "--json", "--fast", "--url", url, *map(str, arguments)],
        env=environment({}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def transcript(events: list[dict[str, Any]]) -> str:
    kind = "conversation.item.input_audio_transcription.completed"
    return " ".join(event["transcript"] for event in events if event["type"] == kind)


@pytest.mark.parametrize("name", SAID)
def test_people_are_understood(server: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    heard = transcript(talk(server, "--mute", SPEECH / name))
    rate = jiwer.wer(SAID[name], heard)
    with capsys.disabled():
        print(f"\n{name}: word error rate {rate:.0%} (at most {WORST:.0%})")  # noqa: T201 - the figure is to be seen
    assert rate <= WORST


@pytest.mark.parametrize("name", ["austen-0870.wav", "jfk.flac"])
def test_every_recording_gets_a_transcript(server: str, name: str) -> None:
    assert len(transcript(talk(server, "--mute", SPEECH / name)).split()) > 5


def test_a_spoken_reminder_is_answered_in_speech_and_becomes_a_task(server: str, tmp_path: Path) -> None:
    answer = tmp_path / "answer.wav"
    events = talk(server, "--out", answer, ROOT / "examples" / "reminder.wav")
    created = [event["task"] for event in events if event["type"] == "task.created"]
    assert [task["type"] for task in created] == ["reminder"]
    assert created[0]["arguments"]["text"]
    assert created[0]["arguments"]["due"]
    assert any(event["type"].endswith("transcription.delta") for event in events), "partial words while one speaks"
    said = [e["transcript"] for e in events if e["type"] == "response.output_audio_transcript.done"]
    assert any("remind you" in text for text in said)
    assert answer.stat().st_size > 2 * 16_000


def test_nothing_that_is_spoken_gets_into_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w", encoding="utf-8") as stream, serving("--log-level", "debug", log=stream) as url:
        events = talk(url, ROOT / "examples" / "reminder.wav")
    words = set(transcript(events).split()) & {"milk", "minutes", "remind", "what"}
    assert len(words) > 2, "the canaries have to be heard"
    written = log.read_text(encoding="utf-8")
    assert "session_connected" in written, "the test is worth nothing if nothing is logged"
    assert [word for word in words if word in written] == []


@pytest.mark.parametrize("engine", ["faster-whisper", "sherpa"])
def test_models_of_ones_own_hear_and_speak_in_a_server_that_is_locked_down(engine: str, tmp_path: Path) -> None:
    model = (tiny_models.whisper if engine == "faster-whisper" else tiny_models.transducer)(tmp_path / "model")
    voice = tiny_models.voice(tmp_path)
    recogniser, synthesiser = f"{engine}:{model}", f"piper:{voice}"
    with serving("--log-level", "error", SOTTOVOCE_RECOGNISER=recogniser, SOTTOVOCE_SYNTHESISER=synthesiser) as url:
        events = talk(url, SPEECH / "austen-0880.wav", "--out", tmp_path / "answer.wav")
    assert set(transcript(events).split()) <= set(tiny_models.WORDS)
    assert transcript(events)
    answer, _ = soundfile.read(tmp_path / "answer.wav")
    assert np.abs(answer).max() > 0.1
