"""Tokens: JWTs (RFC 7519) of one issuer, checked with the keys (JWKS, RFC 7517) that it publishes."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import msgspec
import structlog

from sottovoce.errors import CredentialInvalid, TokensUnchecked
from sottovoce.vault.callers import Caller

ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512")
"""Signatures by a private key only: what checks a token can make none."""
FRESH_S = 300.0
AGAIN_S = 10.0
"""Not sooner than this are the keys fetched again, whoever names a key that is not among them."""
FETCH_TIMEOUT_S = 5.0
MAX_JWKS_BYTES = 256 * 1024
MAX_TOKEN_CHARACTERS = 8 * 1024
LEEWAY_S = 10
_UNREADABLE = (
    httpx.HTTPError,
    httpx.InvalidURL,
    jwt.PyJWTError,
    OSError,  # TimeoutError too: an answer that drips in is cut off by no timeout of the client's
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""What reading an issuer's keys may raise, whatever it answers."""

log = structlog.get_logger()


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens count."""

    jwks_url: str
    name: str
    """The claim `iss`."""
    audience: str
    """What `aud` has to name: this server."""
    namespaces_claim: str
    """The claim with the caller's namespaces: a name, or a list of names."""


class Tokens:
    """Checks tokens. `clock()`: seconds of a steady clock."""

    def __init__(self, issuer: Issuer, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._down = False
        """The last fetch failed."""
        self._fetching: asyncio.Task[None] | None = None

    async def caller(self, token: str) -> Caller:
        """Whose token that is. Raises CredentialInvalid, TokensUnchecked."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise CredentialInvalid
        try:
            key = await self._key(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=[name for name in ALGORITHMS if name == key.algorithm_name],
                audience=self._issuer.audience,
                issuer=self._issuer.name,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise CredentialInvalid from None
        return Caller(str(claims["sub"]), namespaces=_names(claims.get(self._issuer.namespaces_claim)), personal=True)

    async def _key(self, kid: str | None) -> jwt.PyJWK:
        """The issuer's key of that id; the only one it has, if none is named. Raises CredentialInvalid,
        TokensUnchecked."""
        stale = self._clock() - self._fetched_at > FRESH_S
        if kid not in self._keys or (stale and not self._down):
            await asyncio.shield(self._last_fetch())
        elif stale:
            _ = self._last_fetch()  # an issuer that is down is asked again and again, and nobody waits for its answer
        if not self._keys:
            raise TokensUnchecked(retry_after_s=int(AGAIN_S))
        try:
            return self._keys[kid]
        except (KeyError, TypeError):
            raise CredentialInvalid from None

    def _last_fetch(self) -> asyncio.Task[None]:
        """The last fetch; a new one if that was AGAIN_S ago. One at a time, whoever asks."""
        last = self._fetching
        if last is None or (last.done() and self._clock() - self._tried_at >= AGAIN_S):
            self._tried_at = self._clock()
            last = self._fetching = asyncio.create_task(self._fetch())
        return last

    async def _fetch(self) -> None:
        """Keys that cannot be fetched anew go on counting: an issuer that is down locks nobody out."""
        try:
            keys = jwt.PyJWKSet.from_dict(
                msgspec.json.decode(await _download(self._issuer.jwks_url), type=dict[str, Any])
            )
        except _UNREADABLE as error:
            self._down = True
            log.warning("jwks_unreadable", error=type(error).__name__)
            return
        self._fetched_at, self._down = self._clock(), False
        self._keys = {key.key_id: key for key in keys.keys}
        if len(keys.keys) == 1:
            self._keys[None] = keys.keys[0]


async def _download(url: str) -> bytes:
    """Raises httpx.HTTPError, httpx.InvalidURL, TimeoutError for what comes too slowly, ValueError for what is too
    long."""
    async with (
        httpx.AsyncClient(timeout=FETCH_TIMEOUT_S, trust_env=False) as client,
        asyncio.timeout(FETCH_TIMEOUT_S),
        client.stream("GET", url) as answer,
    ):
        answer.raise_for_status()
        content = bytearray()
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > MAX_JWKS_BYTES:
                raise ValueError("too long for a JWKS")
        return bytes(content)


def _names(claim: Any) -> frozenset[str]:
    """Namespaces as a token lists them, to the letter: whoever may choose their own name gains nothing by a `*`."""
    listed = claim if isinstance(claim, list) else [claim]
    return frozenset(name for name in listed if isinstance(name, str))
