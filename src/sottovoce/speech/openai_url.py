"""`openai+http://host:port/v1?model=…` and `openai+https://…`: which server, which model, whose key.

No text made here holds a value of the query, or whoever pastes a key into the wrong place would find it in a log.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from sottovoce.errors import EngineUrlInvalid

PREFIX: Final = "openai+"
OPENAI_HOST: Final = "api.openai.com"
OPENAI_KEY_ENV: Final = "OPENAI_API_KEY"
"""Meant for OpenAI's own server, and sent to no other unless key_env names it."""
DEFAULT_LANGUAGES: Final = ("en", "de")
DEFAULT_TIMEOUT_S: Final = 30.0
LONGEST_TIMEOUT_S: Final = 600.0
DEFAULT_VOICE: Final = "alloy"
"""OpenAI's; the servers that have others know it as another name of one of theirs, or ask for `voice`."""
PARAMETERS: Final = ("model", "languages", "voice", "voice_LANGUAGE", "format", "timeout", "key_env", "key_file")
_MOST_KEY_BYTES = 8192
_LANGUAGE = re.compile(r"[a-z]{2,3}")

SoundFormat = Literal["pcm", "wav"]


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What a URL says."""

    base_url: str
    """Without the prefix and the query."""
    model: str
    languages: tuple[str, ...]
    voices: Mapping[str, str]
    """Language to the voice that speaks it; "" is for those not named."""
    sound_format: SoundFormat
    timeout_s: float
    key: str | None
    key_place: str
    """Where the key comes from, or may come from."""

    def __repr__(self) -> str:
        """Without the key: this is what a traceback would show."""
        return f"Server({self.base_url!r}, {self.model!r})"


def read_url(url: str, parameters: Sequence[str] = PARAMETERS) -> Server:
    """`parameters`: those that the role takes. Raises EngineUrlInvalid, saying what is wrong with it."""
    parts = _split(url)
    given = _query(parts.query, parameters)
    if not given.get("model"):
        raise EngineUrlInvalid(f"{_like()}: model is missing")
    key, place = _key(given, parts.hostname or "")
    return Server(
        base_url=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}",
        model=given["model"],
        languages=_languages(given.get("languages")),
        voices=_voices(given),
        sound_format=_format(given.get("format", "pcm")),
        timeout_s=_timeout(given.get("timeout")),
        key=key,
        key_place=place,
    )


def _like() -> str:
    return f"An OpenAI-compatible server is named like {PREFIX}http://127.0.0.1:8000/v1?model=whisper-1"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url[len(PREFIX) :])
        well = bool(parts.hostname) and (parts.port is None or parts.port > 0) and not parts.fragment
    except ValueError:
        raise EngineUrlInvalid(f"{_like()}: this is no such address") from None
    if not well or not parts.netloc.isascii() or not parts.path.isascii():
        raise EngineUrlInvalid(f"{_like()}: this is no such address")
    if "@" in parts.netloc:
        raise EngineUrlInvalid(
            "Nobody's name or password goes into an engine's URL: name the key by key_env or key_file"
        )
    return parts


def _query(query: str, parameters: Sequence[str]) -> dict[str, str]:
    """A plus sign is one: voices are called "af_bella+af_sky"."""
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    given = dict(pairs)
    unknown = [name for name in given if name not in parameters and not ("voice" in parameters and _language_of(name))]
    if unknown or len(given) < len(pairs):
        wrong = "one of them is given twice" if not unknown else "there is another"
        raise EngineUrlInvalid(
            f"The parameters of {PREFIX}http: and {PREFIX}https: are {', '.join(parameters)}; {wrong}"
        )
    return given


def _language_of(name: str) -> str | None:
    """The code in "voice_de"; None for any other parameter."""
    prefix, _, language = name.partition("_")
    return language if prefix == "voice" and _LANGUAGE.fullmatch(language) else None


def _languages(given: str | None) -> tuple[str, ...]:
    if given is None:
        return DEFAULT_LANGUAGES
    languages = tuple(dict.fromkeys(given.split(",")))
    if not all(_LANGUAGE.fullmatch(language) for language in languages):
        raise EngineUrlInvalid("languages are codes with commas between: languages=en,de")
    return languages


def _voices(given: Mapping[str, str]) -> dict[str, str]:
    named = {language: voice for name, voice in given.items() if (language := _language_of(name))}
    voices = {"": given.get("voice", DEFAULT_VOICE), **named}
    if not all(voices.values()):
        raise EngineUrlInvalid("voice is empty: leave it out, or name one")
    return voices


def _format(given: str) -> SoundFormat:
    if given == "pcm":
        return "pcm"
    if given == "wav":
        return "wav"
    raise EngineUrlInvalid("format is pcm (24000 samples a second, the default) or wav")


def _timeout(given: str | None) -> float:
    if given is None:
        return DEFAULT_TIMEOUT_S
    try:
        timeout_s = float(given)
    except ValueError:
        timeout_s = 0.0
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise EngineUrlInvalid(f"timeout is a number of seconds, at most {LONGEST_TIMEOUT_S:.0f}")
    return timeout_s


def _key(given: Mapping[str, str], host: str) -> tuple[str | None, str]:
    """The key, and where it comes from."""
    if "key_env" in given and "key_file" in given:
        raise EngineUrlInvalid("The key comes by key_env or by key_file, not by both")
    if "key_file" in given:
        return _checked(_read_key(Path(given["key_file"])), "the file that key_file names"), "the file of key_file"
    if "key_env" in given:
        place = "the environment variable that key_env names"
        key = os.environ.get(given["key_env"])
        if key is None:
            raise EngineUrlInvalid(f"{place[0].upper()}{place[1:]} is not set")
        return _checked(key, place), place
    if host != OPENAI_HOST:
        return None, "its environment variable (key_env=) or its file (key_file=)"
    key = os.environ.get(OPENAI_KEY_ENV)
    return (_checked(key, OPENAI_KEY_ENV) if key else None), f"the environment variable {OPENAI_KEY_ENV}"


def _read_key(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_KEY_BYTES).decode("ascii")
    except OSError as error:
        raise EngineUrlInvalid(f"The file that key_file names cannot be read: {error.strerror}") from None
    except ValueError:
        raise EngineUrlInvalid("The file that key_file names holds no key") from None


def _checked(text: str, place: str) -> str:
    """It goes into a header: one word of plain characters."""
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise EngineUrlInvalid(f"There is no key in {place}: it is one line without a space")
    return key
