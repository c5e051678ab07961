"""`pocketsphinx:`: the recogniser that is always there. English, in worker processes, since the library holds the GIL.

Every utterance is heard as one of our commands, by their grammar, and as free words, by the library's language model,
at once.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from sottovoce.speech.hearing_pool import HearingPool, Program
from sottovoce.speech.worker_setups import PocketsphinxSetup

LANGUAGE: Final = "en"
MAX_WORKERS: Final = 8
STREAMS: Final = 3
"""Utterances that one worker hears at the same time; a core keeps up with one to two of them while they are spoken.
Each takes about 80 MB, from the first time that so many speak at once."""


class PocketsphinxRecogniser(HearingPool):
    """CMU Sphinx in `workers` processes, each of which hears several utterances at a time.

    `grammars`: language to JSGF; of these it takes the English one, with the rules `command`, `answer`
    and `text`.
    """

    name = "pocketsphinx"
    languages: tuple[str, ...] = (LANGUAGE,)

    def __init__(self, grammars: Mapping[str, str], workers: int = 1, lockdown: str = "off") -> None:
        program = Program(
            module="sottovoce.speech.pocketsphinx_worker",
            setup=PocketsphinxSetup(grammars.get(LANGUAGE, ""), STREAMS),
            library="pocketsphinx",
            install="pip install pocketsphinx",
        )
        super().__init__(program, max(1, min(workers, MAX_WORKERS)), lockdown)

    def waiting(self, utterances: Iterable[object]) -> int:
        """Those beyond what a worker hears at the same time."""
        return max(0, len(list(utterances)) - STREAMS)

    def refusal(self, language: str) -> str:
        """Names what helps."""
        return (
            "The recogniser pocketsphinx hears English (en) only, and no other that comes with this server hears "
            f"{language}. Type instead, or set SOTTOVOCE_RECOGNISER to an engine that knows the language"
        )
