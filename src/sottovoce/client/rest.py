"""REST calls: bytes in, typed answers out, failures as errors of ours."""

import re
import ssl
from collections.abc import Generator
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from sottovoce.client.errors import CredentialUnusable, ServerUnreachable, answered
from sottovoce.vault.keys import NamespaceKeys
from sottovoce.vault.proof import Request as SignedRequest
from sottovoce.vault.proof import sign

TIMEOUT_S = 30.0
API = "/api/v1"

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
"""Of a bearer token: RFC 6750, 2.1."""

T = TypeVar("T")


def is_local(url: str) -> bool:
    """Whether a URL is of this machine: then no proxy of the environment is to be asked."""
    return urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}


class Proof(httpx.Auth):
    """Signs every call with the namespace's key."""

    requires_request_body = True

    def __init__(self, keys: NamespaceKeys) -> None:
        self._keys = keys

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx."""
        signed = SignedRequest(request.method, str(request.url), {})
        sign(signed, request.content, self._keys)
        request.headers.update(signed.headers)
        yield request


def _authorization(credential: str | None) -> dict[str, str]:
    if credential is None:
        return {}
    if _TOKEN.fullmatch(credential) is None:
        raise CredentialUnusable
    return {"Authorization": f"Bearer {credential}"}


class Rest:
    """One server's REST interface. `credential` goes into a header, and nowhere else.

    Raises ServerUnreachable for what is no address, CredentialUnusable.
    """

    def __init__(self, base_url: str, keys: NamespaceKeys | None = None, credential: str | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ServerUnreachable(f"{base_url} is no address of a server: one looks like http://127.0.0.1:8765")
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_S,
            trust_env=not is_local(self.base_url),
            verify=httpx.create_ssl_context(),  # SSL_CERT_FILE counts on this machine too, as it does for the stream
            auth=None if keys is None else Proof(keys),
            headers=_authorization(credential),
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def call(
        self,
        kind: type[T],
        method: str,
        path: str,
        *,
        body: Any = None,
        params: dict[str, str] | None = None,
    ) -> T:
        """One call; the answer as `kind`. Raises the server's own error, or ServerUnreachable."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            response = await self._http.request(
                method, self.base_url + API + path, content=content, headers=headers, params=params
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ServerUnreachable(self._why(error)) from None
        if not response.is_success:
            raise answered(response)
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError:
            raise ServerUnreachable(
                f"What answers at {self.base_url} is no Sottovoce server of this version. Is the address right?"
            ) from None

    def _why(self, error: BaseException) -> str:
        """There is no answer, and that is why."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return (
                    f"The certificate of {self.base_url} is not trusted ({cause.verify_message}). If it is one of your "
                    "own, name the file of who signed it: SSL_CERT_FILE=ca.pem"
                )
            cause = cause.__cause__ or cause.__context__
        return f"No server answers at {self.base_url} ({type(error).__name__}). Start one with: sottovoce serve"
