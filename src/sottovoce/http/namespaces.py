"""`/api/v1/namespaces`: what is held of a namespace, and the end of all of it."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request
from typing_extensions import TypedDict

from sottovoce.http.access import Access
from sottovoce.http.sessions import NamespaceId
from sottovoce.live.rights import Rights
from sottovoce.vault.receipts import Signer, hash_of
from sottovoce.wire.views import rfc3339


class NamespaceView(TypedDict):
    """What is held of a namespace: counts and times."""

    namespace_id: str
    live_sessions: int
    ended_sessions: int
    messages: int
    tasks: int
    key_hash: str | None
    public_keys: bool
    held_until: str | None


class NamespaceErased(TypedDict):
    """Counts of what is gone, and the receipt for it."""

    namespace_id: str
    sessions: int
    messages: int
    tasks: int
    receipt: str
    """JWS in compact form: the same counts, and hashes in place of ids."""
    receipt_key: dict[str, str]
    """What the receipt is checked with, as a JWK; also under /receipts/keys."""


def router(rights: Rights, access: Access, signer: Signer, issuer: str, now: Callable[[], float]) -> APIRouter:
    """The resource. `issuer`: who the receipts are from; `now()`: seconds since the epoch."""
    routes = APIRouter(prefix="/namespaces", tags=["namespaces"])

    @routes.get("/{namespace_id}", summary="What is held of a namespace, and until when")
    async def get(namespace_id: Annotated[NamespaceId, Path()], request: Request) -> NamespaceView:
        await access.namespace(request, namespace_id)
        held = await rights.held(namespace_id)
        return NamespaceView(
            namespace_id=namespace_id,
            live_sessions=held.live_sessions,
            ended_sessions=held.ended_sessions,
            messages=held.messages,
            tasks=held.tasks,
            key_hash=held.key_hash,
            public_keys=held.public_keys,
            held_until=None if held.until is None else rfc3339(held.until),
        )

    @routes.delete("/{namespace_id}", summary="Erase all of a namespace, with a signed receipt")
    async def delete(namespace_id: Annotated[NamespaceId, Path()], request: Request) -> NamespaceErased:
        await access.namespace(request, namespace_id)
        erased = await rights.erase(namespace_id)
        receipt = signer.sign(
            {
                "iss": issuer,
                "iat": int(now()),
                "namespace": hash_of(namespace_id),
                "sessions": erased.sessions,
                "messages": erased.messages,
                "tasks": erased.tasks,
                "session_hashes": list(erased.session_hashes),
            }
        )
        return NamespaceErased(
            namespace_id=namespace_id,
            sessions=erased.sessions,
            messages=erased.messages,
            tasks=erased.tasks,
            receipt=receipt,
            receipt_key=signer.public,
        )

    return routes
