"""The whole HTTP face as one ASGI application."""

from collections.abc import Collection

from fastapi import APIRouter, FastAPI
from starlette.routing import WebSocketRoute
from starlette.types import Lifespan

from sottovoce import __version__
from sottovoce.http import operations, problems, sessions, tasks
from sottovoce.http.limits import BodyLimit
from sottovoce.http.stream import VoiceStream
from sottovoce.http.urls import STREAM_PATH, WebSocketUrls
from sottovoce.live.hub import Hub


def make_api(
    hub: Hub, lifespan: Lifespan[FastAPI], *, public_url: str | None, trusted_proxies: Collection[str]
) -> FastAPI:
    """REST, the stream, and what operators need."""
    app = FastAPI(
        title="Sottovoce",
        summary="Voice sessions that keep nothing.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # both pages would load from another host
        redoc_url=None,
    )
    problems.install(app)
    app.add_middleware(BodyLimit)
    v1 = APIRouter(prefix="/api/v1")
    v1.include_router(sessions.router(hub, WebSocketUrls(public_url, trusted_proxies)))
    v1.include_router(tasks.router(hub))
    app.include_router(v1)
    app.include_router(operations.router(hub))
    app.router.routes.append(WebSocketRoute(STREAM_PATH, VoiceStream(hub)))
    return app
