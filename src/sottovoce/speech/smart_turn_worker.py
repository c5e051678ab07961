"""The process in which the ONNX runtime runs Smart Turn: sound comes in, how likely it is the end of a turn goes out.

    python -m sottovoce.speech.smart_turn_worker MODE MODEL

First it says READY, or FAULT, a length and why. Then, for each request (a length, and PCM at 16 kHz), a float.
"""

import os
import select
import struct
import sys
from typing import Any, Final

import numpy as np

from sottovoce.speech import generations
from sottovoce.speech.whisper_mel import BANDS, log_mel
from sottovoce.vault import lockdown

SECONDS: Final = 8
"""As much of the sound's end as the model takes."""
INPUT: Final = "input_features"
SHAPE: Final = (BANDS, 100 * SECONDS)
READY: Final = b"\x01"
FAULT: Final = b"\x00"
LENGTH: Final = struct.Struct("<I")
ANSWER: Final = struct.Struct("<f")


class UnfitError(Exception):
    """The model cannot be used; says why."""


class Model:
    """The network. Raises UnfitError."""

    def __init__(self, path: str) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - to say so where it is missing
        except ImportError:
            raise UnfitError("onnxruntime is not installed (pip install 'sottovoce[smart-turn]')") from None
        options = onnxruntime.SessionOptions()
        # No thread that a fork would lose, and no memory kept for later: it would hold what was heard.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001 - the library's own kinds of errors are many, and say too much
            raise UnfitError(f"{path} is not there, or is no ONNX model") from None
        inputs = {each.name: tuple(each.shape) for each in self._session.get_inputs()}
        if list(inputs) != [INPUT] or inputs[INPUT][1:] != SHAPE:
            raise UnfitError(f"{path} is no model of Smart Turn v3: it does not take {INPUT} of {BANDS} x {SHAPE[1]}")

    def judge(self, pcm: bytes) -> float:
        """How likely the sound ends a turn: 0 to 1."""
        features = log_mel(pcm, SECONDS)
        probability = float(np.ravel(self._session.run(None, {INPUT: features[None]})[0])[0])
        features.fill(0)
        return probability


def _read(size: int) -> bytes:
    """Exactly so many bytes. Raises EOFError when the parent is gone."""
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _serve(model: Model, *, forget: bool) -> int:
    """Until the parent closes the pipe, which raises EOFError; or, to be forgotten, until all that came was judged."""
    judged = False
    while not (forget and judged and not select.select([0], [], [], 0)[0]):
        (length,) = LENGTH.unpack(_read(LENGTH.size))
        os.write(1, ANSWER.pack(model.judge(_read(length))))
        judged = True
    return 0


def main(mode: lockdown.Mode, path: str) -> int:
    """Serve until the parent closes the pipe or dies."""
    generations.die_with_parent()
    try:
        model = Model(path)
        model.judge(b"")
        lockdown.apply(mode)
    except (UnfitError, lockdown.RefusedError) as reason:
        why = str(reason).encode()
        os.write(1, FAULT + LENGTH.pack(len(why)) + why)
        return 1
    os.write(1, READY)
    try:
        if mode != "off":
            return generations.run(lambda: _serve(model, forget=True))
        return _serve(model, forget=False)
    except (EOFError, BrokenPipeError):
        return 0


if __name__ == "__main__":
    sys.exit(main(lockdown.mode_of(sys.argv[:2]), sys.argv[2]))
