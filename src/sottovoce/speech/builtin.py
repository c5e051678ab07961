"""The engines that come with the package, as providers for the registry. Each is loaded when it is asked for, so that
one whose library is missing keeps no other from working."""

from sottovoce.errors import EngineUrlInvalid
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser


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


def _check_bare(url: str) -> None:
    name, _, rest = url.partition(":")
    if rest:
        raise EngineUrlInvalid(f"Nothing goes after {name}:")
