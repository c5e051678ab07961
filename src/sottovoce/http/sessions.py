"""`/api/v1/sessions`."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from typing_extensions import TypedDict

from sottovoce.core.addresses import is_loopback
from sottovoce.errors import NamespaceNotAllowed
from sottovoce.http.access import Access
from sottovoce.http.origins import origin_of
from sottovoce.http.rates import CreationRates
from sottovoce.http.urls import WebSocketUrls
from sottovoce.live.asked import NewSession
from sottovoce.live.hub import Hub
from sottovoce.live.session import LiveSession
from sottovoce.vault.keys import PublicKeys, public_keys
from sottovoce.wire.views import ItemSaid, item_said, rfc3339

NamespaceId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\-]{1,128}$")]
DeviceType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_\-]{1,32}$")]
SessionId = str
TRUNCATED = 8
PLACE = r"^\d{1,12}(\.\d{1,9})?_[0-9a-f-]{1,36}$"


class ProofKey(BaseModel):
    """What signatures of the namespace are checked with."""

    model_config = ConfigDict(strict=True)

    alg: Literal["ed25519", "es256"]
    key: Annotated[str, StringConstraints(max_length=88)]


class PublicKeysShown(BaseModel):
    """A namespace's public keys, in base64url."""

    model_config = ConfigDict(strict=True)

    sealing: Annotated[str, StringConstraints(max_length=43)]
    proof: ProofKey


class SessionRequest(BaseModel):
    """Who opens a session, from what."""

    model_config = ConfigDict(strict=True)

    namespace_id: NamespaceId
    key_hash: str
    device_type: DeviceType
    client_version: Annotated[str, StringConstraints(max_length=64)]
    public_keys: PublicKeysShown | None = None


class SessionKeyHandedOver(TypedDict, total=False):
    """The session's key: sealed to the namespace's key, or plain to a client that has shown none. Base64url."""

    sealed: str
    plain: str


class SessionCreated(TypedDict):
    """A session that waits for its stream."""

    id: str
    namespace_id: str
    status: str
    created_at: str
    websocket_url: str


class SessionOpened(SessionCreated):
    """The answer to its creation, the only one with its key."""

    session_key: SessionKeyHandedOver


class SessionView(SessionCreated):
    """A session as it is now; `websocket_url` holds a ticket only when the session is created."""

    expires_at: str
    message_count: int
    pending_tasks: int
    turn: str


class SessionClosed(TypedDict):
    """Gone."""

    status: str
    session_id: str


class SessionStats(TypedDict):
    """Counts and times."""

    session_id_truncated: str
    status: str
    age_seconds: float
    message_count: int
    pending_tasks_count: int
    audio_chunks_received: int
    audio_chunks_processed: int
    device_type: str
    turn: str
    responses_count: int
    interruptions_count: int
    expires_in_seconds: float


class Transcript(TypedDict):
    """What was said in a session that lives."""

    items: list[ItemSaid]


class SessionPage(TypedDict):
    """Some of a namespace's live sessions, newest first."""

    sessions: list[SessionView]
    next: str | None


