"""Silero VAD v6 at 16 kHz in numpy: how probable is speech in a window of sound, for a whole batch of streams a call.

The network, for each stream: four overlapping Hann frames of the window -> magnitude spectrum -> four convolutions ->
one LSTM cell, whose state the caller keeps -> one probability. Its first convolution, "stft_conv", is exactly a
Hann-windowed Fourier transform, so a real FFT stands in for it, at half the cost of the matrix product.
"""

from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WINDOW: Final = 512
"""New samples a window."""
CONTEXT: Final = 64
"""Samples of the window before, given again ahead of the new ones."""
HIDDEN: Final = 128
STATE: Final = 2 * HIDDEN
"""Numbers of state a stream keeps from window to window: the LSTM's output, then its cell. Zeros at the start."""

_REFLECTED = 64
_PADDED = CONTEXT + WINDOW + _REFLECTED
_FRAMES = 4
_FRAME = 256
_HOP = 128
_BINS = 129
_CHANNELS = (128, 64, 64, 128)
_TAPS = 3
_FLOAT = 4
_INT16_SCALE = 1 / 32768


def load_weights() -> dict[str, Floats]:
    """The network's weights, by the names they have in Silero's own graph (see models/README.md)."""
    with files("sottovoce.speech").joinpath("models/silero_v6_16k.npz").open("rb") as file, np.load(file) as archive:
        return dict(archive)


