"""faster-whisper in a process of its own. Started as `python -m sottovoce.speech.faster_whisper_worker` by
faster_whisper.py; see hearing_wire.py for what the two say."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import faster_whisper
import numpy as np

from sottovoce.speech import hearing_wire as wire
from sottovoce.speech.base import HEARING_RATE
from sottovoce.speech.hearing_worker import HearingWorker, NotThereError, run
from sottovoce.speech.plain_words import plain_words
from sottovoce.speech.worker_setups import WhisperSetup
from sottovoce.vault import lockdown

LEAST_SOUND_BYTES: Final = 2 * HEARING_RATE // 10
"""Less holds no word; the model would make some up."""
_FULL_SCALE: Final = 32_768.0
_BYTES_PER_MS: Final = 2 * HEARING_RATE // 1000


class Utterance:
    """One, from Begin to Heard."""

    def __init__(self, begin: wire.Begin) -> None:
        self.number = begin.number
        self.language = begin.language
        self.sound = bytearray()
        self.ended = False
        self.looked_at_bytes = 0
        self.told = ""


class Worker(HearingWorker):
    """All utterances of this process, in the order in which they end."""

    def __init__(self, setup: WhisperSetup) -> None:
        folder = _folder(setup.model)
        try:
            self._model: Any = faster_whisper.WhisperModel(
                str(folder),
                device=setup.device,
                compute_type=setup.compute_type,
                cpu_threads=setup.threads,
                local_files_only=True,
            )
        except Exception as error:  # noqa: BLE001 - of files, devices and types: nothing was said yet
            raise NotThereError(f"the model cannot be loaded: {error}") from None
        if setup.language and setup.language not in self._model.supported_languages:
            raise NotThereError("the model does not know the language that is set")
        self._setup = setup
        self._utterances: dict[int, Utterance] = {}
        self._ended: list[Utterance] = []

    @property
    def idle(self) -> bool:
        """Nobody is being heard."""
        return not self._utterances

    def ready(self) -> wire.Ready:
        """With the languages that the model knows."""
        return wire.Ready((self._setup.language,) if self._setup.language else tuple(self._model.supported_languages))

    def receive(self, message: wire.ToWorker) -> None:
        """What the server said."""
        if isinstance(message, wire.Begin):
            self._utterances[message.number] = Utterance(message)
            return
        # What was cancelled may have been on its way.
        utterance = self._utterances.get(message.number)
        if utterance is None:
            return
        match message:
            case wire.Sound(_, pcm):
                utterance.sound += pcm
            case wire.End():
                utterance.ended = True
                self._ended.append(utterance)
            case wire.Cancel():
                self._forget(utterance)

    def work(self) -> tuple[bool, Sequence[wire.FromWorker]]:
        """One utterance that is over, or else a look at one that is not."""
        if self._ended:
            return True, [self._end(self._ended[0])]
        utterance = self._next_to_look_at()
        if utterance is None:
            return False, []
        return True, self._look(utterance)

    def _end(self, utterance: Utterance) -> wire.Heard | wire.Failed:
        try:
            text, confidence = self._transcribe(utterance)
        except Exception:  # noqa: BLE001  (whatever it is, it is this utterance's: the others are heard on)
            return wire.Failed(utterance.number)
        finally:
            self._forget(utterance)
        return wire.Heard(utterance.number, text, confidence)

    def _next_to_look_at(self) -> Utterance | None:
        """The one with most that is new, if that is enough."""
        if not self._setup.partial_ms:
            return None
        newest = max(self._utterances.values(), key=_new_bytes, default=None)
        enough = self._setup.partial_ms * _BYTES_PER_MS
        return newest if newest is not None and _new_bytes(newest) >= enough else None

    def _look(self, utterance: Utterance) -> Sequence[wire.Partial | wire.Failed]:
        utterance.looked_at_bytes = len(utterance.sound)
        try:
            text, _ = self._transcribe(utterance)
        except Exception:  # noqa: BLE001  (as above)
            self._forget(utterance)
            return [wire.Failed(utterance.number)]
        if not text or text == utterance.told:
            return []
        utterance.told = text
        return [wire.Partial(utterance.number, text)]

    def _transcribe(self, utterance: Utterance) -> tuple[str, float]:
        if len(utterance.sound) < LEAST_SOUND_BYTES:
            return "", 0.0
        segments, _ = self._model.transcribe(
            np.frombuffer(bytes(utterance.sound), np.int16).astype(np.float32) / _FULL_SCALE,
            language=utterance.language,
            beam_size=self._setup.beam_size,
            # The others are for what was badly heard: up to six times the time, and another text each time.
            temperature=0.0,
            condition_on_previous_text=False,
        )
        heard = list(segments)
        text = plain_words(" ".join(segment.text for segment in heard))
        return (text, _confidence(heard)) if text else ("", 0.0)

    def _forget(self, utterance: Utterance) -> None:
        del self._utterances[utterance.number]
        if utterance.ended:
            self._ended.remove(utterance)
        utterance.sound.clear()


def _new_bytes(utterance: Utterance) -> int:
    return len(utterance.sound) - utterance.looked_at_bytes


def _confidence(segments: Sequence[Any]) -> float:
    """The geometric mean over tokens."""
    tokens = sum(len(segment.tokens) for segment in segments)
    total = sum(segment.avg_logprob * len(segment.tokens) for segment in segments)
    return min(1.0, math.exp(total / tokens)) if tokens else 0.0


def _folder(model: str) -> Path:
    """Where the model lies. Raises NotThereError: nothing is downloaded."""
    folder = Path(model)
    if not folder.is_dir():
        if "/" not in model and model not in faster_whisper.available_models():
            known = ", ".join(faster_whisper.available_models())
            raise NotThereError(f"this is no folder, and none of the models with a name: {known}")
        try:
            folder = Path(faster_whisper.download_model(model, local_files_only=True))
        except Exception:  # noqa: BLE001 - the library of the hub has an error of its own for each way to lack a file
            raise NotThereError(
                "the model was not downloaded. Where there is a network, as the user that runs the server: "
                f'python -c "import faster_whisper; faster_whisper.download_model({model!r})"'
            ) from None
    # Without the last, the library would look for one in the network.
    missing = [name for name in ("model.bin", "config.json", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        raise NotThereError(f"there is no {' and no '.join(missing)} in its folder")
    return folder


if __name__ == "__main__":
    sys.exit(run(WhisperSetup, Worker, lockdown.mode_of(sys.argv)))
