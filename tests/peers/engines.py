"""Every kind of engine, by a URL of one that runs (of a chain: by several): what the contract suites are run on."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.peers.processes import openai_peer
from tests.peers.wyoming_server import wyoming_server
from tests.servers import new_port
from tests.speech import tiny_models

WYOMING = {"wyoming streams": "streams", "wyoming whole": "whole"}
"""Servers of both kinds: those that tell words or send sentences as they have them, and those that wait for the end."""
OPENAI = {"openai+http: pcm": "pcm", "openai+http: wav": "wav"}
TINY = ("faster-whisper:", "sherpa:")
"""With models of random weights: what they hear is nonsense, but always the same for the same sound."""
RECOGNISERS = ("instant:", "pocketsphinx:", "openai+http:", *WYOMING, *TINY, "pocketsphinx: instant:")
SYNTHESISERS = ("espeak:", "instant:", *OPENAI, *WYOMING, "piper:", "instant: espeak:", "espeak: instant:")


@contextmanager
def recogniser(kind: str) -> Generator[str, None, None]:
    """The URL of a recogniser, one of RECOGNISERS, until the end of the block."""
    if kind == "openai+http:":
        with openai_peer() as server:
            yield server.url(model="words")
    elif kind in WYOMING:
        port = new_port()
        with wyoming_server(port, WYOMING[kind]):
            yield f"wyoming://127.0.0.1:{port}?model=sphinx"
    elif kind == "faster-whisper:":
        with TemporaryDirectory() as folder:
            yield f"{kind}{tiny_models.whisper(Path(folder) / 'whisper')}?partial_ms=1000&beam_size=2"
    elif kind == "sherpa:":
        with TemporaryDirectory() as folder:
            yield f"{kind}{tiny_models.transducer(Path(folder) / 'transducer')}"
    else:
        yield kind


@contextmanager
def synthesiser(kind: str) -> Generator[str, None, None]:
    """The URL of a synthesiser, one of SYNTHESISERS, until the end of the block."""
    if kind in OPENAI:
        with openai_peer() as server:
            yield f"{server.url(model='espeak', voice='en-us', voice_de='de')}&format={OPENAI[kind]}"
    elif kind in WYOMING:
        port = new_port()
        with wyoming_server(port, WYOMING[kind]):
            yield f"wyoming://127.0.0.1:{port}"
    elif kind == "piper:":
        with TemporaryDirectory() as folder:  # its voice sings, a tone for each phoneme
            yield f"{kind}{tiny_models.voice(Path(folder))}"
    else:
        yield kind