class Silero:
    """The network with work arrays for up to `block` streams. One thread at a time."""

    def __init__(self, block: int = 64) -> None:
        self.block = block
        weights = load_weights()
        self._conv1, self._bias1 = _taps_last(weights, "conv1", slice(None))
        self._conv2, self._bias2 = _taps_last(weights, "conv2", slice(None))
        # What reaches the last two is so short that some of their taps only ever meet zero padding.
        self._conv3, self._bias3 = _taps_last(weights, "conv3", slice(1, 3))
        self._conv4, self._bias4 = _taps_last(weights, "conv4", slice(1, 2))
        gate_scale = _gate_scale()
        self._from_input = np.ascontiguousarray(weights["lstm_cell.weight_ih"].T) * gate_scale
        self._from_hidden = np.ascontiguousarray(weights["lstm_cell.weight_hh"].T) * gate_scale
        self._gate_bias = (weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]) * gate_scale
        # sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: the last layer is halved like the gates are.
        self._final = weights["final_conv.weight"].reshape(HIDDEN) / 2
        self._final_bias = weights["final_conv.bias"] / 2
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)
        # _FRAME undoes the scale of the FFT (see _transform).
        self._hann = (hann * _INT16_SCALE * _FRAME).astype(np.float32)
        self._allocate(block)

    def _allocate(self, block: int) -> None:
        self._arrays: list[NDArray[Any]] = []

        def zeros(*shape: int) -> Floats:
            array = np.zeros(shape, dtype=np.float32)
            self._arrays.append(array)
            return array

        self._padded = zeros(block, _PADDED)
        self._frames = zeros(block, _FRAMES, _FRAME)
        self._spectrum = zeros(block, _FRAMES, _BINS, 2).view(np.complex64)[..., 0]
        # One row of zeros on each side is the convolution's padding, and stays zero.
        self._magnitude = zeros(block, 1 + _FRAMES + 1, _BINS)
        self._patches1 = zeros(block, _FRAMES, _TAPS * _BINS)
        self._out1 = zeros(block * _FRAMES, _CHANNELS[0])
        self._padded1 = zeros(block, 1 + _FRAMES + 1, _CHANNELS[0])
        self._patches2 = zeros(block, _FRAMES // 2, _TAPS * _CHANNELS[0])
        self._out2 = zeros(block * _FRAMES // 2, _CHANNELS[1])
        self._out3 = zeros(block, _CHANNELS[2])
        self._out4 = zeros(block, _CHANNELS[3])
        self._hidden = zeros(block, HIDDEN)
        self._gates = zeros(block, 4 * HIDDEN)
        self._more_gates = zeros(block, 4 * HIDDEN)
        self._squashed = zeros(block, HIDDEN)

    def run(self, sound: NDArray[np.int16], state: Floats) -> Floats:
        """Take one window of each of B streams; `state` is changed in place.

        `sound`: (B, CONTEXT + WINDOW) samples as they were recorded, `state`: (B, STATE). Returns (B,): 0 to 1.
        """
        probabilities = np.empty(len(sound), dtype=np.float32)
        for first in range(0, len(sound), self.block):
            rows = slice(first, first + self.block)
            self._run_block(sound[rows], state[rows], probabilities[rows])
        return probabilities

    def wipe(self) -> None:
        """Forget what the last windows left in the work arrays."""
        for array in self._arrays:
            array.fill(0)

    def _run_block(self, sound: NDArray[np.int16], state: Floats, probabilities: Floats) -> None:
        self._recur(self._encode(self._transform(sound)), state, probabilities)

    def _transform(self, sound: NDArray[np.int16]) -> Floats:
        """(B, 576) samples -> (B, 6, 129) magnitudes, the first and last row zero."""
        streams = len(sound)
        padded = self._padded[:streams]
        padded[:, : CONTEXT + WINDOW] = sound
        end = CONTEXT + WINDOW
        padded[:, end:] = padded[:, end - 2 : end - 2 - _REFLECTED : -1]
        overlapping = as_strided(padded, (streams, _FRAMES, _FRAME), (_PADDED * _FLOAT, _HOP * _FLOAT, _FLOAT))
        frames = np.multiply(overlapping, self._hann, out=self._frames[:streams])
        spectrum = self._spectrum[:streams]
        # norm="forward": its factor 1 / 256 is float32, where the default's is an integer that makes numpy (2.4) send
        # large batches through a slow conversion: 10 us a window instead of 1.3.
        np.fft.rfft(frames, norm="forward", out=spectrum)  # type: ignore[arg-type]  # its stubs know only complex128
        magnitude = self._magnitude[:streams]
        np.abs(spectrum, out=magnitude[:, 1:-1])
        return magnitude

    def _encode(self, magnitude: Floats) -> Floats:
        """(B, 6, 129) -> (B, 128), through the four convolutions."""
        streams = len(magnitude)
        patches1 = self._patches1[:streams]
        patches1[...] = _patches(magnitude, _FRAMES, stride=1)
        out1 = _layer(
            patches1.reshape(streams * _FRAMES, -1), self._conv1, self._bias1, self._out1[: streams * _FRAMES]
        )
        padded1 = self._padded1[:streams]
        np.maximum(out1.reshape(streams, _FRAMES, -1), 0, out=padded1[:, 1:-1])
        patches2 = self._patches2[:streams]
        patches2[...] = _patches(padded1, _FRAMES // 2, stride=2)
        steps = streams * _FRAMES // 2
        out2 = _layer(patches2.reshape(steps, -1), self._conv2, self._bias2, self._out2[:steps])
        np.maximum(out2, 0, out=out2)
        out3 = _layer(out2.reshape(streams, -1), self._conv3, self._bias3, self._out3[:streams])
        np.maximum(out3, 0, out=out3)
        out4 = _layer(out3, self._conv4, self._bias4, self._out4[:streams])
        return np.maximum(out4, 0, out=out4)

    def _recur(self, encoded: Floats, state: Floats, probabilities: Floats) -> None:
        """One step of the LSTM cell; its gates come in the order input, forget, candidate, output."""
        streams = len(encoded)
        # The state's rows are 2 * HIDDEN apart: matmul would copy them into fresh memory.
        previous = self._hidden[:streams]
        previous[...] = state[:, :HIDDEN]
        gates = np.matmul(encoded, self._from_input, out=self._gates[:streams])
        gates += np.matmul(previous, self._from_hidden, out=self._more_gates[:streams])
        gates += self._gate_bias
        np.tanh(gates, out=gates)
        let_in, keep, candidate, let_out = (gates[:, gate * HIDDEN : (gate + 1) * HIDDEN] for gate in range(4))
        _finish_sigmoid(gates[:, : 2 * HIDDEN])
        _finish_sigmoid(let_out)
        hidden, cell = state[:, :HIDDEN], state[:, HIDDEN:]
        cell *= keep
        candidate *= let_in
        cell += candidate
        squashed = np.tanh(cell, out=self._squashed[:streams])
        np.multiply(let_out, squashed, out=hidden)
        np.maximum(hidden, 0, out=squashed)
        np.matmul(squashed, self._final, out=probabilities)
        probabilities += self._final_bias
        np.tanh(probabilities, out=probabilities)
        _finish_sigmoid(probabilities)


def _taps_last(weights: dict[str, Floats], layer: str, taps: slice) -> tuple[Floats, Floats]:
    """A convolution's kernel (out, in, taps) as the matrix (taps * in, out), and its bias."""
    kernel = weights[f"{layer}.weight"][:, :, taps]
    return np.ascontiguousarray(kernel.transpose(2, 1, 0)).reshape(-1, len(kernel)), weights[f"{layer}.bias"]


def _gate_scale() -> Floats:
    """Halves the three gates that go through a sigmoid, so that one tanh over all four serves."""
    scale = np.full(4 * HIDDEN, 0.5, dtype=np.float32)
    scale[2 * HIDDEN : 3 * HIDDEN] = 1
    return scale


def _finish_sigmoid(halved_tanh: Floats) -> None:
    """tanh(x / 2) -> sigmoid(x), in place. Unlike 1 / (1 + exp(-x)) it cannot overflow."""
    halved_tanh *= 0.5
    halved_tanh += 0.5


def _patches(padded: Floats, steps: int, *, stride: int) -> Floats:
    """What each of `steps` positions of a three-tap convolution sees, as a view: (B, steps, 3 * channels)."""
    per_stream, per_row, _ = padded.strides
    width = _TAPS * padded.shape[2]
    return as_strided(padded, (len(padded), steps, width), (per_stream, stride * per_row, _FLOAT))


def _layer(patches: Floats, kernel: Floats, bias: Floats, out: Floats) -> Floats:
    np.matmul(patches, kernel, out=out)
    out += bias
    return out