def router(hub: Hub, urls: WebSocketUrls, access: Access, rates: CreationRates) -> APIRouter:
    """The resource."""
    routes = APIRouter(prefix="/sessions", tags=["sessions"])

    async def view(live: LiveSession, base: str) -> SessionView:
        session = live.session
        return SessionView(
            id=live.id,
            namespace_id=live.record.namespace_id,
            status=str(session.status),
            created_at=rfc3339(live.record.created_at),
            websocket_url=urls.without_ticket(base, live.id),
            expires_at=rfc3339(live.record.expires_at),
            message_count=live.message_count,
            pending_tasks=await hub.desk.pending(live.id),
            turn=live.turn,
        )

    @routes.post("", summary="Open a session")
    async def create(body: SessionRequest, request: Request) -> SessionOpened:
        if not access.may(request, body.namespace_id):
            raise NamespaceNotAllowed
        new = NewSession(
            namespace_id=body.namespace_id,
            key_hash=body.key_hash,
            device_type=body.device_type,
            client_version=body.client_version,
            public_keys=None if body.public_keys is None else _shown(body.public_keys),
            origin=origin_of(request.headers),
        )
        shown = await hub.shown(new)  # first: whoever shows other keys than a registered namespace's uses up no rate
        await access.prove(request, await hub.keyring.known(body.namespace_id) or shown)
        rates.take(request, body.namespace_id)
        live, ticket = await hub.create(new)
        base = urls.base(request)
        created = _created(live, urls.with_ticket(base, live.id, ticket))
        from_here = request.client is not None and is_loopback(request.client.host)
        key = hub.keyring.hand_over(live.record, privately=base.startswith("wss:") or from_here)
        return SessionOpened(**created, session_key=SessionKeyHandedOver(**key))  # type: ignore[typeddict-item]

    @routes.get("", summary="The live sessions of a namespace, newest first")
    async def page(
        request: Request,
        namespace_id: Annotated[NamespaceId, Query()],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        after: Annotated[str | None, Query(pattern=PLACE)] = None,
    ) -> SessionPage:
        await access.namespace(request, namespace_id)
        found = await hub.sessions_of(namespace_id, limit + 1, _place(after))
        shown = found[:limit]
        return SessionPage(
            sessions=[await view(live, urls.base(request)) for live in shown],
            next=_shown_place(shown[-1]) if len(found) > limit else None,
        )

    @routes.get("/{session_id}", summary="A session as it is now")
    async def get(session_id: SessionId, request: Request) -> SessionView:
        return await view(hub.find(session_id), urls.base(request))

    @routes.delete("/{session_id}", summary="Close a session and forget it")
    async def delete(session_id: SessionId) -> SessionClosed:
        await hub.delete(session_id)
        return SessionClosed(status="closed", session_id=session_id)

    @routes.post("/{session_id}/resume", summary="A fresh address for a session whose connection dropped")
    async def resume(session_id: SessionId, request: Request) -> SessionCreated:
        live, ticket = hub.resume(session_id, origin_of(request.headers))
        return _created(live, urls.with_ticket(urls.base(request), live.id, ticket))

    @routes.get("/{session_id}/stats", summary="Counts and times of a session")
    async def stats(session_id: SessionId) -> SessionStats:
        live = hub.find(session_id)
        listening = live.runner.listening if live.runner is not None else None
        usage, now = live.usage(), hub.node.clock.wall()
        return SessionStats(
            session_id_truncated=live.id[:TRUNCATED],
            status=str(live.session.status),
            age_seconds=round(now - live.record.created_at, 3),
            message_count=live.message_count,
            pending_tasks_count=await hub.desk.pending(live.id),
            audio_chunks_received=listening.chunks_received if listening is not None else 0,
            audio_chunks_processed=listening.chunks_processed if listening is not None else 0,
            device_type=live.record.device_type,
            turn=live.turn,
            responses_count=usage["responses"],
            interruptions_count=usage["interruptions"],
            expires_in_seconds=round(max(0.0, live.record.expires_at - now), 3),
        )

    @routes.get("/{session_id}/transcript", summary="What was said so far, oldest first")
    async def transcript(session_id: SessionId) -> Transcript:
        return Transcript(items=[item_said(item) for item in hub.find(session_id).items])

    return routes


def _shown(keys: PublicKeysShown) -> PublicKeys:
    """Raises InvalidPublicKeys."""
    return public_keys(keys.sealing, keys.proof.alg, keys.proof.key)


def _shown_place(live: LiveSession) -> str:
    """Where the next page begins."""
    created_at, session_id = live.record.place
    return f"{created_at!r}_{session_id}"


def _place(shown: str | None) -> tuple[float, str] | None:
    if shown is None:
        return None
    created_at, _, session_id = shown.partition("_")
    return float(created_at), session_id


def _created(live: LiveSession, websocket_url: str) -> SessionCreated:
    """What the client needs to go on."""
    return SessionCreated(
        id=live.id,
        namespace_id=live.record.namespace_id,
        status=str(live.session.status),
        created_at=rfc3339(live.record.created_at),
        websocket_url=websocket_url,
    )
