"""`sherpa:/path/to/folder?threads=2`, `piper:…`, `faster-whisper:…`: a model, and how it is to be run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote

from sottovoce.errors import EngineUrlInvalid

MOST_THREADS: Final = 64
MOST_WORKERS: Final = 16
DEVICES: Final = ("cpu", "cuda")
LANGUAGE_LETTERS: Final = 3


class ModelUrl:
    """What the URL says. Everything raises EngineUrlInvalid, naming what may stand there instead."""

    def __init__(self, url: str, *, example: str, options: Sequence[str]) -> None:
        name, _, rest = url.partition(":")
        model, _, query = rest.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        self._options: Mapping[str, str] = dict(pairs)
        self.model = unquote(model)
        if not self.model or not self.model.isprintable():
            raise EngineUrlInvalid(f"After {name}: comes a model, as in {example}")
        if not set(self._options) <= set(options) or len(self._options) < len(pairs):
            raise EngineUrlInvalid(f"After {name}:…? there may stand, once each, {', '.join(options)}")

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number in a range."""
        text = self._options.get(name, str(default))
        value = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(highest)) else -1
        if not lowest <= value <= highest:
            raise EngineUrlInvalid(f"{name} is a number from {lowest} to {highest}")
        return value

    def choice(self, name: str, default: str, choices: Sequence[str]) -> str:
        """One of several words."""
        return self.word(name, default, choices.__contains__, f"one of {', '.join(choices)}")

    def language(self, default: str = "") -> str:
        """A code such as "en", or what there is by default."""
        return self.word("language", default, _is_language, "a code such as en")

    def word(self, name: str, default: str, allowed: Callable[[str], bool], which: str) -> str:
        """One that is `allowed`; `which` says that in words."""
        value = self._options.get(name)
        if value is not None and not allowed(value):
            raise EngineUrlInvalid(f"{name} is {which}")
        return default if value is None else value

    def device(self) -> str:
        """Where it runs: cpu or cuda."""
        return self.choice("device", "cpu", DEVICES)

    def threads(self) -> int:
        """Of each worker. One by default: several workers, or several utterances, use the other cores."""
        return self.number("threads", 1, 1, MOST_THREADS)

    def workers(self, allowed: int) -> int:
        """Processes; by default as many as are `allowed` to engines, but one on a GPU, as each loads the model."""
        return self.number("workers", min(allowed, MOST_WORKERS) if self.device() == "cpu" else 1, 1, MOST_WORKERS)


def _is_language(text: str) -> bool:
    return 1 < len(text) <= LANGUAGE_LETTERS and text.isascii() and text.isalpha() and text.islower()
