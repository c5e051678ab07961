"""Whose things a call asks for: they have to be the caller's, and whoever has shown a namespace's public keys proves
with each call to have the private ones."""

from typing import Any

from fastapi import Request

from sottovoce.core.addresses import is_loopback
from sottovoce.errors import (
    CredentialRequired,
    NamespaceNotFound,
    ProofInvalid,
    ProofRequired,
    SessionNotFound,
    TaskNotFound,
)
from sottovoce.http.callers import CALLER
from sottovoce.live.hub import Hub
from sottovoce.vault.callers import Caller
from sottovoce.vault.keys import PublicKeys
from sottovoce.vault.proof import Prover
from sottovoce.vault.proof import Request as SignedRequest

NAMESPACE = "sottovoce.namespace"
"""Where the namespace that a call was about is in the ASGI scope, for the audit log."""


class Access:
    """A dependency of every call under /api/v1: it checks those whose path names a session or a task; calls that name a
    namespace otherwise check that themselves. `always`: namespaces without keys may do nothing.

    Signatures are over the address under `public_url`; without that, the server is on loopback, and the address is the
    request's own if that is a loopback name.
    """

    def __init__(self, hub: Hub, public_url: str | None, *, always: bool) -> None:
        self._hub = hub
        self._public_url = public_url
        self._always = always
        self._prover = Prover()

    async def __call__(self, request: Request) -> None:
        """Raises SessionNotFound, TaskNotFound (also for those of another caller), ProofRequired, ProofInvalid,
        CredentialRequired.
        """
        if CALLER not in request.scope:
            raise CredentialRequired  # whatever way led here past the gate
        path = request.path_params
        if "session_id" in path:
            await self._session(request, path["session_id"], SessionNotFound)
        elif "task_id" in path:
            task = await self._hub.desk.task(path["task_id"])
            await self._session(request, task.session_id, TaskNotFound)

    async def _session(
        self, request: Request, session_id: str, missing: type[SessionNotFound] | type[TaskNotFound]
    ) -> None:
        try:
            record = self._hub.find(session_id).record
        except SessionNotFound:
            raise missing from None
        if not self.may(request, record.namespace_id):
            raise missing
        await self.prove(request, record.public_keys)

    async def namespace(self, request: Request, namespace_id: str) -> None:
        """Check a call about a namespace. Raises NamespaceNotFound, ProofRequired, ProofInvalid."""
        if not self.may(request, namespace_id):
            raise NamespaceNotFound
        await self.prove(request, await self._hub.keyring.known(namespace_id))

    def may(self, request: Request, namespace_id: str) -> bool:
        """Whether the namespace is the caller's."""
        request.scope[NAMESPACE] = namespace_id
        caller: Caller = request.scope[CALLER]
        return caller.may(namespace_id)

    async def prove(self, request: Request, keys: PublicKeys | None) -> None:
        """That the request is signed with these keys, the namespace's. Raises ProofRequired, ProofInvalid."""
        if keys is not None:
            signed = SignedRequest(request.method, self._target(request), dict(request.headers))
            self._prover.check(signed, await request.body(), keys, self._hub.node.clock.steady())
        elif self._always:
            # Whether a namespace has shown keys, which is whether it lives, is not for others to tell by the answer.
            raise ProofInvalid if "signature-input" in request.headers else ProofRequired

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
