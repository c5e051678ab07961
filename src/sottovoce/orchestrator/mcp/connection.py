"""The connection to one MCP server: made, used, lost and made again."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final

import msgspec
import structlog
from mcp import Client, MCPError
from mcp.client._transport import TransportStreams
from mcp.client.subscriptions import SubscriptionLost
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from sottovoce import __version__
from sottovoce.orchestrator.mcp.base import Answer, McpServer, OnProgress, Program
from sottovoce.orchestrator.mcp.http import http_streams
from sottovoce.orchestrator.mcp.schema import UnusableSchemaError
from sottovoce.orchestrator.mcp.stdio import Keeper, program_streams
from sottovoce.orchestrator.mcp.tools import ToolSkill, skill_of
from sottovoce.orchestrator.skills import SkillFailed

CONNECT_S: Final = 10.0
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
HELD_S: Final = 30.0
"""A connection that held for so long was a good one: the next attempt comes soon again."""
TOOLS_AT_MOST: Final = 128
PAGES_AT_MOST: Final = 20
CALLS_AT_ONCE: Final = 32
TEXT_CHARACTERS: Final = 32_000
STRUCTURED_BYTES: Final = 64 * 1024
SETTLES_S: Final = 0.2
"""After word that the tools have changed: more of it usually follows."""
LISTENS_AGAIN_S: Final = 30.0
PROGRESS_CHARACTERS: Final = 200
LATER_S: Final = 5.0
"""The library's own deadline comes so long after ours."""

log = structlog.get_logger()


