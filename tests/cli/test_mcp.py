"""`sottovoce mcp`, driven by the official SDK's client."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from mcp import Client, StdioServerParameters

from tests.http.credentials import KeyFile
from tests.servers import INSTANT, ROOT, environment, serving


@asynccontextmanager
async def tools(*arguments: str, **more: str) -> AsyncGenerator[Client, None]:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "sottovoce", "mcp", *arguments], env=environment(more), cwd=ROOT
    )
    async with Client(server) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What it answers."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content.get("result", result.structured_content)


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Why."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    [part] = result.content
    assert part.type == "text"
    return part.text


async def test_a_session_is_held_from_its_start_to_its_end(instant_server: str) -> None:
    async with tools("--url", instant_server) as client:
        hints = {tool.name: tool.annotations for tool in (await client.list_tools()).tools}
        assert set(hints) == {"start_voice_session", "read_transcript", "say", "list_tasks", "end_voice_session"}
        assert hints["read_transcript"] is not None
        assert hints["read_transcript"].read_only_hint is True
        started = await call(client, "start_voice_session")
        session = started["session_id"]
        assert started["websocket_url"].startswith("ws://")
        said = await call(client, "say", session_id=session, text="note that the key is under the mat")
        assert said == {"answers": ["Noted: the key is under the mat."], "tasks_at_work": 0}
        timer = await call(client, "say", session_id=session, text="set a timer for ten minutes")
        assert timer["tasks_at_work"] == 1
        transcript = await call(client, "read_transcript", session_id=session)
        assert [(item["role"], item["text"], item["status"], item["spoken"]) for item in transcript[:2]] == [
            ("user", "note that the key is under the mat", "completed", False),
            ("assistant", "Noted: the key is under the mat.", "completed", False),
        ]
        tasks = await call(client, "list_tasks", session_id=session)
        assert [(task["type"], task["state"]) for task in tasks] == [("note", "completed"), ("timer", "working")]
        over = await call(client, "end_voice_session", session_id=session)
        assert over == {"session_id": session, "status": "closed"}
        assert "Session not found" in await refused(client, "read_transcript", session_id=session)
        assert "Session not found" in await refused(client, "say", session_id=session, text="hello")


async def test_what_is_given_to_a_voice_client_is_its_own(instant_server: str) -> None:
    async with tools("--url", instant_server, "--namespace", "somebody") as client:
        started = await call(client, "start_voice_session")
        assert started["namespace"] == "somebody"
        session = started["session_id"]
        async with websockets.connect(started["websocket_url"]) as ws:
            await ws.recv()
            assert "Somebody is connected" in await refused(client, "say", session_id=session, text="hello")
            assert await call(client, "read_transcript", session_id=session) == []
        other = await call(client, "start_voice_session", namespace="somebody-else")
        assert other["namespace"] == "somebody-else"
        assert "1 to 4000 characters" in await refused(client, "say", session_id=other["session_id"], text=" ")


async def test_sessions_that_it_holds_end_with_it(instant_server: str) -> None:
    async with tools("--url", instant_server) as client:
        session = (await call(client, "start_voice_session"))["session_id"]
        await call(client, "say", session_id=session, text="what time is it")
    async with httpx.AsyncClient(base_url=instant_server, trust_env=False) as http, asyncio.timeout(10):
        while (await http.get(f"/api/v1/sessions/{session}")).status_code != 404:
            await asyncio.sleep(0.05)


async def test_it_shows_its_credential(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "api-keys.json")
    key = keys.add("caller", "alice", days=1)
    with serving("--log-level", "error", log=None, SOTTOVOCE_API_KEYS=str(keys.path), **INSTANT) as url:
        async with tools("--url", url, "--namespace", "alice", SOTTOVOCE_CREDENTIAL=key) as client:
            session = (await call(client, "start_voice_session"))["session_id"]
            assert await call(client, "list_tasks", session_id=session) == []
        async with tools("--url", url, "--namespace", "alice") as client:
            assert "Authorization: Bearer" in await refused(client, "start_voice_session")


async def test_without_a_server_it_says_how_to_start_one(free_port: int) -> None:
    async with tools("--url", f"http://127.0.0.1:{free_port}") as client:
        assert "sottovoce serve" in await refused(client, "start_voice_session")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keys", "nowhere.keys"], "--keys needs --namespace"),
        (["--url", "nonsense"], "no address of a server"),
        (["--namespace", "a", "--keys", "nowhere.keys"], "nowhere.keys"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_offered(arguments: list[str], said: str) -> None:
    tried = subprocess.run(
        [sys.executable, "-m", "sottovoce", "mcp", *arguments],
        env=environment({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (tried.returncode, tried.stdout) == (2, "")
    assert said in tried.stderr
