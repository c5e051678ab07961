"""The engines that come with the package, as providers for the registry. Each is loaded when it is asked for, so that
one whose library is missing keeps no other from working."""

from sottovoce.errors import EngineUrlInvalid
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser, TurnJudge


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


def _check_bare(url: str) -> None:
    name, _, rest = url.partition(":")
    if rest:
        raise EngineUrlInvalid(f"Nothing goes after {name}:")
