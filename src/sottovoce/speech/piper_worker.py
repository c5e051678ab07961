"""piper-tts in a process of its own: it is GPL-3.0, and has one state of espeak-ng for the whole process.

Started as `python -m sottovoce.speech.piper_worker VOICE.onnx cpu|cuda THREADS MODE` by piper.py, with which it speaks
as speaking_worker.py says. A request is a PiperRequest, in MessagePack.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import onnxruntime
import piper
from piper.phonemize_espeak import ESPEAK_DATA_DIR

from sottovoce.speech.espeak_worker import MAX_DATA_PATH
from sottovoce.speech.speaking_worker import NotThereError, RequestError, Speaker, run
from sottovoce.speech.worker_setups import PiperRequest
from sottovoce.vault import lockdown

CHUNK_MS: Final = 80
_PHONEMES: Final = frozenset({piper.config.PhonemeType.ESPEAK, piper.config.PhonemeType.TEXT})
"""For the others, piper-tts needs more libraries, or files that it would download."""
_PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class Voice(Speaker):
    """A model, loaded."""

    def __init__(self, model: str, device: str, threads: int) -> None:
        data = Path(ESPEAK_DATA_DIR)
        if len(str(data).encode()) >= MAX_DATA_PATH:
            raise NotThereError(
                f"piper-tts lies too deep for its espeak-ng: the path of its data may have {MAX_DATA_PATH - 1} bytes "
                "(install into a folder nearer to the root)"
            )
        try:
            config = piper.PiperConfig.from_dict(json.loads(Path(f"{model}.json").read_text(encoding="utf-8")))
        except (KeyError, ValueError, OSError):
            raise NotThereError(f"{model}.json does not describe a voice of piper's") from None
        if config.phoneme_type not in _PHONEMES:
            raise NotThereError(f"voices with phonemes of the type {config.phoneme_type.value} are not supported")
        self.rate = config.sample_rate
        self._config = config
        self._voice = piper.PiperVoice(session=_session(model, device, threads), config=config, espeak_data_dir=data)
        self._voice.phonemize("a")  # loads espeak-ng's data, once for all children

    def say(self, request: bytes, sink: Callable[[bytes], bool]) -> None:
        """Return when all was given to `sink`, or it said no. Raises RequestError."""
        wanted = msgspec.msgpack.decode(request, type=PiperRequest)
        how = piper.SynthesisConfig(speaker_id=wanted.speaker, length_scale=self._config.length_scale * wanted.slowness)
        try:
            for sentence in self._voice.synthesize(wanted.text, how):
                if not self._give(sentence.audio_float_array, sink):
                    return
        except Exception:  # noqa: BLE001  (whatever it is, its text may hold what was to be said)
            raise RequestError("piper could not say this") from None

    def _give(self, sound: Any, sink: Callable[[bytes], bool]) -> bool:
        """In chunks; whether to go on."""
        samples = (np.atleast_1d(sound) * np.iinfo(np.int16).max).astype("<i2")
        step = self.rate * CHUNK_MS // 1000
        return all(sink(samples[first : first + step].tobytes()) for first in range(0, len(samples), step))


def _session(model: str, device: str, threads: int) -> onnxruntime.InferenceSession:
    """Raises NotThereError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # What is freed goes back to the C library, which wipes it.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    if _PROVIDERS[device] not in onnxruntime.get_available_providers():
        raise NotThereError("this onnxruntime knows no GPU: pip install onnxruntime-gpu in its place")
    try:
        return onnxruntime.InferenceSession(model, options, providers=[_PROVIDERS[device]])
    except Exception as error:  # noqa: BLE001 - the library has one for each way to fail; nothing was said yet
        raise NotThereError(f"the model cannot be loaded: {type(error).__name__}") from None


def _load() -> Voice:
    model, device, threads = sys.argv[1:4]
    return Voice(model, device, int(threads))


if __name__ == "__main__":
    sys.exit(run(_load, lockdown.mode_of(sys.argv)))
