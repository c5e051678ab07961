"""`piper:/path/to/voice.onnx`: Piper's neural voices, by piper-tts in worker processes.

A text goes to them in pieces of a few sentences (speaking_pool.py), of which each sentence is heard as soon as it is
made: a worker can be told to stop between two sentences.
"""

import importlib.util
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech.model_url import ModelUrl
from sottovoce.speech.sentences import pieces
from sottovoce.speech.speaking_pool import Program, SpeakingPool
from sottovoce.speech.worker_setups import PiperRequest

INSTALL: Final = "pip install 'sottovoce[piper]'"
SHOWN_VOICES: Final = 50
"""Some models have hundreds."""
_SLOWEST, _FASTEST = 0.25, 1.5
_OPTIONS = ("threads", "workers", "device")


class _Sound(msgspec.Struct):
    sample_rate: int


class _Espeak(msgspec.Struct):
    voice: str = "en"


class _Config(msgspec.Struct):
    """What the server needs to know of a voice's JSON file."""

    audio: _Sound
    espeak: _Espeak
    speaker_id_map: Mapping[str, int] = {}

    @property
    def language(self) -> str:
        """Without the region."""
        return self.espeak.voice.partition("-")[0].lower()


class PiperSynthesiser(SpeakingPool):
    """One model, of one language, with one speaker or many.

    `url` may say `threads` (1), `workers` (else those of the argument; 1 on a GPU) and `device` (cpu or cuda).
    `voice` is a speaker's name, in models of many; in those of one, the model's own. Raises EngineUrlInvalid,
    EngineUnavailable where the voice or its JSON file is not there.
    """

    name = "piper"

    def __init__(self, url: str, workers: int = 1, lockdown: str = "off") -> None:
        read = ModelUrl(url, example="piper:/srv/voices/en_US-lessac-medium.onnx", options=_OPTIONS)
        config = _read_config(Path(read.model))
        self.sample_rate = config.audio.sample_rate
        self.languages: tuple[str, ...] = (config.language,)
        self._speakers: Mapping[str, int | None] = config.speaker_id_map or {Path(read.model).stem: None}
        self.voices: tuple[str, ...] = tuple(self._speakers)
        program = Program(
            library="piper",
            module="sottovoce.speech.piper_worker",
            arguments=(read.model, read.device(), str(read.threads())),
            start_s=120.0,
            answer_s=60.0,
        )
        super().__init__(program, read.workers(workers), lockdown)

    async def start(self) -> None:
        """Start the workers. Raises EngineUnavailable, saying what to install."""
        if importlib.util.find_spec("piper") is None:
            raise EngineUnavailable(f"piper is not installed: {INSTALL}")
        await super().start()

    async def speak(self, text: str, *, language: str, voice: str | None, speed: float) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of at most 80 ms. A speed beyond 0.25 to 1.5 counts as the nearest in it.

        Raises LanguageNotSupported, EngineUnavailable when it is not started, EngineFault.
        """
        if language not in self.languages:
            raise LanguageNotSupported(f"This voice of piper's speaks {', '.join(self.languages)}")
        speaker = self._speaker(voice)
        slowness = 1 / min(max(speed, _SLOWEST), _FASTEST)
        requests = [msgspec.msgpack.encode(PiperRequest(part, slowness, speaker)) for part in pieces(text)]
        async with aclosing(self.say(requests)) as sound:
            async for chunk in sound:
                yield chunk

    def _speaker(self, voice: str | None) -> int | None:
        if voice is None:
            return None
        if voice not in self._speakers:
            raise EngineFault(f"piper has no such voice; it has {', '.join(self.voices[:SHOWN_VOICES])}")
        return self._speakers[voice]


def _read_config(model: Path) -> _Config:
    """Of `voice.onnx`, what stands in `voice.onnx.json`. Raises EngineUnavailable."""
    file = Path(f"{model}.json")
    if not model.is_file() or not file.is_file():
        raise EngineUnavailable(
            f"There is no {model if not model.is_file() else file}: a voice of piper's is two files, voice.onnx and "
            "voice.onnx.json. Where there is a network, python -m piper.download_voices NAME gets both"
        )
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Config)
    except (msgspec.DecodeError, OSError):
        raise EngineUnavailable(f"{file} does not describe a voice of piper's") from None
