"""`/health`, `/ready`, `/metrics`, `/receipts/keys`: at the root, for those who run the server."""

from typing import NotRequired

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from typing_extensions import TypedDict

from sottovoce.live.hub import Hub
from sottovoce.live.overview import Engine, engines
from sottovoce.vault.receipts import Signer


class Health(TypedDict):
    """The process answers."""

    status: str


class LinkReadiness(TypedDict):
    """How one engine of a chain fares."""

    name: str
    ready: bool
    breaker: str
    """`closed`, `half_open` or `open`: it failed too often, and is left alone for a while."""
    served: int
    failures: int


class EngineReadiness(TypedDict):
    """How an engine, or a chain of engines, fares."""

    name: str
    ready: bool
    workers: int
    restarts: int
    engines: NotRequired[list[LinkReadiness]]
    """Of a chain, in its order."""


class Readiness(TypedDict):
    """Whether sessions can be served."""

    status: str
    recogniser: EngineReadiness
    synthesiser: EngineReadiness
    end_of_turn: NotRequired[EngineReadiness]
    sessions_live: int
    loop_lag_ms: float
    lockdown: dict[str, str]
    """Part to `held`, `off` or `refused: ` and why."""


class ReceiptKeys(TypedDict):
    """A JWKS (RFC 7517)."""

    keys: list[dict[str, str]]


def router(hub: Hub, signer: Signer) -> APIRouter:
    """The resource."""
    routes = APIRouter(tags=["operations"])
    node = hub.node

    @routes.get("/health", summary="The process answers")
    async def health() -> Health:
        return Health(status="ok")

    @routes.get("/ready", summary="Sessions can be served", responses={503: {"model": Readiness}})
    async def ready(response: Response) -> Readiness:
        hears, speaks, *judges = engines(node)
        all_ready = hears.ready and speaks.ready
        if not all_ready:
            response.status_code = 503
        readiness = Readiness(
            status="ready" if all_ready else "not_ready",
            recogniser=_readiness(hears),
            synthesiser=_readiness(speaks),
            sessions_live=hub.live,
            loop_lag_ms=round(hub.lag_s * 1000, 1),
            lockdown={part.name: f"{part.state}: {part.why}" if part.why else str(part.state) for part in hub.lockdown},
        )
        for judge in judges:  # without it, turns end all the same
            readiness["end_of_turn"] = _readiness(judge)
        return readiness

    @routes.get("/receipts/keys", summary="What receipts of erasure are checked with")
    async def receipt_keys() -> ReceiptKeys:
        return ReceiptKeys(keys=[signer.public])

    @routes.get("/metrics", summary="Counts and times, for Prometheus", response_class=Response)
    async def metrics() -> Response:
        for role, engine in (("recogniser", node.recogniser), ("synthesiser", node.synthesiser)):
            node.metrics.engine_fares(role, engine.status())
        return Response(generate_latest(node.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _readiness(engine: Engine) -> EngineReadiness:
    readiness = EngineReadiness(name=engine.name, ready=engine.ready, workers=engine.workers, restarts=engine.restarts)
    if engine.links:
        readiness["engines"] = [
            LinkReadiness(
                name=link.name, ready=link.ready, breaker=link.breaker, served=link.served, failures=link.failures
            )
            for link in engine.links
        ]
    return readiness
