"""The whole server, locked down, with its default engines and a language model: spoken to, and heard."""

from pathlib import Path
from typing import Any

import pytest

from tests.peers.scripts import ScriptedModel, call, rule
from tests.servers import ROOT, serving
from tests.test_real_engines import SPEECH, talk


def said(events: list[dict[str, Any]]) -> str:
    return " ".join(e["transcript"] for e in events if e["type"] == "response.output_audio_transcript.done")


def test_speech_is_answered_by_the_model_and_commands_are_not(scripted: ScriptedModel, tmp_path: Path) -> None:
    scripted.plays(rule("", ["A sad tale, canary. ", call("note", {"text": "be kinder"})], ["Go on."]))
    answer, log = tmp_path / "answer.wav", tmp_path / "log"
    with (
        log.open("w", encoding="utf-8") as stream,
        serving("--log-level", "debug", log=stream, SOTTOVOCE_MODEL=scripted.url) as url,
    ):
        command = talk(url, ROOT / "examples" / "reminder.wav")
        assert "remind you" in said(command)
        assert scripted.requests() == []

        events = talk(url, "--out", answer, SPEECH / "austen-0880.wav")
        assert said(events) == "A sad tale, canary. Noted: be kinder. Go on."
        assert [e["task"]["type"] for e in events if e["type"] == "task.created"] == ["note"]
        assert len(scripted.requests()) == 2
    assert answer.stat().st_size > 2 * 16_000
    written = log.read_text(encoding="utf-8")
    assert "session_connected" in written
    assert "lockdown_holds" in written or "lockdown_in_part" in written
    assert [word for word in ("canary", "kinder") if word in written] == []


def test_a_model_that_cannot_be_stops_the_start_with_a_sentence() -> None:
    with (
        pytest.raises(AssertionError, match="model is missing"),
        serving(SOTTOVOCE_MODEL="openai+http://localhost/v1"),
    ):
        pass
