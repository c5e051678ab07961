"""What a caller of the load sends: a recording of a person, cut into frames, between stretches of silence."""

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
FRAME_MS = 20
FRAME_BYTES = RATE * FRAME_MS // 1000 * 2
RECORDING = Path(__file__).parent.parent / "tests" / "data" / "speech" / "austen-0870.wav"

SILENCE_BEFORE_S = 1.0
SPEECH_S = 3.0
SILENCE_AFTER_S = 3.5
PEAK = 26_000
QUIET = 0.05
"""Below this part of its peak, the recording's edges count as silence."""


def speech() -> NDArray[np.int16]:
    """Three seconds of a person, from the first word on, at RATE."""
    sound, rate = soundfile.read(RECORDING, dtype="float32", always_2d=True)
    mono = soxr.resample(sound[:, 0], rate, RATE)
    loud = np.flatnonzero(np.abs(mono) > np.abs(mono).max() * QUIET)
    words = mono[loud[0] : loud[-1]]
    loudest = float(np.abs(words).max())
    return np.asarray(words[: int(SPEECH_S * RATE)] / loudest * PEAK, np.int16)


def cycle() -> tuple[list[bytes], int, int]:
    """One round of silence, speech, silence in frames of 20 ms; where the speech begins in it, and where it is over."""
    words = speech()
    before = np.zeros(int(SILENCE_BEFORE_S * RATE), np.int16)
    after = np.zeros(int(SILENCE_AFTER_S * RATE), np.int16)
    sound = np.concatenate([before, words, after]).tobytes()
    frames = [sound[at : at + FRAME_BYTES] for at in range(0, len(sound) - FRAME_BYTES + 1, FRAME_BYTES)]
    return frames, len(before) * 2 // FRAME_BYTES, (len(before) + len(words)) * 2 // FRAME_BYTES
