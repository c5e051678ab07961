"""Sound files: any WAV, FLAC or OGG in, what the stream wants out; and the other way for answers."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from sottovoce.client.errors import SoundUnreadable
from sottovoce.client.voice import INPUT_RATE

BLOCK_S = 1.0
FULL_SCALE = 32_768


def read_sound(path: Path) -> Iterator[bytes]:
    """A file's sound as 16 kHz, 16-bit, mono PCM, in pieces of any length: it is read as it is needed.

    Channels are mixed to one. Raises SoundUnreadable.
    """
    try:
        with soundfile.SoundFile(path) as file:
            yield from _converted(file)
    except (soundfile.LibsndfileError, OSError) as error:
        why = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
        raise SoundUnreadable(f"{path} cannot be read as WAV, FLAC or OGG: {why}") from None


def _converted(file: Any) -> Iterator[bytes]:
    resampler = soxr.ResampleStream(file.samplerate, INPUT_RATE, 1, dtype="float32", quality="HQ")
    for block in file.blocks(int(file.samplerate * BLOCK_S), dtype="float32", always_2d=True):
        yield _pcm(resampler.resample_chunk(block.mean(axis=1, dtype=np.float32)))
    yield _pcm(resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True))


def _pcm(samples: NDArray[np.float32]) -> bytes:
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2").tobytes()


def check_readable(path: Path) -> None:
    """Raise SoundUnreadable now rather than in the middle of a conversation."""
    if not path.is_file():
        raise SoundUnreadable(f"There is no file {path}")
    next(read_sound(path), None)


class SoundWriter:
    """Keeps answers: writes sound (16 kHz, 16-bit, mono) into a file of the kind that its name says."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = soundfile.SoundFile(path, "w", samplerate=INPUT_RATE, channels=1)
        except (soundfile.LibsndfileError, OSError, TypeError, ValueError):
            raise SoundUnreadable(
                f"{path} cannot be written. Its folder must be there, and its name end in .wav, .flac or .ogg"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, pcm: bytes) -> None:
        """The next piece."""
        self._file.write(np.frombuffer(pcm, dtype="<i2"))
