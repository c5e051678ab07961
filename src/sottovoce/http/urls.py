"""Where a session's stream is: by `public_url` when set, else by the request's own host."""

from collections.abc import Collection
from urllib.parse import urlencode

from fastapi import Request

STREAM_PATH = "/ws/voice"
_WEB_SOCKET = {"http": "ws", "https": "wss"}


class WebSocketUrls:
    """Makes `websocket_url`s."""

    def __init__(self, public_url: str | None, trusted_proxies: Collection[str]) -> None:
        self.public_base = None if public_url is None else _web_socket(public_url)
        """Where streams are when `public_url` is set."""
        self._trusted = frozenset(trusted_proxies)

    def base(self, request: Request) -> str:
        """`ws(s)://host[/path]` for this caller. `X-Forwarded-Proto` counts only from a trusted proxy."""
        if self.public_base is not None:
            return self.public_base
        scheme = request.url.scheme
        if request.client is not None and request.client.host in self._trusted:
            forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
            scheme = forwarded if forwarded in _WEB_SOCKET else scheme
        return f"{_WEB_SOCKET.get(scheme, 'ws')}://{request.url.netloc}"

    def with_ticket(self, base: str, session_id: str, ticket: str) -> str:
        """Opens the session's stream, once."""
        return f"{base}{STREAM_PATH}?{urlencode({'session_id': session_id, 'ticket': ticket})}"

    def without_ticket(self, base: str, session_id: str) -> str:
        """Where the stream is, for those who hold a ticket."""
        return f"{base}{STREAM_PATH}?{urlencode({'session_id': session_id})}"


def _web_socket(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{_WEB_SOCKET[scheme]}://{rest}"
