"""A whole server in the test's own event loop, on a real socket: what it holds can be looked at from inside."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
import websockets

from sottovoce.app import make_config, make_hub
from sottovoce.live.hub import Hub
from sottovoce.settings import read_settings
from tests.servers import free_port

__all__ = ["free_port"]

KEY = "sha256:" + "a" * 64
PROVEN: dict[str, Any] = {"namespaces": "registered", "proof": "always"}
"""Settings with which a server that others reach tells its callers apart by their signatures."""


class Stream:
    """A client's side of a stream: events in order, sound apart."""

    def __init__(self, ws: websockets.ClientConnection) -> None:
        self.ws = ws
        self.events: list[dict[str, Any]] = []
        self.sound = bytearray()

    async def send(self, **event: Any) -> None:
        await self.ws.send(json.dumps(event))

    async def type(self, text: str) -> None:
        """A typed sentence that wants an answer."""
        content = [{"type": "input_text", "text": text}]
        await self.send(type="conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.send(type="response.create")

    async def until(self, kind: str, timeout_s: float = 20) -> dict[str, Any]:
        """The next event of that type."""
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self.ws.recv()
                if isinstance(message, bytes):
                    self.sound += message
                    continue
                event: dict[str, Any] = json.loads(message)
                self.events.append(event)
                if event["type"] == kind:
                    return event

    async def closed(self, timeout_s: float = 20) -> tuple[int, str]:
        """The close code and reason, once it is closed; what came before is in `events`."""
        async with asyncio.timeout(timeout_s):
            try:
                while True:
                    message = await self.ws.recv()
                    if isinstance(message, str):
                        self.events.append(json.loads(message))
            except websockets.ConnectionClosed:
                return self.ws.close_code or 0, self.ws.close_reason or ""

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]


class Server:
    """The running server and an HTTP client for it."""

    def __init__(self, hub: Hub, http: httpx.AsyncClient) -> None:
        self.hub = hub
        self.http = http

    async def create(self, namespace_id: str = "school.1", key_hash: str = KEY) -> httpx.Response:
        body = {"namespace_id": namespace_id, "key_hash": key_hash, "device_type": "web", "client_version": "1.0"}
        return await self.http.post("/api/v1/sessions", json=body)

    async def session(self, namespace_id: str = "school.1") -> dict[str, Any]:
        response = await self.create(namespace_id)
        assert response.status_code == 200, response.text
        view: dict[str, Any] = response.json()
        return view

    @asynccontextmanager
    async def stream(self, url: str | None = None) -> AsyncGenerator[Stream, None]:
        """A connected stream, of a new session unless a URL is given."""
        address = url or (await self.session())["websocket_url"]
        async with websockets.connect(address, ping_interval=None, max_size=None) as ws:
            yield Stream(ws)


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncGenerator[Serve, None]:
    """Starts servers with the settings given; engines are instant unless named."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None], httpx.AsyncClient]] = []

    async def start(**settings: Any) -> Server:
        read = read_settings(**{"recogniser": "instant:", "synthesiser": "instant:", **settings})
        hub = make_hub(read)
        config = make_config(hub, read, [])
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listener]))
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.01)
        http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            timeout=60,
            limits=httpx.Limits(keepalive_expiry=1),  # well before the server lets go of an idle connection
        )
        running.append((server, serving, http))
        return Server(hub, http)

    yield start
    for server, serving, http in running:
        await http.aclose()
        server.should_exit = True
        await serving


@pytest.fixture
async def server(serve: Serve) -> Server:
    return await serve()
