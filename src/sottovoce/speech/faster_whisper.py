"""`faster-whisper:MODEL`: Whisper's models, by CTranslate2 in worker processes.

Each worker transcribes one utterance at a time, when it is over. There are words before that only with `partial_ms=`:
every look at what was said so far costs as much as the transcript.
"""

from collections.abc import Iterable
from typing import Any, Final

from sottovoce.speech.hearing_pool import HearingPool, Program
from sottovoce.speech.model_url import ModelUrl
from sottovoce.speech.worker_setups import WhisperSetup

COMPUTE_TYPES: Final = (
    *("default", "auto", "int8", "int8_float32", "int8_float16", "int8_bfloat16"),
    *("int16", "float16", "bfloat16", "float32"),
)
"""CTranslate2's."""
MOST_BEAMS: Final = 20
DEFAULT_BEAMS: Final = 5
MOST_PARTIAL_MS: Final = 60_000
_SILENT_S: Final = 120.0
"""A minute of speech, by a large model on a slow machine, and someone's partial before it."""
_OPTIONS = ("language", "threads", "workers", "device", "compute_type", "beam_size", "partial_ms")


class FasterWhisperRecogniser(HearingPool):
    """A model that was downloaded, by its name, or one in a folder.

    `url` may say `language` (the only one to be heard, else every one that the model knows), `threads` (1), `workers`
    (else those of the argument; 1 on a GPU), `device` (cpu or cuda), `compute_type` (as the model was saved),
    `beam_size` (5) and `partial_ms` (0: no words before the end). Raises EngineUrlInvalid.
    """

    name = "faster-whisper"

    def __init__(self, url: str, workers: int = 1, lockdown: str = "off") -> None:
        read = ModelUrl(url, example="faster-whisper:small", options=_OPTIONS)
        self.languages = (read.language("en"),)
        """Until the model tells what it knows."""
        setup = WhisperSetup(
            model=read.model,
            device=read.device(),
            compute_type=read.choice("compute_type", "default", COMPUTE_TYPES),
            threads=read.threads(),
            beam_size=read.number("beam_size", DEFAULT_BEAMS, 1, MOST_BEAMS),
            language=read.language(),
            partial_ms=read.number("partial_ms", 0, 0, MOST_PARTIAL_MS),
        )
        program = Program(
            module="sottovoce.speech.faster_whisper_worker",
            setup=setup,
            library="faster_whisper",
            install="pip install 'sottovoce[faster-whisper]'",
            environment={"OMP_NUM_THREADS": str(setup.threads)},
            start_s=180.0,
            silent_s=_SILENT_S,
        )
        super().__init__(program, read.workers(workers), lockdown)

    def waiting(self, utterances: Iterable[Any]) -> int:
        """Those that are over, but for the one that is being transcribed."""
        return max(0, len([each for each in utterances if each.ended]) - 1)
