"""Who has shown a namespace's public keys proves with each call to have the private ones."""

from typing import Any

import msgspec
from fastapi import Request

from sottovoce.core.addresses import is_loopback
from sottovoce.errors import InvalidPublicKeys, ProofInvalid, ProofRequired, SessionNotFound, TaskNotFound
from sottovoce.live.hub import Hub
from sottovoce.vault.keys import PublicKeys, public_keys
from sottovoce.vault.proof import Prover
from sottovoce.vault.proof import Request as SignedRequest


class _Proof(msgspec.Struct):
    alg: str
    key: str


class _Shown(msgspec.Struct):
    sealing: str
    proof: _Proof


class _Body(msgspec.Struct):
    namespace_id: str = ""
    public_keys: _Shown | None = None


class Proofs:
    """A dependency of every call under /api/v1. `always`: namespaces without keys may do nothing.

    Signatures are over the address under `public_url`; without that, the server is on loopback, and the address is the
    request's own if that is a loopback name.
    """

    def __init__(self, hub: Hub, public_url: str | None, *, always: bool) -> None:
        self._hub = hub
        self._public_url = public_url
        self._always = always
        self._prover = Prover()

    async def __call__(self, request: Request) -> None:
        """Raises ProofRequired, ProofInvalid."""
        of_namespace, keys = await self._keys(request)
        if keys is not None:
            signed = SignedRequest(request.method, self._target(request), dict(request.headers))
            self._prover.check(signed, await request.body(), keys, self._hub.node.clock.steady())
        elif of_namespace and self._always:
            raise ProofRequired

    async def _keys(self, request: Request) -> tuple[bool, PublicKeys | None]:
        """Whether the call is about a namespace's things, and the keys which that has shown.

        What is not there is nobody's: the call itself will say so.
        """
        path = request.path_params
        try:
            if "session_id" in path:
                return True, self._hub.find(path["session_id"]).record.public_keys
            if "task_id" in path:
                task = await self._hub.desk.task(path["task_id"])
                return True, self._hub.find(task.session_id).record.public_keys
        except (SessionNotFound, TaskNotFound):
            return False, None
        namespace_id = path.get("namespace_id") or request.query_params.get("namespace_id")
        if namespace_id is not None:
            return True, await self._hub.keyring.known(namespace_id)
        return (True, await self._opening(request)) if request.method == "POST" else (False, None)

    async def _opening(self, request: Request) -> PublicKeys | None:
        try:
            body = msgspec.json.decode(await request.body(), type=_Body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        known = await self._hub.keyring.known(body.namespace_id)
        shown = body.public_keys
        if known is not None or shown is None:
            return known
        try:
            return public_keys(shown.sealing, shown.proof.alg, shown.proof.key)
        except InvalidPublicKeys:
            return None

    def _target(self, request: Request) -> str:
        scope: dict[str, Any] = dict(request.scope)
        path = scope.get("raw_path") or request.url.path.encode()
        query = scope["query_string"]
        after = (path + b"?" + query if query else path).decode("ascii", "replace")
        if self._public_url is not None:
            return self._public_url + after
        if not is_loopback(request.url.hostname or ""):
            raise ProofInvalid
        return f"{request.url.scheme}://{request.url.netloc}{after}"
