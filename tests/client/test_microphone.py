"""Against real PortAudio and ALSA, whose devices are files: no hardware is needed."""

import ctypes.util
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from sottovoce.client import MicrophoneUnavailable
from sottovoce.client.microphone import devices
from tests.servers import ROOT, environment

SPEECH = ROOT / "tests" / "data" / "speech" / "austen-0880.wav"
DEVICE = """
pcm.!default {{ type file slave.pcm {{ type null }} file {folder}/played.raw infile {folder}/heard.raw format raw }}
"""
RECORD = """
import asyncio, sys
from contextlib import aclosing
from sottovoce.client.microphone import record

async def main():
    async with aclosing(record()) as pieces:
        sys.stdout.buffer.write(b"".join([await anext(pieces) for _ in range(50)]))

asyncio.run(main())
"""
PLAY = """
import time
from sottovoce.client import Sound, server_events as se
from sottovoce.client.microphone import Speaker

item = se.ItemView(id="item_1", status="in_progress", role="assistant", content=[])
with Speaker() as speaker:
    speaker.receive(se.ResponseOutputItemAdded(event_id="e", response_id="r", item=item))
    speaker.receive(se.OutputAudioBufferStarted(event_id="e", response_id="r"))
    speaker.receive(Sound(b"\\x01\\x02" * 8_000))
    while speaker._waiting:
        time.sleep(0.01)
    print(speaker.receive(se.OutputAudioBufferCleared(event_id="e", response_id="r")))
    speaker.receive(se.OutputAudioBufferStarted(event_id="e", response_id="r"))
    print(speaker.receive(se.OutputAudioBufferCleared(event_id="e", response_id="r")))
"""

needs_portaudio = pytest.mark.skipif(
    importlib.util.find_spec("sounddevice") is None or ctypes.util.find_library("portaudio") is None,
    reason="sounddevice or PortAudio is not installed (apt-get install libportaudio2)",
)


def python(program: str, config: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment({"ALSA_CONFIG_PATH": str(config)}),
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    speech = soundfile.read(SPEECH, dtype="int16")[0].tobytes()
    (tmp_path / "heard.raw").write_bytes(speech)
    path = tmp_path / "alsa.conf"
    path.write_text(DEVICE.format(folder=tmp_path))
    return path


@needs_portaudio
def test_the_microphones_sound_comes_in_frames_of_20_ms(config: Path) -> None:
    heard = python(RECORD, config)
    assert heard.stderr == b""
    assert heard.stdout == (config.parent / "heard.raw").read_bytes()[: 50 * 640]


@needs_portaudio
def test_answers_are_played_and_what_was_heard_of_them_is_counted(config: Path) -> None:
    played = python(PLAY, config)
    assert played.stdout.decode().splitlines() == ["('item_1', 500)", "('item_1', 0)"]
    assert (config.parent / "played.raw").read_bytes().count(b"\x01\x02") >= 8_000


@needs_portaudio
def test_a_machine_without_a_microphone_says_so(tmp_path: Path) -> None:
    (tmp_path / "alsa.conf").write_text("pcm.!default { type hw card 99 }")
    answer = python("from sottovoce.cli import app; app(['talk'])", tmp_path / "alsa.conf")
    assert answer.returncode == 2
    assert b"This machine has no microphone or no loudspeaker" in answer.stderr
    assert b"Traceback" not in answer.stderr


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MicrophoneUnavailable, match=r"pip install 'sottovoce\[microphone\]'.*libportaudio2"):
        devices()
