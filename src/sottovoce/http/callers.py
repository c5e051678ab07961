"""Who calls: found out before anything of a request but its head is looked at."""

from collections.abc import Collection
from typing import Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sottovoce.core.addresses import host_of, is_loopback
from sottovoce.errors import CredentialInvalid, CredentialRequired, ForeignHost, SottovoceError
from sottovoce.http.problems import answer
from sottovoce.live.clock import Clock
from sottovoce.vault.api_keys import PREFIX, ApiKeys
from sottovoce.vault.callers import ANYBODY, Caller
from sottovoce.vault.tokens import Tokens

GUARDED = "/api/v1/"
"""Paths under this are for callers who have been told apart. The stream has its tickets, the operator page its door."""
CALLER = "sottovoce.caller"
"""Where the caller is in the ASGI scope."""
_OF_BROWSERS = ("accept-language", "origin", "sec-fetch-mode")
"""Browsers send one of these at least with each request of a page; a page can take none of them away."""


class Gate(Protocol):
    """Finds out who calls, or raises."""

    async def caller(self, headers: Headers) -> Caller:
        """Raises ClientFault, ServerFault."""


class OpenGate:
    """For a server that only its own machine reaches: everybody may do everything, but no page of another site whose
    name was pointed at this machine. Programs may use whatever name they like."""

    def __init__(self, known_urls: Collection[str]) -> None:
        self._known = frozenset(urlsplit(url).hostname for url in known_urls)

    async def caller(self, headers: Headers) -> Caller:
        """Raises ForeignHost."""
        host = host_of(headers.get("host", ""))
        if any(name in headers for name in _OF_BROWSERS) and not is_loopback(host) and host not in self._known:
            raise ForeignHost
        return ANYBODY


class CredentialGate:
    """API keys, tokens, or both."""

    def __init__(self, api_keys: ApiKeys | None, tokens: Tokens | None, clock: Clock) -> None:
        self._api_keys = api_keys
        self._tokens = tokens
        self._clock = clock

    async def caller(self, headers: Headers) -> Caller:
        """Raises CredentialRequired, CredentialInvalid, TokensUnchecked."""
        sent = headers.getlist("authorization")
        if not sent:
            raise CredentialRequired
        scheme, _, credential = sent[0].partition(" ")
        if len(sent) > 1 or scheme.lower() != "bearer":
            raise CredentialInvalid
        credential = credential.strip()
        if credential.startswith(PREFIX):
            if self._api_keys is not None:
                return self._api_keys.caller(credential, self._clock.steady(), self._clock.wall())
        elif self._tokens is not None:
            return await self._tokens.caller(credential)
        raise CredentialInvalid


def is_guarded(scope: Scope) -> bool:
    """Whether a request is one that callers have to be told apart for, also where the server is mounted under a path of
    another application's."""
    if scope["type"] != "http":
        return False
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    within = path.removeprefix(root) if path.startswith(f"{root}/") else path  # as the router sees it
    return within.startswith(GUARDED)


class Callers:
    """ASGI middleware: puts the caller of a guarded path into the scope, or answers why not. What it guards is for
    nobody to keep: neither proxies nor the disk of a browser."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if not is_guarded(scope):
            await self._app(scope, receive, send)
            return
        try:
            scope[CALLER] = await self._gate.caller(Headers(scope=scope))
        except SottovoceError as error:
            await answer(error)(scope, receive, send)
            return

        async def not_to_be_kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, not_to_be_kept)
