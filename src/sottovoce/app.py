"""The composition root: the one file that names concrete stores, engines and engines of tasks."""

import errno
import gc
import logging
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
import uvicorn
from fastapi import FastAPI

from sottovoce import logs
from sottovoce.core.session import SessionLimits
from sottovoce.errors import SettingsInvalid, SottovoceError
from sottovoce.http.api import make_api
from sottovoce.http.callers import CredentialGate, Gate, OpenGate
from sottovoce.http.doors import Door, LoopbackDoor, PasswordDoor
from sottovoce.http.heads import LimitedProtocol
from sottovoce.http.rates import CreationRates
from sottovoce.http.transport import VoiceProtocol
from sottovoce.live.census import Census
from sottovoce.live.clock import Clock
from sottovoce.live.hub import Hub, HubLimits
from sottovoce.live.keyring import Keyring
from sottovoce.live.metrics import Metrics
from sottovoce.live.node import Node, totals
from sottovoce.live.recent import Trend
from sottovoce.live.rights import Rights
from sottovoce.orchestrator.base import LanguageModel, Message, Orchestrator, ToolServers, Written
from sottovoce.orchestrator.commander import CommandOrchestrator
from sottovoce.orchestrator.mcp.base import Address, McpServer, Program
from sottovoce.orchestrator.model import ModelOrchestrator
from sottovoce.orchestrator.skills import Skill, Skills
from sottovoce.settings import McpServerSettings, Settings
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser
from sottovoce.speech.chain_hearing import ChainRecogniser
from sottovoce.speech.chain_speaking import ChainSynthesiser
from sottovoce.speech.detector import Detector
from sottovoce.speech.registry import make_engine, make_recogniser, make_synthesiser, make_turn_judge
from sottovoce.store.memory import MemoryStore
from sottovoce.tasks.local import LocalTasks
from sottovoce.tasks.sealed import SealedTasks
from sottovoce.vault import lockdown
from sottovoce.vault.api_keys import ApiKeys
from sottovoce.vault.receipts import Signer, read_key
from sottovoce.vault.session_keys import SessionKeys
from sottovoce.vault.tokens import Issuer, Tokens

MAX_MESSAGE_BYTES = 64 * 1024
BACKLOG = 2048
SHUTDOWN_S = 5
HOURS = 3600.0
GC_THRESHOLDS = (5_000, 10, 1_000)
"""Thousands of sessions are young objects that live on: looking through them less often makes creating one a tenth
cheaper, and as cheap with 50,000 live as with 10 (bench/creates.py)."""


def make_hub(settings: Settings) -> Hub:
    """Everything but the HTTP face. Raises SottovoceError for what the operator can mend."""
    tools: dict[str, Skill] = {}
    skills = Skills.installed().together_with(tools)
    context = EngineContext(grammars=skills.grammars, workers=settings.engine_workers, lockdown=settings.lockdown)
    clock, census = Clock(), Census()
    metrics = Metrics(clock.steady)
    recogniser = _recogniser(settings, context, metrics)
    store = MemoryStore(pin_keys=settings.encryption_enabled and settings.namespaces != "open")
    commander = CommandOrchestrator(
        skills, clock=clock.wall, zone=_zone(settings.timezone), answers_free_text=recogniser.answers_free_text
    )
    node = Node(
        recogniser=recogniser,
        synthesiser=_synthesiser(settings, context, metrics),
        orchestrator=_thinker(settings, skills, context, metrics, commander),
        endings=commander,
        turn_judge=None if settings.end_of_turn is None else make_turn_judge(settings.end_of_turn, context),
        detector=Detector(),
        clock=clock,
        metrics=metrics,
        census=census,
        trend=Trend(lambda: totals(metrics, census)),
        tool_servers=_mcp_servers(settings, tools),
    )
    keys = SessionKeys()
    records = SealedTasks(store, keys)
    tasks = LocalTasks(skills, records, clock=clock.wall, zone=_zone(settings.timezone))
    hub = Hub(
        node,
        store,
        tasks,
        records=records,
        keyring=Keyring(store, keys, settings.registered_namespaces if settings.namespaces == "registered" else None),
        limits=HubLimits(
            sessions_per_namespace=settings.max_sessions_per_user,
            sessions=settings.max_sessions,
            lag_s=settings.max_lag_ms / 1000,
        ),
        session_limits=SessionLimits(
            connect_s=settings.connect_timeout_seconds,
            grace_s=settings.grace_seconds,
            idle_s=settings.idle_timeout_seconds,
            ttl_s=settings.session_ttl_hours * HOURS,
        ),
    )
    tasks.on_update = hub.on_task
    return hub


