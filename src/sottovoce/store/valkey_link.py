"""The line to Valkey: every call has a deadline, and while the server is away every call fails at once.

The library's client must be opened and closed by one task: the keeper. When a call fails for want of a server, the
keeper opens a new client, until one answers.
"""

import asyncio
import hashlib
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any, Final, TypeVar

import structlog
from anyio import connect_tcp, fail_after
from anyio.abc import ByteStream
from coredis import Redis, RedisCluster, Sentinel
from coredis.connection import TCPConnection, TCPLocation
from coredis.exceptions import NoScriptError, RedisError
from coredis.pool import ConnectionPool
from coredis.retry import NoRetryPolicy

from sottovoce.errors import SettingsInvalid, StoreUnavailable
from sottovoce.store.valkey_url import Servers

CONNECT_S: Final = 1.0
ANSWER_S: Final = 2.0
START_S: Final = 2 * CONNECT_S + 2 * ANSWER_S
AGAIN_S: Final = 0.25
CONNECTIONS: Final = 8
"""A call leaves its connection as soon as it is sent, so that few serve many."""
_TROUBLE = (RedisError, OSError, TimeoutError, ExceptionGroup)
_LIMITS: Final[dict[str, Any]] = {"connect_timeout": CONNECT_S, "stream_timeout": ANSWER_S}

Client = Redis[bytes] | RedisCluster[bytes]
Argument = str | bytes | int | float
Answer = TypeVar("Answer")
log = structlog.get_logger()


class Script:
    """A step in Lua, known by its digest once a server has it."""

    def __init__(self, name: str, prelude: str = "prelude") -> None:
        folder = files("sottovoce.store") / "lua"
        before = (folder / f"{prelude}.lua").read_text(encoding="utf-8") if prelude else ""
        self.text = before + (folder / f"{name}.lua").read_text(encoding="utf-8")
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """One node's line to the store."""

    def __init__(self, servers: Servers, password: str | None) -> None:
        self._servers = servers
        self._password = password
        self._client: Client | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._broken = asyncio.Event()
        self._why: BaseException | None = None
        self.on_return: Callable[[], Awaitable[None]] | None = None
        """Called when the store answers again."""
        self.calls = 0
        """There were since the start."""

    @property
    def is_cluster(self) -> bool:
        """Whether the keys of one step must share a hash tag."""
        return self._servers.form == "cluster"

    @property
    def up(self) -> bool:
        """Whether calls are let through."""
        return self._client is not None

    async def start(self) -> None:
        """Reach the store. Raises StoreUnavailable where that fails; starts no thread."""
        started = asyncio.get_running_loop().create_future()
        self._keeper = asyncio.create_task(self._keep(started))
        await started

    async def close(self) -> None:
        """Let go of it."""
        self._client = None
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def run(self, script: Script, keys: Sequence[str], *arguments: Argument) -> Any:
        """One atomic step. Raises StoreUnavailable."""

        async def evaluate(client: Client) -> Any:
            try:
                return await client.evalsha(script.digest, keys, arguments)
            except NoScriptError:
                await client.script_load(script.text)
                return await client.evalsha(script.digest, keys, arguments)

        return await self.call(evaluate)

    async def call(self, ask: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """What the client is asked, or StoreUnavailable."""
        client = self._client
        if client is None:
            raise StoreUnavailable
        self.calls += 1
        try:
            return await ask(client)
        except _TROUBLE as error:
            self._lose(client, error)
            raise StoreUnavailable from None

    def _lose(self, client: Client, error: BaseException) -> None:
        if self._client is client:
            self._client = None
            self._broken.set()
            log.warning("store_unavailable", error=type(error).__name__)

    async def _keep(self, started: "asyncio.Future[None]") -> None:
        """Open one client after the other, as each is lost."""
        lost_at: float | None = None
        while True:
            try:
                async with _open(self._servers, self._password, threads=started.done()) as client:
                    await client.ping()
                    self._broken.clear()
                    self._client = client
                    if not started.done():
                        started.set_result(None)
                    if lost_at is not None:
                        log.info("store_back", seconds=round(time.monotonic() - lost_at, 1))
                        lost_at = None
                        if self.on_return is not None:
                            await self.on_return()
                    await self._broken.wait()
            except Exception as error:  # noqa: BLE001 - whatever it is, another client may do better
                if not started.done():
                    started.set_exception(error if isinstance(error, SettingsInvalid) else _cannot_start(error))
                    return
            finally:
                self._client = None
            lost_at = lost_at or time.monotonic()
            await asyncio.sleep(AGAIN_S)


def _cannot_start(error: BaseException) -> StoreUnavailable:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return StoreUnavailable(
        f"The store that the settings name cannot be used ({type(error).__name__}): start it (valkey-server, or "
        "redis-server 7), or correct store and store_password_file"
    )


@asynccontextmanager
async def _open(servers: Servers, password: str | None, *, threads: bool) -> AsyncGenerator[Client, None]:
    """A client of those servers. `threads`: whether looking up their names may start some."""
    hosts = [TCPLocation(await _address(host, port, threads=threads), port) for host, port in servers.hosts]
    once = NoRetryPolicy()  # a call that may have been heard is not made again behind our back
    if servers.form == "cluster":
        cluster: RedisCluster[bytes] = RedisCluster(
            startup_nodes=hosts,
            decode_responses=False,
            password=password,
            retry_policy=once,
            pool_timeout=CONNECT_S,
            **_LIMITS,
        )
        async with cluster:
            yield cluster
    elif servers.form == "sentinel":
        sentinel = Sentinel(sentinels=hosts, retry_policy=once, **_LIMITS)
        primary = sentinel.primary_for(servers.name, password=password, db=servers.database, timeout=CONNECT_S)
        async with sentinel, primary:
            yield primary
    else:
        pool = ConnectionPool(
            connection_class=_connection_class(servers),
            location=hosts[0],
            max_connections=CONNECTIONS,
            timeout=CONNECT_S + ANSWER_S,
            password=password,
            db=servers.database,
            ssl_context=_tls(servers),
            **_LIMITS,
        )
        async with Redis(connection_pool=pool, retry_policy=once) as client:
            yield client


async def _address(host: str, port: int, *, threads: bool) -> str:
    """An IP address of the host. The loop looks names up in threads, and whoever has such cannot be locked down."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if threads:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    else:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])


def _tls(servers: Servers) -> ssl.SSLContext | None:
    """Raises SettingsInvalid for certificates that cannot be read."""
    if not servers.tls:
        return None
    try:
        return ssl.create_default_context(cafile=servers.ca_file)
    except (OSError, ssl.SSLError):
        raise SettingsInvalid("store: the file that ca_file names holds no certificates that can be read") from None


def _connection_class(servers: Servers) -> type[TCPConnection]:
    if not servers.tls:
        return TCPConnection
    name = servers.hosts[0][0]

    class Named(TCPConnection):
        """To an address that was looked up, held to be the host of the URL."""

        async def _connect(self) -> ByteStream:
            with fail_after(CONNECT_S):
                return await connect_tcp(
                    self.location.host,
                    self.location.port,
                    ssl_context=self._ssl_context,
                    tls_hostname=name,
                    tls_standard_compatible=False,
                )

    return Named
