"""The engines that come with the package, as providers for the registry. Each is loaded when it is asked for, so that
one whose library is missing keeps no other from working."""

from importlib.util import find_spec

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser, TurnJudge
from sottovoce.speech.openai_url import read_url


class Pocketsphinx:
    """`pocketsphinx:`, hears."""

    @staticmethod
    def recogniser(url: str, context: EngineContext) -> Recogniser:
        """CMU Sphinx in worker processes."""
        from sottovoce.speech.pocketsphinx import PocketsphinxRecogniser  # noqa: PLC0415

        _check_bare(url)
        return PocketsphinxRecogniser(context.grammars, context.workers, context.lockdown)


class Espeak:
    """`espeak:`, speaks."""

    @staticmethod
    def synthesiser(url: str, context: EngineContext) -> Synthesiser:
        """espeak-ng in worker processes."""
        from sottovoce.speech.espeak import EspeakSynthesiser  # noqa: PLC0415

        _check_bare(url)
        return EspeakSynthesiser(workers=context.workers, lockdown=context.lockdown)


class FasterWhisper:
    """`faster-whisper:MODEL`, hears."""

    @staticmethod
    def recogniser(url: str, context: EngineContext) -> Recogniser:
        """Whisper's models in worker processes."""
        from sottovoce.speech.faster_whisper import FasterWhisperRecogniser  # noqa: PLC0415

        return FasterWhisperRecogniser(url, context.workers, context.lockdown)


class Sherpa:
    """`sherpa:/path/to/folder`, hears."""

    @staticmethod
    def recogniser(url: str, context: EngineContext) -> Recogniser:
        """A streaming transducer in a worker process."""
        from sottovoce.speech.sherpa import SherpaRecogniser  # noqa: PLC0415

        return SherpaRecogniser(url, context.lockdown)


class Piper:
    """`piper:/path/to/voice.onnx`, speaks."""

    @staticmethod
    def synthesiser(url: str, context: EngineContext) -> Synthesiser:
        """A neural voice in worker processes."""
        from sottovoce.speech.piper import PiperSynthesiser  # noqa: PLC0415

        return PiperSynthesiser(url, context.workers, context.lockdown)


class Instant:
    """`instant:`, does both in no time."""

    @staticmethod
    def recogniser(url: str, _context: EngineContext) -> Recogniser:
        """Hears the same sentence in everything."""
        from sottovoce.speech.instant import InstantRecogniser  # noqa: PLC0415

        _check_bare(url)
        return InstantRecogniser()

    @staticmethod
    def synthesiser(url: str, _context: EngineContext) -> Synthesiser:
        """Says everything as one second of a tone."""
        from sottovoce.speech.instant import InstantSynthesiser  # noqa: PLC0415

        _check_bare(url)
        return InstantSynthesiser()


class OpenAI:
    """`openai+http://…` and `openai+https://…`, do both by a server that speaks OpenAI's API."""

    @staticmethod
    def recogniser(url: str, _context: EngineContext) -> Recogniser:
        """Has the server transcribe each utterance."""
        _check_installed("openai", "openai")
        from sottovoce.speech.openai_hearing import OpenAIRecogniser  # noqa: PLC0415

        return OpenAIRecogniser(read_url(url))

    @staticmethod
    def synthesiser(url: str, _context: EngineContext) -> Synthesiser:
        """Has the server speak."""
        _check_installed("openai", "openai")
        from sottovoce.speech.openai_speaking import OpenAISynthesiser  # noqa: PLC0415

        return OpenAISynthesiser(read_url(url))


class Wyoming:
    """`wyoming://host:port`, does both, or the one that the server does."""

    @staticmethod
    def recogniser(url: str, _context: EngineContext) -> Recogniser:
        """A Wyoming server that hears."""
        _check_installed("wyoming", "wyoming")
        from sottovoce.speech.wyoming_recogniser import WyomingRecogniser  # noqa: PLC0415
        from sottovoce.speech.wyoming_url import read_place  # noqa: PLC0415

        return WyomingRecogniser(read_place(url, {"model", "languages"}))

    @staticmethod
    def synthesiser(url: str, _context: EngineContext) -> Synthesiser:
        """A Wyoming server that speaks."""
        _check_installed("wyoming", "wyoming")
        from sottovoce.speech.wyoming_synthesiser import WyomingSynthesiser  # noqa: PLC0415
        from sottovoce.speech.wyoming_url import read_place  # noqa: PLC0415

        return WyomingSynthesiser(read_place(url, {"voice", "languages"}))


class SmartTurn:
    """`smart-turn:/path/to/model.onnx`, judges whether a turn is over."""

    @staticmethod
    def end_of_turn(url: str, context: EngineContext) -> TurnJudge:
        """Smart Turn v3 in a worker process."""
        from sottovoce.speech.smart_turn import SmartTurn as Engine  # noqa: PLC0415

        path = url.partition(":")[2]
        if not path.startswith("/"):
            raise EngineUrlInvalid("smart-turn: is followed by the whole path of its model: smart-turn:/srv/model.onnx")
        return Engine(path, context.lockdown)


def _check_installed(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise EngineUnavailable(f"The engine {extra} is not installed: pip install 'sottovoce[{extra}]'")


def _check_bare(url: str) -> None:
    name, _, rest = url.partition(":")
    if rest:
        raise EngineUrlInvalid(f"Nothing goes after {name}:")
