import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from sottovoce.cli.exits import ExitCode
from sottovoce.client import UnknownEvent
from sottovoce.client.events import decode
from tests.cli.conftest import Run
from tests.servers import INSTANT, environment

COMPLETED = "conversation.item.input_audio_transcription.completed"


@pytest.fixture
def silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(22_050, np.int16), 22_050)
    return path


def test_a_transcript_for_people(run: Run, instant_server: str, speech: Path) -> None:
    text = "remind me to buy milk in ten minutes"
    talk = run("talk", speech / "austen-0880.wav", "--text", text, "--url", instant_server, "--fast", "--mute")
    lines = talk.out.splitlines()
    assert talk.code == 0
    assert lines[0] == "you        hello world"
    assert lines[1].startswith("sottovoce  ")
    assert lines[2] == f"you        {text}"
    assert any(line.startswith("task       reminder · working · text buy milk") for line in lines)
    assert lines[-1].startswith("sottovoce  ")
    assert "1 task(s) were still at work" in talk.err


def test_json_is_the_servers_events_and_nothing_else(
    run_process: Run, instant_server: str, speech: Path, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.wav"
    talk = run_process("talk", speech / "austen-0880.wav", "--url", instant_server, "--fast", "--json", "--out", reply)
    events = [decode(line) for line in talk.out.splitlines()]
    types = [json.loads(line)["type"] for line in talk.out.splitlines()]
    assert (talk.code, talk.err) == (0, "")
    assert not any(isinstance(event, UnknownEvent) for event in events)
    assert (types[0], types[-1]) == ("session.created", "session.ended")
    assert types.count(COMPLETED) == 1
    assert soundfile.info(reply).samplerate == 16_000
    assert soundfile.info(reply).duration == pytest.approx(1.0, abs=0.05)


@contextmanager
def talking(*arguments: str | Path, **settings: str) -> Generator[tuple[subprocess.Popen[str], psutil.Process]]:
    """`sottovoce talk --json` in the middle of a conversation, and the server that it started."""
    with subprocess.Popen(
        [sys.executable, "-m", "sottovoce", "talk", "--json", *map(str, arguments)],
        env=environment(INSTANT | settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "session.created" in process.stdout.readline()
        (server,) = psutil.Process(process.pid).children()
        yield process, server


def test_its_own_server_is_gone_in_the_end(speech: Path) -> None:
    settings = {"SOTTOVOCE_PUBLIC_URL": "https://elsewhere.example.org"}
    with talking(speech / "austen-0880.wav", "--fast", "--mute", **settings) as (process, server):
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert COMPLETED in out
    assert not server.is_running()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_nothing_behind(sign: signal.Signals) -> None:
    with talking("--text", "set a timer for one hour", "--wait", "60") as (process, server):
        process.send_signal(sign)
        _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in err
    assert not server.is_running()


def test_no_speech_is_said_and_is_1(run: Run, instant_server: str, silence: Path, speech: Path) -> None:
    talk = run("talk", silence, speech / "austen-0880.wav", "--url", instant_server, "--fast", "--json", "--mute")
    assert talk.code == ExitCode.NOT_WELL
    assert talk.err == f"sottovoce: No speech was found in {silence}.\n"
    assert COMPLETED in talk.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothere.wav"], "There is no file nothere.wav"),
        ([Path(__file__)], "cannot be read as WAV, FLAC or OGG"),
        (["--text", "hello", "--out", "reply.txt"], "its name end in .wav, .flac or .ogg"),
    ],
)
def test_a_file_that_cannot_be_used_is_2(run: Run, instant_server: str, arguments: list[str | Path], says: str) -> None:
    talk = run("talk", *arguments, "--url", instant_server)
    assert talk.code == ExitCode.WRONG_USE
    assert says in talk.err
    assert "Traceback" not in talk.err


def test_no_server_is_3(run: Run, free_port: int) -> None:
    talk = run("talk", "--text", "hello", "--url", f"http://127.0.0.1:{free_port}")
    assert talk.code == ExitCode.NO_SERVER
    assert "Start one with: sottovoce serve" in talk.err


def test_an_own_server_that_does_not_start_says_why(run: Run) -> None:
    talk = run("talk", "--text", "hello", SOTTOVOCE_RECOGNISER="nonesuch:")
    assert talk.code == ExitCode.NO_SERVER
    assert "There is no engine named nonesuch" in talk.err


def test_its_own_server_is_where_it_is_whatever_the_settings_file_says(run_process: Run, tmp_path: Path) -> None:
    (tmp_path / "sottovoce.toml").write_text('public_url = "https://elsewhere.example.org"\n')
    talk = run_process("talk", "--text", "what time is it", "--mute", **INSTANT)
    assert (talk.code, talk.err) == (0, "")
    assert "sottovoce  It is" in talk.out


def test_a_session_that_ends_before_all_is_said_is_4(run: Run, instant_server: str) -> None:
    talk = run("talk", "--text", "goodbye", "--text", "wait", "--url", instant_server, "--mute")
    assert talk.code == ExitCode.CUT_SHORT
    assert "before 1 thing(s) could be said" in talk.err


def test_a_language_that_nobody_hears_is_4_and_named(run: Run, instant_server: str, speech: Path) -> None:
    file = speech / "austen-0880.wav"
    talk = run("talk", file, "--url", instant_server, "--fast", "--mute", "--language", "fr")
    assert talk.code == ExitCode.CUT_SHORT
    assert "hears only" in talk.out


def test_a_namespace_is_the_same_every_time(run: Run, instant_server: str) -> None:
    for _ in range(2):
        talk = run("talk", "--text", "what time is it", "--url", instant_server, "--mute", "--namespace", "alice")
        assert talk.code == 0
