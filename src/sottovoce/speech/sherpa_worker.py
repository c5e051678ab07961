"""sherpa-onnx in a process of its own: it ends the process over what it does not like in a model. Started as
`python -m sottovoce.speech.sherpa_worker` by sherpa.py; see hearing_wire.py for what the two say."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import sherpa_onnx

from sottovoce.speech import hearing_wire as wire
from sottovoce.speech.base import HEARING_RATE
from sottovoce.speech.hearing_worker import HearingWorker, NotThereError, run
from sottovoce.speech.plain_words import plain_words
from sottovoce.speech.worker_setups import SherpaSetup
from sottovoce.vault import lockdown

BATCH: Final = 128
"""Utterances that go through the model together."""
_TAIL: Final = np.zeros(HEARING_RATE * 6 // 10, np.float32)
"""Silence after the last word: what lies in the model's lookahead would not be heard."""
_FULL_SCALE: Final = 32_768.0


class Utterance:
    """One, from Begin to Heard."""

    def __init__(self, number: int, stream: Any) -> None:
        self.number = number
        self.stream = stream
        self.heard = False
        """Whether there was any sound: a model makes up words even for none."""
        self.ended = False
        self.told = ""


class Worker(HearingWorker):
    """All utterances of this process."""

    def __init__(self, setup: SherpaSetup) -> None:
        files = {part: str(_file(Path(setup.folder), part, setup)) for part in ("encoder", "decoder", "joiner")}
        tokens = Path(setup.folder) / "tokens.txt"
        if not tokens.is_file():
            raise NotThereError("there is no tokens.txt in its folder")
        self._recogniser: Any = sherpa_onnx.OnlineRecognizer.from_transducer(
            **files, tokens=str(tokens), num_threads=setup.threads, provider=setup.device
        )
        self._utterances: dict[int, Utterance] = {}
        self._failed: list[int] = []

    @property
    def idle(self) -> bool:
        """Nobody is being heard."""
        return not self._utterances

    def receive(self, message: wire.ToWorker) -> None:
        """What the server said."""
        if isinstance(message, wire.Begin):
            self._utterances[message.number] = Utterance(message.number, self._recogniser.create_stream())
            return
        # What was cancelled may have been on its way.
        utterance = self._utterances.get(message.number)
        if utterance is None:
            return
        match message:
            case wire.Sound(_, pcm):
                self._hear(utterance, pcm)
            case wire.End():
                if utterance.heard:
                    utterance.stream.accept_waveform(HEARING_RATE, _TAIL)
                utterance.stream.input_finished()
                utterance.ended = True
            case wire.Cancel():
                del self._utterances[utterance.number]

    def work(self) -> tuple[bool, Sequence[wire.FromWorker]]:
        """One step of all who have sound for one, and the ends of those who have none left."""
        ready = [each for each in self._utterances.values() if self._recogniser.is_ready(each.stream)]
        for first in range(0, len(ready), BATCH):
            self._step(ready[first : first + BATCH])
        told: list[wire.FromWorker] = [wire.Failed(number) for number in self._failed]
        self._failed.clear()
        told += [partial for each in ready if (partial := self._partial(each))]
        over = [each for each in self._utterances.values() if each.ended and not self._recogniser.is_ready(each.stream)]
        told += [self._end(each) for each in over]
        return bool(ready or over), told

    def _hear(self, utterance: Utterance, pcm: bytes) -> None:
        try:
            sound = np.frombuffer(pcm, np.int16).astype(np.float32)
            sound /= _FULL_SCALE  # in place: of each array there is, something may stay
            utterance.heard = True
            utterance.stream.accept_waveform(HEARING_RATE, sound)
        except ValueError:
            self._fail(utterance)
            return
        sound.fill(0)  # numpy keeps memory of less than 1024 bytes for later as it is

    def _step(self, batch: Sequence[Utterance]) -> None:
        try:
            self._recogniser.decode_streams([each.stream for each in batch])
        except Exception:  # noqa: BLE001  (whatever it is, it is one utterance's: the others are heard on)
            if len(batch) == 1:
                self._fail(batch[0])
            else:
                for each in batch:
                    self._step([each])

    def _fail(self, utterance: Utterance) -> None:
        del self._utterances[utterance.number]
        self._failed.append(utterance.number)

    def _partial(self, utterance: Utterance) -> wire.Partial | None:
        text = plain_words(self._recogniser.get_result_all(utterance.stream).text)
        if utterance.number not in self._utterances or not text or text == utterance.told:
            return None
        utterance.told = text
        return wire.Partial(utterance.number, text)

    def _end(self, utterance: Utterance) -> wire.Heard:
        del self._utterances[utterance.number]
        result = self._recogniser.get_result_all(utterance.stream)
        text = plain_words(result.text)
        return wire.Heard(utterance.number, text, _confidence(result.ys_probs) if text else 0.0)


def _confidence(log_probabilities: Sequence[float]) -> float:
    """The geometric mean over tokens; models that tell none are believed."""
    if not log_probabilities:
        return 1.0
    return min(1.0, math.exp(sum(log_probabilities) / len(log_probabilities)))


def _file(folder: Path, part: str, setup: SherpaSetup) -> Path:
    """The encoder, decoder or joiner. Raises NotThereError."""
    files = sorted(folder.glob(f"{part}*.onnx"))
    if not files:
        raise NotThereError(
            f"there is no {part}*.onnx in its folder: unpack a streaming transducer of sherpa-onnx there, with its "
            "encoder, decoder, joiner and tokens.txt"
        )
    small = [file for file in files if ".int8." in file.name]
    # As its makers have it: of what is there in both, the decoder is small and fast anyway.
    wanted = small if setup.precision == "int8" and part != "decoder" else [each for each in files if each not in small]
    chosen = wanted or files
    if len(chosen) > 1:
        raise NotThereError(f"there are several models in its folder: leave one {part}*.onnx there")
    return chosen[0]


if __name__ == "__main__":
    sys.exit(run(SherpaSetup, Worker, lockdown.mode_of(sys.argv)))
