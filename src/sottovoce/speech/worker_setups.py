"""What the workers of engines are told to load: the first message to each (hearing_wire.py). Apart from the workers, as
the server must not load their libraries."""

import msgspec


class PocketsphinxSetup(msgspec.Struct):
    """What is to be understood."""

    grammar: str
    """JSGF, with the rules `command`, `answer` and `text`; empty: free text only."""
    streams: int
    """How many utterances may be heard at the same time; more of them wait."""


class SherpaSetup(msgspec.Struct, kw_only=True):
    """A streaming transducer."""

    folder: str
    device: str
    """cpu or cuda."""
    precision: str
    """int8 or float: which files, where the folder has both."""
    threads: int


class WhisperSetup(msgspec.Struct, kw_only=True):
    """A Whisper model in CTranslate2's format."""

    model: str
    """A folder, or the name of one that was downloaded."""
    device: str
    """cpu or cuda."""
    compute_type: str
    """CTranslate2's: int8, float16, … or default."""
    threads: int
    beam_size: int
    language: str
    """The only one to be heard; empty: all that the model knows."""
    partial_ms: int
    """After so much more sound the words so far are looked for; 0: never."""


class PiperRequest(msgspec.Struct):
    """What a voice is to say: no first message, but every one (speaking_worker.py)."""

    text: str
    slowness: float
    """How much longer it is to take than the voice would by itself."""
    speaker: int | None
    """None: the model's first, or only one."""
