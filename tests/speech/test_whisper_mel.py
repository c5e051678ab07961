import numpy as np
import pytest
import soundfile

from sottovoce.speech.whisper_mel import log_mel
from tests.speech.test_recogniser_contract import SPEECH

# What WhisperFeatureExtractor(chunk_length=8) of the package transformers makes, with do_normalize, of austen-0880.wav
# after silence up to 8 s: every 16th band, every 80th frame from 479 on.
REFERENCE = [
    [1.108, 1.426, 1.621, 1.615, 1.104],
    [-0.196, 0.791, 1.437, 1.303, 0.442],
    [-0.196, 0.438, 0.942, 0.955, 0.378],
    [-0.196, 0.197, 0.648, 0.947, 0.047],
    [-0.196, 0.428, 0.69, 1.0, 0.085],
]


def recording() -> bytes:
    sound, _ = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    return bytes(sound.tobytes())


def test_it_is_what_whisper_was_trained_on() -> None:
    features = log_mel(recording(), 8)
    assert features.shape == (80, 800)
    assert features.dtype == np.float32
    assert features[::16, 479::80].tolist() == [pytest.approx(row, abs=0.001) for row in REFERENCE]
    assert (float(features.mean()), float(features.std())) == pytest.approx((0.15416, 0.53095), abs=1e-4)


def test_of_longer_sound_the_end_counts() -> None:
    long = bytes(range(256)) * 500 + recording() * 3
    assert np.array_equal(log_mel(long, 8), log_mel(long[-2 * 8 * 16_000 :], 8))


def test_of_silence_it_makes_something_finite() -> None:
    for pcm in (b"", bytes(32_000)):
        assert np.isfinite(log_mel(pcm, 8)).all()
