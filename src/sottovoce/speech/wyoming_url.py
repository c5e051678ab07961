"""`wyoming://host:port?model=…&voice=…&languages=…`, read."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from sottovoce.errors import EngineUrlInvalid

EXAMPLE: Final = "wyoming://127.0.0.1:10300"
_SAME = {"language": "languages"}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A Wyoming server, and what is wanted of it."""

    host: str
    port: int
    model: str | None = None
    """Of a recogniser; None: the server's own choice."""
    voices: tuple[str, ...] = ()
    """Of a synthesiser, at most one a language; a language without one gets the server's own choice."""
    languages: tuple[str, ...] = ()
    """Without a region ("en"); nothing: all that the server tells of."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_place(url: str, options: Iterable[str]) -> Place:
    """What the URL says. `options`: of "model", "voice" and "languages", those that may stand after the question mark;
    `languages` and `voice` may list several, with commas. Raises EngineUrlInvalid."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if not host or not port or parts.path.strip("/") or parts.username is not None or parts.fragment:
        raise EngineUrlInvalid(f"A Wyoming server is named by its host and port: {EXAMPLE}")
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        found.setdefault(_SAME.get(name, name), []).extend(part.strip() for part in value.split(","))
    known = set(options)
    if not found.keys() <= known or any(not value for values in found.values() for value in values):
        raise EngineUrlInvalid(f"After wyoming://host:port? there may stand {', '.join(sorted(known))}, with a value")
    if len(found.get("model", ())) > 1:
        raise EngineUrlInvalid("A Wyoming recogniser has one model")
    return Place(
        host=host,
        port=port,
        model=next(iter(found.get("model", ())), None),
        voices=tuple(found.get("voice", ())),
        languages=tuple(dict.fromkeys(base(language) for language in found.get("languages", ()))),
    )


def base(tag: str) -> str:
    """A language without its region: "en" of "en_US", "en-GB" and "EN"."""
    return tag.replace("_", "-").partition("-")[0].lower()
