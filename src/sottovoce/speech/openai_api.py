"""One OpenAI-compatible server, as the engines that use it see it: whether it answers, for how long, and how much."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx2
import structlog
from openai import APIStatusError, AsyncOpenAI

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech.base import EngineStatus
from sottovoce.speech.openai_faults import (
    NOT_FOUND,
    OF_THE_KEY,
    TROUBLE,
    EndlessError,
    NonsenseError,
    fault_of,
    is_of_the_server,
)
from sottovoce.speech.openai_models import CONNECT_S, listed_models
from sottovoce.speech.openai_url import Server

KEPT_CONNECTIONS: Final = 32
MOST_CONNECTIONS: Final = 1_000
KEPT_FOR_S: Final = 30.0
MOST_ERROR_BYTES: Final = 16 << 10
FIRST_RECHECK_S: Final = 0.5
LAST_RECHECK_S: Final = 5.0

log = structlog.get_logger()


class _Cut(httpx2.AsyncByteStream):
    """A body up to `most` bytes; what is beyond is not read (`silently`), or raises EndlessError."""

    def __init__(self, body: httpx2.AsyncByteStream, most: int, *, silently: bool) -> None:
        self._body = body
        self._left = most
        self._silently = silently

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            self._left -= len(piece)
            if self._left < 0:
                if self._silently:
                    return
                raise EndlessError
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


class OpenAIServer:
    """The connections to one server, and whether it answers.

    `most_bytes`: of one answer, beyond which it counts as endless. `engine`: a name for the log.
    """

    def __init__(self, server: Server, *, engine: str, most_bytes: int) -> None:
        self._server = server
        self._engine = engine
        self._most_bytes = most_bytes
        self._client: AsyncOpenAI | None = None
        self._waits: set[asyncio.Timeout] = set()
        self._trouble: EngineFault | None = None
        self._refused_with: int | None = None
        self._recheck: asyncio.Task[None] | None = None

    @property
    def client(self) -> AsyncOpenAI:
        """Raises EngineUnavailable before start() and after close()."""
        if self._client is None:
            raise EngineUnavailable(f"The engine at {self._server.base_url} is not started")
        return self._client

    def status(self) -> EngineStatus:
        """`waiting` are the answers that are being waited for. Not ready: the last thing known is that it fails."""
        return EngineStatus(ready=self._client is not None and self._trouble is None, waiting=len(self._waits))

    async def start(self) -> None:
        """Raises EngineUnavailable, saying what is wrong with the server, its address or the key."""
        if self._client is not None:
            return
        self._client = _connect(self._server, self._most_bytes)
        try:
            listed = await self._models()
        except TROUBLE as error:
            await self.close()
            raise EngineUnavailable(fault_of(error, self._server).message) from None
        except BaseException:
            await self.close()
            raise
        if listed and self._server.model not in listed:
            log.warning("model_not_listed", engine=self._engine, url=self._server.base_url, count=len(listed))

    async def close(self) -> None:
        """Break off what is being answered; who waits for it gets EngineUnavailable."""
        client, self._client = self._client, None
        self._trouble = None
        recheck, self._recheck = self._recheck, None
        if recheck is not None:
            recheck.cancel()
            await asyncio.gather(recheck, return_exceptions=True)
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0.0)
        if client is not None:
            await client.close()

    @asynccontextmanager
    async def asking(self, *, chosen: bool = False) -> AsyncGenerator[None, None]:
        """Around a request and the reading of its answer: whatever goes wrong becomes an EngineFault, and what it says
        of the server is remembered for the status. `chosen`: part of the request is a client's choice, so that the
        server may well know nothing of the kind."""
        try:
            yield
        except TROUBLE as error:
            if self._client is None:
                raise EngineUnavailable(f"The engine at {self._server.base_url} was closed") from None
            fault = fault_of(error, self._server)
            if is_of_the_server(error, chosen=chosen):
                self._note(error, fault)
            # Whoever prints the chain of exceptions would print what the server said.
            raise fault from None
        self._well()

    @asynccontextmanager
    async def waiting(self) -> AsyncGenerator[None, None]:
        """Around a wait of at most the URL's timeout, inside asking(); close() ends it."""
        async with asyncio.timeout(self._server.timeout_s) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    # -- whether it answers ------------------------------------------------------------------------------------------

    async def _models(self) -> frozenset[str]:
        async with self.waiting():
            return await listed_models(self._server)

    def _note(self, error: Exception, fault: EngineFault) -> None:
        if self._trouble is None:
            log.warning("engine_in_trouble", engine=self._engine, code=fault.code, reason=fault.message)
        self._trouble = fault
        self._refused_with = error.status_code if isinstance(error, APIStatusError) else None
        if self._recheck is None or self._recheck.done():
            self._recheck = asyncio.create_task(self._check_again())

    def _well(self) -> None:
        if self._trouble is not None:
            log.info("engine_recovered", engine=self._engine)
        self._trouble = None

    async def _check_again(self) -> None:
        """Until it answers: a node that is not ready may get no session that would show it."""
        delay_s = FIRST_RECHECK_S
        while self._trouble is not None:
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, LAST_RECHECK_S)
            with contextlib.suppress(*TROUBLE):
                if self._mended(await self._models()):
                    self._well()

    def _mended(self, listed: frozenset[str]) -> bool:
        if self._refused_with == NOT_FOUND:
            return self._server.model in listed
        # Of a key, the list says too little: many servers show it to anybody.
        return self._refused_with not in OF_THE_KEY


def _connect(server: Server, most_bytes: int) -> AsyncOpenAI:
    async def without_key(request: httpx2.Request) -> None:
        if server.key is None:
            request.headers.pop("Authorization", None)

    async def cut(response: httpx2.Response) -> None:
        body = response.stream
        if response.headers.get("content-encoding", "identity") != "identity":
            raise NonsenseError  # unasked for, and some kilobytes of it may unpack to gigabytes
        if isinstance(body, httpx2.AsyncByteStream):
            refused = response.status_code >= httpx2.codes.MULTIPLE_CHOICES
            response.stream = _Cut(body, MOST_ERROR_BYTES if refused else most_bytes, silently=refused)

    client = AsyncOpenAI(
        base_url=server.base_url,
        api_key=server.key or "none",  # the library would look for another in the environment
        max_retries=0,
        timeout=server.timeout_s,
        http_client=httpx2.AsyncClient(
            # Redirects are not followed: what was said goes to the server that was named, and to no other.
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(server.timeout_s, connect=min(CONNECT_S, server.timeout_s)),
            limits=httpx2.Limits(
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=KEPT_CONNECTIONS,
                keepalive_expiry=KEPT_FOR_S,
            ),
            event_hooks={"request": [without_key], "response": [cut]},
        ),
    )
    # The library takes these from the environment for OpenAI's own server; this one may be anybody's.
    client.organization = client.project = None
    return client
