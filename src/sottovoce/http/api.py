"""The whole HTTP face as one ASGI application."""

from collections.abc import Collection

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import WebSocketRoute
from starlette.types import Lifespan

from sottovoce import __version__
from sottovoce.http import examples, namespaces, operations, operator_page, pages, problems, sessions, tasks
from sottovoce.http.access import Access
from sottovoce.http.audit_log import AuditLog
from sottovoce.http.callers import Callers, Gate
from sottovoce.http.doors import Door
from sottovoce.http.limits import BodyLimit
from sottovoce.http.origins import Origins
from sottovoce.http.rates import CreationRates
from sottovoce.http.stream import VoiceStream
from sottovoce.http.urls import STREAM_PATH, WebSocketUrls
from sottovoce.live.hub import Hub
from sottovoce.live.rights import Rights
from sottovoce.vault.receipts import Signer


def make_api(
    hub: Hub,
    lifespan: Lifespan[FastAPI],
    *,
    public_url: str | None,
    trusted_proxies: Collection[str],
    allowed_origins: Collection[str],
    operator: Door | None,
    gate: Gate,
    proof_always: bool,
    rates: CreationRates,
    rights: Rights,
    signer: Signer,
    audit_log: bool,
) -> FastAPI:
    """REST, the stream, the pages, and what operators need; the operator page only if there is a door to it."""
    app = FastAPI(
        title="Sottovoce",
        summary="Voice sessions that keep nothing.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # both pages would load from another host
        redoc_url=None,
        redirect_slashes=False,  # to an address made of the request's Host, over http behind a proxy that ends TLS
    )
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Callers, gate=gate)
    if audit_log:
        app.add_middleware(AuditLog, clock=hub.node.clock.steady)
    if allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allowed_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Content-Digest", "Signature", "Signature-Input"],
            expose_headers=["Retry-After"],
        )
    urls = WebSocketUrls(public_url, trusted_proxies)
    access = Access(hub, public_url, always=proof_always)
    v1 = APIRouter(prefix="/api/v1", dependencies=[Depends(access)])
    v1.include_router(sessions.router(hub, urls, access, rates))
    v1.include_router(namespaces.router(rights, access, signer, public_url or "sottovoce", hub.node.clock.wall))
    v1.include_router(tasks.router(hub))
    v1.include_router(examples.router(hub))
    app.include_router(v1)
    app.include_router(operations.router(hub, signer))
    app.router.routes.append(WebSocketRoute(STREAM_PATH, VoiceStream(hub, Origins(public_url, allowed_origins))))
    if operator is not None:
        operator_page.install(app, hub, operator)
    pages.install(app, urls.public_base)
    return app