def _mcp_servers(settings: Settings, tools: dict[str, Skill]) -> ToolServers | None:
    """Whose tools are put into `tools`. Raises SettingsInvalid for one that cannot be used as it is."""
    if not settings.mcp_servers:
        return None
    try:
        from sottovoce.orchestrator.mcp.servers import McpServers  # noqa: PLC0415 - an extra
    except ImportError:
        raise SettingsInvalid(
            "mcp_servers needs the package mcp: install Sottovoce with its extra mcp (pip install 'sottovoce[mcp]')"
        ) from None
    return McpServers([_mcp_server(name, each) for name, each in settings.mcp_servers.items()], tools)


def _mcp_server(name: str, settings: McpServerSettings) -> McpServer:
    place: Program | Address
    if settings.command is not None:
        env = {name: value.get_secret_value() for name, value in settings.env.items()}
        place = Program(command=settings.command, args=settings.args, env=env)
    else:
        try:
            place = Address(url=settings.url or "", headers=settings.headers())
        except (OSError, ValueError) as error:
            raise SettingsInvalid(f"mcp_servers.{name}: {error}") from None
    return McpServer(name=name, place=place, confirm=settings.confirm, timeout_s=settings.timeout_seconds)


def _thinker(
    settings: Settings, skills: Skills, context: EngineContext, metrics: Metrics, commander: CommandOrchestrator
) -> Orchestrator:
    """The grammar alone or, where the settings name one, the grammar before a language model."""
    if settings.model is None:
        return commander
    return ModelOrchestrator(
        commander,
        cast("LanguageModel", make_engine(settings.model, "model", context)),
        skills,
        context_tokens=settings.model_context_tokens,
        failed=lambda code: metrics.model_failures.labels(code).inc(),
    )


async def model_answers(settings: Settings, text: str) -> str:
    """What the language model of the settings writes to that text; empty: nothing. Raises EngineFault."""
    if settings.model is None:
        return ""
    model: LanguageModel = make_engine(settings.model, "model", EngineContext(grammars={}))
    try:
        async with aclosing(model.write([Message(role="user", text=text)], ())) as pieces:
            return "".join([piece.text async for piece in pieces if isinstance(piece, Written)])
    finally:
        await model.close()


def _recogniser(settings: Settings, context: EngineContext, metrics: Metrics) -> Recogniser:
    engines = [make_recogniser(url, context) for url in settings.recogniser]
    if len(engines) == 1:
        return engines[0]
    told = metrics.engine_teller("recogniser")
    return ChainRecogniser(engines, deadline_s=settings.engine_deadline_seconds, told=told)


def _synthesiser(settings: Settings, context: EngineContext, metrics: Metrics) -> Synthesiser:
    engines = [make_synthesiser(url, context) for url in settings.synthesiser]
    if len(engines) == 1:
        return engines[0]
    told = metrics.engine_teller("synthesiser")
    return ChainSynthesiser(engines, deadline_s=settings.engine_deadline_seconds, told=told)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsInvalid(f"timezone: there is no time zone {name}; one is Europe/Berlin") from None


def make_app(settings: Settings) -> FastAPI:
    """The server as an ASGI application; its process is not locked down, being another's.

    Raises SottovoceError for what the operator can mend.
    """
    return _api(make_hub(settings), settings, [], lambda: ())


def make_config(
    hub: Hub,
    settings: Settings,
    failures: list[SottovoceError],
    lock: Callable[[], tuple[lockdown.Part, ...]] = lambda: (),
) -> uvicorn.Config:
    """How uvicorn is to serve; what keeps the engines from starting is added to `failures`. `lock` is called once they
    have started, before clients can come."""
    return uvicorn.Config(
        _api(hub, settings, failures, lock),
        loop="uvloop",
        http=LimitedProtocol,
        ws=VoiceProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )


