"""The network against Silero's own graph.

tests/data/speech/austen-0880.silero.txt was made once, with onnxruntime 1.32.0 and `silero_vad.onnx` of the
`silero-vad` 6.2.3 wheel: state (2, 1, 128) and a context of 64 samples, both zero at the start, window by window of 512
samples divided by 32768; one probability a line, to seven places.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sottovoce.speech.silero import CONTEXT, STATE, WINDOW, Silero, load_weights

SPEECH = Path(__file__).parents[1] / "data" / "speech"


def windows(name: str) -> np.ndarray:
    sound, rate = soundfile.read(SPEECH / name, dtype="int16")
    assert rate == 16_000
    with_context = np.concatenate([np.zeros(CONTEXT, np.int16), sound])
    return np.lib.stride_tricks.sliding_window_view(with_context, CONTEXT + WINDOW)[::WINDOW]


def run_alone(sound: np.ndarray) -> np.ndarray:
    network, state = Silero(), np.zeros((1, STATE), np.float32)
    return np.array([network.run(window[None], state)[0] for window in sound])


def test_probabilities_are_those_of_sileros_own_graph() -> None:
    expected = np.loadtxt(SPEECH / "austen-0880.silero.txt")
    assert len(expected) == 93
    np.testing.assert_allclose(run_alone(windows("austen-0880.wav")), expected, atol=1e-4)


@pytest.mark.parametrize("streams", [3, 64, 150])
def test_streams_of_a_batch_do_not_touch_each_other(streams: int) -> None:
    recordings = [windows("austen-0880.wav")[:20], windows("austen-0890.wav")[20:40], windows("austen-0870.wav")[40:60]]
    alone = [run_alone(recording) for recording in recordings]
    network, state = Silero(block=64), np.zeros((streams, STATE), np.float32)
    for step in range(20):
        batch = np.stack([recordings[stream % 3][step] for stream in range(streams)])
        together = network.run(batch, state)
        expected = [alone[stream % 3][step] for stream in range(streams)]
        np.testing.assert_allclose(together, expected, atol=1e-5)


def test_the_networks_first_layer_is_the_fourier_transform_that_stands_in_for_it() -> None:
    basis = load_weights()["stft_conv.weight"][:, 0]
    sample, frequency = np.arange(256), np.arange(129)[:, None]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * sample / 256)
    angle = 2 * np.pi * frequency * sample / 256
    np.testing.assert_allclose(basis, np.concatenate([hann * np.cos(angle), -hann * np.sin(angle)]), atol=1e-6)


def test_full_scale_and_silence_give_probabilities() -> None:
    square = np.tile(np.repeat(np.array([32767, -32768], np.int16), 32), 9)[None]
    silence = np.zeros((1, CONTEXT + WINDOW), np.int16)
    network, state = Silero(), np.zeros((1, STATE), np.float32)
    heard = [float(network.run(sound, state)[0]) for sound in [square, silence] * 20]
    assert all(0 <= probability <= 1 for probability in heard)
    assert np.isfinite(state).all()


def test_wiping_leaves_nothing_in_the_work_arrays() -> None:
    network = Silero()
    network.run(windows("austen-0880.wav")[30:40], np.zeros((10, STATE), np.float32))
    assert any(array.any() for array in network._arrays)
    network.wipe()
    assert not any(array.any() for array in network._arrays)
    arrays = [value for value in vars(network).values() if isinstance(value, np.ndarray)]
    work = [array for array in arrays if len(array) % network.block == 0 and array.ndim >= 2 and not array.any()]
    assert len(work) >= len(network._arrays)
