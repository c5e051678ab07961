"""Sound as Whisper's models take it: logarithms of energies in 80 bands of the mel scale, every 10 ms.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022, section 2.2; bands as in Slaney's
"Auditory Toolbox", 1998.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
BANDS: Final = 80
_WINDOW: Final = 400
_HOP: Final = 160
_LINEAR_TO_HERTZ: Final = 1_000.0
_MELS_BELOW: Final = 15.0
_MELS_PER_OCTAVE: Final = 27.0 / np.log(6.4)
_LEAST_POWER: Final = 1e-10
_RANGE: Final = 8.0
"""Of the logarithms: what is softer than the loudest by more counts as that."""

Floats = NDArray[np.float32]


def log_mel(pcm: bytes, seconds: int) -> Floats:
    """The last `seconds` of 16-bit sound at RATE, silence before it where it is shorter; brought to the same loudness.

    Shape (BANDS, 100 * seconds).
    """
    size = seconds * RATE
    sound = np.zeros(size)
    heard = np.frombuffer(pcm, dtype="<i2")[-size:]
    sound[size - len(heard) :] = heard / 32_768
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:-1]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    logarithms = np.log10(np.maximum(_LEAST_POWER, _bands() @ power.T))
    features: Floats = ((np.maximum(logarithms, logarithms.max() - _RANGE) + 4.0) / 4.0).astype(np.float32)
    return features


@cache
def _bands() -> NDArray[np.float64]:
    """Triangles over the frequencies of a frame, each of the same area. Shape (BANDS, frequencies)."""
    edges = _hertz(np.linspace(0.0, _mels(RATE / 2), BANDS + 2))
    frequencies = np.linspace(0.0, RATE / 2, _WINDOW // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (frequencies - low) / (middle - low)
    falling = (high - frequencies) / (high - middle)
    triangles: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
    return triangles


def _mels(hertz: float) -> float:
    if hertz < _LINEAR_TO_HERTZ:
        return hertz * _MELS_BELOW / _LINEAR_TO_HERTZ
    return float(_MELS_BELOW + np.log(hertz / _LINEAR_TO_HERTZ) * _MELS_PER_OCTAVE)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above: NDArray[np.float64] = _LINEAR_TO_HERTZ * np.exp((mels - _MELS_BELOW) / _MELS_PER_OCTAVE)
    return np.where(mels < _MELS_BELOW, mels * _LINEAR_TO_HERTZ / _MELS_BELOW, above)
