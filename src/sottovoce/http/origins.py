"""Which web pages may open a stream: same origin, and those that the settings list.

A page's script can connect a WebSocket to any host, and browsers only tell from where: it is for the server to refuse.
What "same origin" is comes from `public_url`, or is loopback; the request's own Host proves nothing, since whoever
controls a name can point it here.
"""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from sottovoce.core.addresses import is_loopback
from sottovoce.vault.tickets import Origin

_PORTS = {"http": 80, "https": 443}
_OPAQUE: Origin = ("null", "", 0)
"""What pages send that have none: no stream is ever opened from there."""


class Origins:
    """Decides by the `Origin` header."""

    def __init__(self, public_url: str | None, allowed: Collection[str]) -> None:
        self._same = None if public_url is None else parse_origin(public_url)
        self._allowed = frozenset(parse_origin(each) for each in allowed)

    def admit(self, headers: Mapping[str, str]) -> bool:
        """Whether a stream may be opened from there. Programs other than browsers send no `Origin`."""
        origin = origin_of(headers)
        if origin is None:
            return True
        if origin in self._allowed or origin == self._same:
            return True
        return self._same is None and is_loopback(origin[1]) and _is_host(origin, headers.get("host", ""))


def origin_of(headers: Mapping[str, str]) -> Origin | None:
    """From where a request says that it comes; None where it says nothing, as programs do."""
    sent = headers.get("origin")
    if sent is None:
        return None
    try:
        return parse_origin(sent)
    except ValueError:
        return _OPAQUE


def parse_origin(url: str) -> Origin:
    """Scheme, host and port of `https://app.example.org` or of any URL. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("an origin looks like https://app.example.org")
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]


def _is_host(origin: Origin, host: str) -> bool:
    """Whether the request went to the very host and port that the page is from."""
    try:
        return parse_origin(f"{origin[0]}://{host}") == origin
    except ValueError:
        return False