def _api(
    hub: Hub, settings: Settings, failures: list[SottovoceError], lock: Callable[[], tuple[lockdown.Part, ...]]
) -> FastAPI:
    tools = hub.node.tool_servers

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
        try:
            if tools is not None:
                tools.start()
            await hub.start()
            hub.lockdown = lock()
            if tools is not None:
                await tools.connect()
        except SottovoceError as error:
            failures.append(error)
            if tools is not None:
                await tools.close()
            raise
        # What stands now stands for good: the collector need not walk it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        try:
            yield
        finally:
            await hub.stop()
            if tools is not None:
                await tools.close()

    return make_api(
        hub,
        lifespan,
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
        allowed_origins=settings.allowed_origins,
        gate=_gate(settings, hub.node.clock),
        proof_always=settings.proof == "always",
        rates=CreationRates(
            settings.trusted_proxies,
            by_namespace=settings.creates_per_minute,
            by_address=settings.creates_per_minute_address,
            reached_by_others=settings.reached_by_others,
            clock=hub.node.clock.steady,
        ),
        rights=Rights(hub),
        signer=Signer(None if settings.receipt_key is None else read_key(settings.receipt_key)),
        audit_log=settings.credentials if settings.audit_log is None else settings.audit_log,
        operator=_operator_door(settings, hub.node.clock),
    )


def _gate(settings: Settings, clock: Clock) -> Gate:
    """Raises SettingsInvalid for a file of API keys that cannot be read."""
    if not settings.credentials:
        return OpenGate([*settings.allowed_origins, *filter(None, [settings.public_url])])
    tokens = None
    if settings.jwks_url is not None:
        issuer = Issuer(
            jwks_url=settings.jwks_url,
            name=settings.jwt_issuer or "",
            audience=settings.jwt_audience or "",
            namespaces_claim=settings.jwt_namespaces_claim,
        )
        tokens = Tokens(issuer, clock.steady)
    return CredentialGate(None if settings.api_keys is None else ApiKeys(settings.api_keys), tokens, clock)


def _operator_door(settings: Settings, clock: Clock) -> Door | None:
    if not settings.operator:
        return None
    if settings.operator_password is None:
        return LoopbackDoor()
    return PasswordDoor(settings.operator_password.get_secret_value(), settings.trusted_proxies, clock.steady)


def serve(settings: Settings, listening: Callable[[str], None]) -> None:
    """Serve until stopped; `listening(url)` is called once clients can come.

    Raises SottovoceError for what the operator can mend: a taken port, an engine that is not there.
    """
    logs.configure(level=settings.log_level, form=settings.log_format)
    failures: list[SottovoceError] = []
    hub = make_hub(settings)
    config = make_config(hub, settings, failures, lambda: _locked(settings.lockdown))
    with _listen(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host

        def started() -> None:
            listening(f"http://{host}:{port}")
            _tell_lockdown(hub.lockdown)

        server = _Server(config, hub, started)
        library, wanted = logging.getLogger("uvicorn.error"), lambda _record: not failures
        library.addFilter(wanted)  # of a failure that we tell, it would tell too, without a word of why
        try:
            server.run(sockets=[listener])
        except SystemExit:  # the library's, where the application does not start; we say why
            if not failures:
                raise
        finally:
            library.removeFilter(wanted)
    if failures:
        raise failures[0]


def _locked(mode: lockdown.Mode) -> tuple[lockdown.Part, ...]:
    """Lock this process down. Raises SettingsInvalid where `strict` is refused something."""
    try:
        return lockdown.apply(mode)
    except lockdown.RefusedError as error:
        raise SettingsInvalid(str(error)) from None


def _tell_lockdown(parts: tuple[lockdown.Part, ...]) -> None:
    """In one line of the log."""
    log = structlog.get_logger()
    refused = [f"{part.name}: {part.why}" for part in parts if part.state is lockdown.State.REFUSED]
    if all(part.state is lockdown.State.OFF for part in parts):
        log.warning("lockdown_off", reason="this process can write what is said: set lockdown to on")
    elif refused:
        log.warning("lockdown_in_part", count=len(parts) - len(refused), reason="; ".join(refused))
    else:
        log.info("lockdown_holds", count=len(parts))


class _Server(uvicorn.Server):
    """Says when it listens, and lets sessions say goodbye before their streams are closed."""

    def __init__(self, config: uvicorn.Config, hub: Hub, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As the library does, and a word when that is done."""
        await super().startup(sockets)
        if self.started:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As the library does, once nobody is spoken to any more."""
        await self._hub.drain()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=BACKLOG
        )
    except OSError as error:
        # Not its own text, which says the address again; only for names that are not found there is no other.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        mend = "If another server is there, take another port: sottovoce serve --port 9000"
        if error.errno != errno.EADDRINUSE:
            mend = "Take an address of this machine (127.0.0.1), and a port that you may use (1024 and up)"
        raise SettingsInvalid(f"Cannot listen on {host}:{port} ({reason}). {mend}") from None
