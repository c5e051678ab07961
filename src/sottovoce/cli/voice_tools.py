"""Voice sessions as the tools of an MCP server, over a server's REST interface and streams."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from typing_extensions import TypedDict

from sottovoce import __version__
from sottovoce.client import (
    ItemSaid,
    StreamClosed,
    TaskView,
    VoiceClient,
    VoiceSession,
    client_events,
    server_events,
)
from sottovoce.client.events import decode
from sottovoce.client.progress import Progress
from sottovoce.errors import SottovoceError, TaskConflict

ANSWER_S: Final = 120.0
"""How long an answer to what is typed may take."""
UNREAD_AT_MOST: Final = 100
TEXT_CHARACTERS: Final = 4_000
INSTRUCTIONS: Final = (
    "Voice sessions of a Sottovoce server. Start one, and either give its websocket_url to whoever is to speak in it "
    "(within 30 seconds), or say things in it yourself, in writing. What was said is gone when the session ends."
)
READS: Final = ToolAnnotations(read_only_hint=True)
ADDS: Final = ToolAnnotations(read_only_hint=False, destructive_hint=False)
ENDS: Final = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)

P = ParamSpec("P")
T = TypeVar("T")


class SessionStarted(TypedDict):
    """A new session."""

    session_id: str
    namespace: str
    websocket_url: str
    """Good for one connection, within 30 s."""


class Answered(TypedDict):
    """What came of something said."""

    answers: list[str]
    """What the session said since it was last asked, oldest first."""
    tasks_at_work: int


class SessionOver(TypedDict):
    """Closed and forgotten."""

    session_id: str
    status: str


class Held:
    """A session that this process is connected to: it types, and reads what is answered."""

    def __init__(self, session: VoiceSession) -> None:
        self._session = session
        self._progress = Progress()
        self._unread: list[str] = []
        self._heard = asyncio.Condition()
        self._one_at_a_time = asyncio.Lock()
        self._reading = asyncio.create_task(self._read())

    @property
    def over(self) -> bool:
        """Whether the stream has ended."""
        return self._reading.done()

    async def say(self, text: str) -> Answered:
        """Type something, and wait for all that is answered to it. Raises StreamClosed, TimeoutError."""
        async with self._one_at_a_time:
            self._progress.asked(await self._session.send_text(text))
            async with asyncio.timeout(ANSWER_S), self._heard:
                await self._heard.wait_for(lambda: self._progress.settled(0) or self.over)
        answers, self._unread = self._unread, []
        return Answered(answers=answers, tasks_at_work=self._progress.tasks_at_work)

    async def close(self) -> None:
        """End the session, and with it the connection."""
        await self._session.close()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def _read(self) -> None:
        try:
            async for message in self._session.messages():
                if isinstance(message, bytes):
                    continue
                event = decode(message)
                self._progress.receive(event)
                match event:
                    case server_events.ResponseOutputTextDone():
                        self._unread = [*self._unread, event.text][-UNREAD_AT_MOST:]
                    case server_events.ResponseOutputAudioTranscriptDone():
                        self._unread = [*self._unread, event.transcript][-UNREAD_AT_MOST:]
                async with self._heard:
                    self._heard.notify_all()
        except StreamClosed:
            return
        finally:
            async with self._heard:
                self._heard.notify_all()


class VoiceTools:
    """The tools. `make_client(namespace)` makes the client of a namespace. Raises what that raises."""

    def __init__(self, namespace: str, make_client: Callable[[str], VoiceClient]) -> None:
        self._namespace = namespace
        self._make_client = make_client
        self._clients = {namespace: make_client(namespace)}
        self._owners: dict[str, VoiceClient] = {}
        """Of the sessions that were started here."""
        self._held: dict[str, Held] = {}

    async def start_voice_session(self, namespace: str | None = None) -> SessionStarted:
        """Start a voice session. Give websocket_url to the voice client that is to speak in it, within 30 seconds, or
        use say: then this server connects to it."""
        name = namespace or self._namespace
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self._make_client(name)
        opened = await client.create()
        self._owners[opened.id] = client
        return SessionStarted(session_id=opened.id, namespace=name, websocket_url=opened.websocket_url)

    async def read_transcript(self, session_id: str) -> list[ItemSaid]:
        """What was said in a voice session so far, oldest first. There is nothing any more once it has ended."""
        return await self._owner(session_id).at(session_id).transcript()

    async def say(self, session_id: str, text: str) -> Answered:
        """Say something in a voice session, in writing, as its user would, and get what is answered. Only while nobody
        else is connected to it."""
        if not text.strip() or len(text) > TEXT_CHARACTERS:
            raise ToolError(f"A text has 1 to {TEXT_CHARACTERS} characters")
        held = self._held.get(session_id)
        if held is None or held.over:
            held = await self._hold(session_id)
        try:
            return await held.say(text)
        except TimeoutError:
            raise ToolError(f"There was no answer within {ANSWER_S:.0f} s") from None

    async def list_tasks(self, session_id: str) -> list[TaskView]:
        """The tasks that came of a voice session, oldest first: what they are, how far they are, what they ask."""
        return await self._owner(session_id).at(session_id).tasks()

    async def end_voice_session(self, session_id: str) -> SessionOver:
        """End a voice session: all that was said in it is erased, and its tasks are stopped."""
        owner = self._owner(session_id)
        held = self._held.pop(session_id, None)
        if held is not None:
            await held.close()
        await owner.at(session_id).end()
        self._owners.pop(session_id, None)
        return SessionOver(session_id=session_id, status="closed")

    async def close(self) -> None:
        """End the sessions that this process is connected to; those given to others go on."""
        for held in self._held.values():
            with suppress(SottovoceError):
                await held.close()
        for client in self._clients.values():
            await client.__aexit__(None, None, None)

    def _owner(self, session_id: str) -> VoiceClient:
        """The client whose session it is; for one that was not started here, that of the namespace by default."""
        return self._owners.get(session_id, self._clients[self._namespace])

    async def _hold(self, session_id: str) -> Held:
        owner = self._owner(session_id)
        if (await owner.at(session_id).info()).status == "active":
            raise TaskConflict("Somebody is connected to that session: what is to be said in it, they say")
        session = await owner.attach(session_id)
        await session.update(client_events.SessionChanges(output_modalities=["text"]))
        held = self._held[session_id] = Held(session)
        return held


def told(call: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """An error of ours becomes one that the caller reads; any other is the library's to hide."""

    @wraps(call)
    async def calling(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await call(*args, **kwargs)
        except SottovoceError as error:
            raise ToolError(error.message) from None

    return calling


def make_server(tools: VoiceTools) -> MCPServer[None]:
    """The MCP server; it ends the sessions that it is connected to when it ends itself."""

    @asynccontextmanager
    async def lifespan(_server: MCPServer[None]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await tools.close()

    server = MCPServer(
        "sottovoce", instructions=INSTRUCTIONS, version=__version__, lifespan=lifespan, log_level="CRITICAL"
    )
    for call, hints in (
        (tools.start_voice_session, ADDS),
        (tools.read_transcript, READS),
        (tools.say, ADDS),
        (tools.list_tasks, READS),
        (tools.end_voice_session, ENDS),
    ):
        server.tool(annotations=hints)(told(call))
    return server
