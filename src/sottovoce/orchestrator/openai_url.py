"""`openai+http(s)://host/v1?model=…`: a server that speaks the OpenAI API, by URL.

Parameters: `model`; `key_env`, the environment variable, or `key_file`, the file, that holds the key; `timeout`, the
seconds in which an answer must begin. No key is ever taken from the URL itself: URLs are shown.
"""

import math
import os
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec

from sottovoce.errors import EngineUrlInvalid

SCHEMES = {"openai+http": "http", "openai+https": "https"}
PARAMETERS = ("model", "key_env", "key_file", "timeout")
TIMEOUT_S = 20.0
LONGEST_TIMEOUT_S = 600.0
LONGEST_KEY = 4_096
FORM = "openai+http://localhost:11434/v1?model=NAME"


class OpenAIServer(msgspec.Struct, frozen=True, kw_only=True):
    """What such a URL names."""

    base_url: str
    """`http://host/v1`"""
    model: str
    key: "Key"
    timeout_s: float


class Key(msgspec.Struct, frozen=True):
    """A secret, which no text of an error or a log shows."""

    value: str | None

    def __repr__(self) -> str:
        return "Key(…)"


def read_openai_url(url: str) -> OpenAIServer:
    """The server that the URL names, with its key. Raises EngineUrlInvalid."""
    parts = urlsplit(url)
    scheme = SCHEMES.get(parts.scheme.lower())
    try:
        given = parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=bool(parts.query))
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        raise EngineUrlInvalid(f"This is not a URL of the form {FORM}") from None
    if scheme is None or not host or parts.fragment:
        raise EngineUrlInvalid(f"A server that speaks the OpenAI API is named like {FORM}")
    if parts.username is not None or parts.password is not None:
        raise EngineUrlInvalid("A key does not go into the URL: name its variable (key_env) or its file (key_file)")
    named = dict(given)
    unknown = [name for name in named if name not in PARAMETERS]
    if unknown or len(named) != len(given):
        raise EngineUrlInvalid(f"After the question mark stand, each once at most, {', '.join(PARAMETERS)}")
    if not named.get("model"):
        raise EngineUrlInvalid(f"Which model? {FORM}")
    return OpenAIServer(
        base_url=urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", "")),
        model=named["model"],
        key=Key(_key(named.get("key_env"), named.get("key_file"))),
        timeout_s=_seconds(named.get("timeout")),
    )


def _key(variable: str | None, file: str | None) -> str | None:
    if variable is not None and file is not None:
        raise EngineUrlInvalid("The key is in a variable (key_env) or in a file (key_file), not in both")
    if variable is not None:
        key = os.environ.get(variable, "").strip()
        where = f"The environment variable {variable} (key_env)"
    elif file is not None:
        try:
            with Path(file).open(encoding="ascii") as opened:
                key = opened.read(LONGEST_KEY + 1).strip()
        except (OSError, ValueError):
            raise EngineUrlInvalid(f"The key's file (key_file) cannot be read: {file}") from None
        where = f"The file {file} (key_file)"
    else:
        return None
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise EngineUrlInvalid(f"{where} holds no key")
    return key


def _seconds(given: str | None) -> float:
    try:
        seconds = TIMEOUT_S if given is None else float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_TIMEOUT_S:
        raise EngineUrlInvalid(f"timeout is a number of seconds, at most {LONGEST_TIMEOUT_S:.0f}")
    return seconds
