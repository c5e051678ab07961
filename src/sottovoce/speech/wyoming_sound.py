"""Sound of a Wyoming server, which comes in any format, as what synthesisers here make."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from sottovoce.speech.resample import Resampler

_WIDTHS: Final[dict[int, Any]] = {1: np.uint8, 2: np.dtype("<i2"), 4: np.dtype("<i4")}
_SLOWEST_RATE, _FASTEST_RATE = 4_000, 192_000
_MOST_CHANNELS = 8


class Format(msgspec.Struct, frozen=True):
    """Of sound as it comes: PCM, signed, but for that of one byte a sample."""

    rate: int
    """Samples a second."""
    width: int
    """Bytes a sample."""
    channels: int

    @property
    def usable(self) -> bool:
        """Whether it can be made into ours."""
        return (
            _SLOWEST_RATE <= self.rate <= _FASTEST_RATE
            and self.width in _WIDTHS
            and 1 <= self.channels <= _MOST_CHANNELS
        )


class Intake:
    """One stream of sound of a usable format; out of it comes 16-bit little-endian mono PCM at `rate`."""

    def __init__(self, source: Format, rate: int) -> None:
        self.source = source
        self._resampler = Resampler(source.rate, rate)
        self._frame_bytes = source.width * source.channels
        self._rest = b""

    def take(self, pcm: bytes) -> bytes:
        """What comes out for this piece, wherever it is cut."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % self._frame_bytes
        self._rest = pcm[whole:]
        return self._resampler.resample(self._mono(pcm[:whole])) if whole else b""

    def flush(self) -> bytes:
        """No more sound: what was held back."""
        return self._resampler.flush()

    def _mono(self, pcm: bytes) -> bytes:
        if (self.source.width, self.source.channels) == (2, 1):
            return pcm
        samples = np.frombuffer(pcm, _WIDTHS[self.source.width])
        mixed: NDArray[np.float64] = samples.reshape(-1, self.source.channels).mean(axis=1)
        if self.source.width == 1:
            mixed = (mixed - 128.0) * 256.0
        elif self.source.width == 4:  # noqa: PLR2004
            mixed /= 65_536.0
        return np.clip(np.rint(mixed), -32_768, 32_767).astype("<i2").tobytes()


def cut(pcm: bytes, most_bytes: int) -> Iterator[bytes]:
    """In pieces of at most so many bytes."""
    return (pcm[first : first + most_bytes] for first in range(0, len(pcm), most_bytes))