class Connection:
    """Implements mcp.base.Caller. `offer(skills)` is called with its tools, each time they are known anew."""

    def __init__(self, server: McpServer, offer: Callable[[Sequence[ToolSkill]], None]) -> None:
        self.server = server
        self.tried = asyncio.Event()
        """It is there, or the first attempt has failed."""
        self._offer = offer
        self._keeper = Keeper(server.place) if isinstance(server.place, Program) else None
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._changed = asyncio.Event()
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._life: asyncio.Task[None] | None = None

    # -- its own life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Before the lockdown: start what starts its program."""
        if self._keeper is not None:
            self._keeper.start()

    def connect(self) -> None:
        """After it: connect, and go on doing so."""
        self._life = asyncio.create_task(self._live())

    async def close(self) -> None:
        """Let go of it; its program is gone when this returns."""
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life
        if self._keeper is not None:
            await self._keeper.close()

    async def _live(self) -> None:
        loop, pause_s = asyncio.get_running_loop(), FIRST_PAUSE_S
        while True:
            began = loop.time()
            try:
                await self._hold()
                log.warning("mcp_server_lost", engine=self.server.name)
            except Exception as error:  # noqa: BLE001 - whatever a server does is its own failure
                log.warning("mcp_server_failed", engine=self.server.name, error=_leaf(error))
            self.tried.set()
            if loop.time() - began > HELD_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - so that not all come at once
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _hold(self) -> None:
        """One connection, until it is lost."""
        self._lost, self._changed = asyncio.Event(), asyncio.Event()
        client = Client(
            self._streams(),
            read_timeout_seconds=self.server.timeout_s + LATER_S,
            message_handler=self._heard,
            client_info=Implementation(name="sottovoce", version=__version__),
            cache=None,
        )
        async with _within(client, CONNECT_S):
            async with asyncio.timeout(CONNECT_S):
                skills = await self._skills(client)
            self._offer(skills)
            self._client = client
            self.tried.set()
            log.info("mcp_server_connected", engine=self.server.name, count=len(skills))
            try:
                await self._until_lost(client)
            finally:
                self._client = None

    def _streams(self) -> AbstractAsyncContextManager[TransportStreams]:
        if isinstance(self.server.place, Program):
            assert self._keeper is not None  # noqa: S101 - made with it
            return program_streams(self._keeper, self._lost)
        return http_streams(self.server.place)

    async def _until_lost(self, client: Client) -> None:
        """Keep the tools as they are there."""
        listening = asyncio.create_task(self._listen(client))
        try:
            await self._refresh(client)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _refresh(self, client: Client) -> None:
        while not self._lost.is_set():
            lost, changed = (asyncio.ensure_future(each.wait()) for each in (self._lost, self._changed))
            try:
                await asyncio.wait({lost, changed}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                lost.cancel()
                changed.cancel()
            if self._changed.is_set() and not self._lost.is_set():
                await asyncio.sleep(SETTLES_S)
                self._changed.clear()
                async with asyncio.timeout(CONNECT_S):
                    self._offer(await self._skills(client))

    async def _heard(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    async def _listen(self, client: Client) -> None:
        """Since MCP 2026-07-28, servers say that their tools have changed only to those who listen for it."""
        tools = client.server_capabilities.tools
        while tools is not None and tools.list_changed and client.protocol_version in MODERN_PROTOCOL_VERSIONS:
            with suppress(MCPError, SubscriptionLost, TimeoutError):
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        self._changed.set()
            await asyncio.sleep(LISTENS_AGAIN_S)
            self._changed.set()  # whatever was said meanwhile

    async def _skills(self, client: Client) -> list[ToolSkill]:
        tools = await _tools(client)
        skills, unusable = {}, 0
        for tool in tools:
            try:
                skill = skill_of(tool, self)
            except UnusableSchemaError:
                unusable += 1
                continue
            skills[skill.name] = skill
        if unusable:
            log.warning("mcp_tools_unusable", engine=self.server.name, count=unusable)
        return list(skills.values())

    # -- calls -------------------------------------------------------------------------------------------------------

    async def call(self, tool: str, arguments: Mapping[str, Any], on_progress: OnProgress) -> Answer:
        """See Caller."""
        try:
            async with asyncio.timeout(self.server.timeout_s), self._places:
                return await self._called(tool, arguments, on_progress)
        except TimeoutError:
            raise SkillFailed(
                f"The MCP server {self.server.name} did not answer within {self.server.timeout_s:.0f} s"
            ) from None
        except MCPError as error:
            if error.code == CONNECTION_CLOSED:
                self._lost.set()
                raise self._failed("was lost meanwhile") from None
            raise self._failed(f"refused the call (code {error.code})") from None
        except (ValidationError, RuntimeError, ValueError):
            raise self._failed("answered what is no answer") from None
        except OSError:
            self._lost.set()
            raise self._failed("cannot be reached") from None

    async def _called(self, tool: str, arguments: Mapping[str, Any], on_progress: OnProgress) -> Answer:
        client = self._client
        if client is None:
            raise self._failed("is not connected now")

        async def on_sent(progress: float, total: float | None, message: str | None) -> None:
            share = min(1.0, max(0.0, progress / total)) if total else None
            await on_progress(share, message[:PROGRESS_CHARACTERS] if message else None)

        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        # Not Client.call_tool: that checks answers by the server's own regular expressions, which may take for ever.
        result = await client.session.send_request(request, CallToolResult, progress_callback=on_sent)
        return _answer(result)

    def _failed(self, what: str) -> SkillFailed:
        return SkillFailed(f"The MCP server {self.server.name} {what}")


@asynccontextmanager
async def _within(client: Client, seconds: float) -> AsyncGenerator[None, None]:
    """Connected, within so many seconds; raises TimeoutError."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(seconds):
            await stack.enter_async_context(client)
        yield


async def _tools(client: Client) -> list[Tool]:
    """All that the server lists, in bounds."""
    tools: list[Tool] = []
    cursor: str | None = None
    for _ in range(PAGES_AT_MOST):
        page = await client.session.list_tools(params=PaginatedRequestParams(cursor=cursor) if cursor else None)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None or len(tools) >= TOOLS_AT_MOST:
            break
    return tools[:TOOLS_AT_MOST]


def _answer(result: CallToolResult) -> Answer:
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    structured: Any = result.structured_content
    if not isinstance(structured, dict) or len(msgspec.json.encode(structured)) > STRUCTURED_BYTES:
        structured = None
    return Answer(
        text="\n".join(texts)[:TEXT_CHARACTERS],
        structured=structured,
        is_error=bool(result.is_error),
        left_out=len(result.content) - len(texts),
    )


def _leaf(error: BaseException) -> str:
    """The name of what went wrong, in a group of errors too."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
