"""Pipecat, the peer: its bot in an environment of its own, and how its messages hold sound.

Its messages are protobuf: `Frame { oneof { AudioRawFrame audio = 2 } }`, `AudioRawFrame { bytes audio = 3; uint32
sample_rate = 4; uint32 num_channels = 5 }`. Two fields are written here by hand, so that the load needs none of it.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.callers import Dialect
from bench.processes import ROOT, free_port, running
from bench.speech import RATE, cycle

PLACE = ROOT / ".venv-peers"
UV = ROOT / ".venv" / "uv" / "bin" / "uv"
LOCK = ROOT / "bench" / "peers" / "requirements.txt"
AUDIO_IN_FRAME = 0x12
MORE = 0x80
AUDIO, SAMPLE_RATE, CHANNELS = 0x1A, 0x20, 0x28


def varint(number: int) -> bytes:
    """As protobuf writes whole numbers: seven bits a byte, the lowest first, the eighth says that more follow."""
    out = bytearray()
    while number >= MORE:
        out.append(number % MORE | MORE)
        number //= MORE
    return bytes([*out, number])


def frame(pcm: bytes) -> bytes:
    """A message that holds sound."""
    audio = bytes([AUDIO]) + varint(len(pcm)) + pcm
    audio += bytes([SAMPLE_RATE]) + varint(RATE) + bytes([CHANNELS, 1])
    return bytes([AUDIO_IN_FRAME]) + varint(len(audio)) + audio


def is_sound(message: bytes) -> bool:
    """Whether a message of the bot's holds sound."""
    return message[:1] == bytes([AUDIO_IN_FRAME])


def dialect() -> Dialect:
    """Sound in protobuf, both ways."""
    frames, begin, end = cycle()
    return Dialect(frames=[frame(pcm) for pcm in frames], speech_begin=begin, speech_end=end, is_sound=is_sound)


def set_up() -> None:
    """Make the environment, where it is not there or not of this lock."""
    stamp = PLACE / ".made-of"
    if stamp.is_file() and stamp.read_bytes() == LOCK.read_bytes():
        return
    subprocess.run([UV, "venv", "--quiet", "--allow-existing", PLACE], check=True)
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", PLACE / "bin" / "python", "--require-hashes", "-r", LOCK],
        check=True,
    )
    stamp.write_bytes(LOCK.read_bytes())


@contextmanager
def bot(*, core: int) -> Iterator[tuple[str, psutil.Process]]:
    """The bot on one core: the address of its WebSocket, and its process."""
    port = free_port()
    command: list[str | Path] = [
        PLACE / "bin" / "uvicorn",
        "--app-dir",
        "bench/peers",
        "pipecat_bot:app",
        "--port",
        str(port),
    ]
    command += ["--log-level", "warning"]
    with running(command, f"http://127.0.0.1:{port}/docs", core=core, env={"LOG": "ERROR"}) as process:
        yield f"ws://127.0.0.1:{port}/ws", process
