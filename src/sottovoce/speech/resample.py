"""From one sample rate to another, as the sound comes."""

import numpy as np
import soxr
from numpy.typing import NDArray

from sottovoce.core.audio import SAMPLE_BYTES

_PHONE_RATE = 8_000


class Resampler:
    """One stream of 16-bit little-endian mono PCM, from `from_rate` to `to_rate` samples a second.

    Equal rates pass through untouched. Where the pieces are cut makes no difference to what comes out (but for the last
    bit or two of a sample, which is dithered). It holds some sound back: see delay_ms.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self.from_rate = from_rate
        self.to_rate = to_rate
        self._samples_in = 0
        self._samples_out = 0
        # soxr's fixed-rate stream works in blocks that hold 8 kHz back by 114 ms, other rates by 40; its variable-rate
        # stream holds 8 kHz back by 30 ms, but takes two to five times the CPU at other rates (78 us for 20 ms of
        # 48 kHz).
        self._stream = (
            None
            if from_rate == to_rate
            else soxr.ResampleStream(
                from_rate, to_rate, 1, dtype="int16", quality="HQ", vr=_PHONE_RATE in (from_rate, to_rate)
            )
        )

    def resample(self, pcm: bytes) -> bytes:
        """What comes out for this piece: whole samples in, whole samples out, perhaps none."""
        if self._stream is None:
            return pcm
        self._samples_in += len(pcm) // SAMPLE_BYTES
        out: NDArray[np.int16] = self._stream.resample_chunk(np.frombuffer(pcm, dtype=np.int16))
        self._samples_out += len(out)
        return _taken(out)

    def flush(self) -> bytes:
        """No more sound: what was held back. The next piece begins a new stream."""
        if self._stream is None:
            return b""
        rest: NDArray[np.int16] = self._stream.resample_chunk(np.empty(0, dtype=np.int16), last=True)
        self._stream.clear()
        self._samples_in = self._samples_out = 0
        return _taken(rest)

    @property
    def delay_ms(self) -> float:
        """How much sound is held back now: counted, since soxr's own figure leaves out what a variable stream holds."""
        return 1000 * (self._samples_in / self.from_rate - self._samples_out / self.to_rate)


def _taken(sound: NDArray[np.int16]) -> bytes:
    """The sound, of which nothing stays: numpy keeps memory of less than 1024 bytes for later as it is."""
    pcm = sound.tobytes()
    sound.fill(0)
    return pcm
