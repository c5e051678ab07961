"""Tools of MCP servers as tasks of a session, over stdio and HTTP, with servers in processes of their own."""

import asyncio
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.http.conftest import Serve, Server
from tests.orchestrator.mcp.peers import over_http, over_stdio, rude
from tests.servers import free_port

__all__ = ["free_port"]

ROOMY: dict[str, Any] = {"max_sessions_per_user": 100, "max_lag_ms": 60_000}
"""Each task here has a session of its own, and starting a peer holds this very event loop up."""
ENDED = {"completed", "failed", "cancelled"}


@pytest.fixture(params=["stdio", "http"])
def peer(request: pytest.FixtureRequest, free_port: int, tmp_path: Path) -> Generator[dict[str, Any], None, None]:
    """The settings of a server named `peer`."""
    if request.param == "stdio":
        yield over_stdio(str(tmp_path), timeout_seconds=3)
    else:
        with over_http(free_port, str(tmp_path)) as url:
            yield {"url": url, "timeout_seconds": 3}


async def start(server: Server, type_: str, **arguments: Any) -> dict[str, Any]:
    """The task, as it is answered."""
    session = await server.session()
    answer = await server.http.post(
        f"/api/v1/sessions/{session['id']}/tasks", json={"type": type_, "arguments": arguments}
    )
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def ended(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while task["state"] not in ENDED:
            await asyncio.sleep(0.02)
            task = (await server.http.get(f"/api/v1/tasks/{task['id']}")).json()
    return task


async def done(server: Server, type_: str, **arguments: Any) -> Any:
    """The result."""
    task = await ended(server, await start(server, type_, **arguments))
    assert task["state"] == "completed", task["error_message"]
    return (await server.http.get(f"/api/v1/tasks/{task['id']}/result")).json()["result"]


async def test_a_tool_is_called_and_its_answer_is_the_result(serve: Serve, peer: dict[str, Any]) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": peer})
    assert await done(server, "peer.add", a=2, b=3) == {"text": "5", "structured": {"result": 5}}
    weather = await done(server, "peer.weather", place={"name": "Rome"}, days=2)
    assert weather["text"] == "It will be sunny in Rome for 2 days. Take a hat."


async def test_what_the_schema_does_not_allow_is_refused_by_name(serve: Serve, peer: dict[str, Any]) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": peer})
    path = f"/api/v1/sessions/{(await server.session())['id']}/tasks"
    for type_, arguments, named in (
        ("peer.add", {"a": "two", "b": 3}, "a: Expected type integer"),
        ("peer.add", {"a": 2}, "'b' is a required property"),
        ("peer.weather", {"place": {"name": "Rome"}, "days": 9}, "days: Expected maximum 7"),
        ("peer.weather", {"place": {}}, "place: 'name' is a required property"),
    ):
        answer = await server.http.post(path, json={"type": type_, "arguments": arguments})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_arguments")
        assert answer.json()["detail"] == f"{type_}: {named}"
    unknown = await server.http.post(path, json={"type": "peer.fly", "arguments": {}})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_task_type")


async def test_the_answer_is_spoken_and_progress_told(serve: Serve, peer: dict[str, Any]) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": peer})
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await stream.until("session.created")
        await server.http.post(
            f"/api/v1/sessions/{session['id']}/tasks", json={"type": "peer.slow", "arguments": {"steps": 3}}
        )
        await stream.until("task.completed")
        told = [
            (event["task"]["progress"], event["task"]["progress_message"])
            for event in stream.events
            if event["type"] == "task.updated" and event["task"]["progress"] is not None
        ]
        assert told[-1] == (1.0, "step 3")
        assert (round(told[0][0], 2), told[0][1]) == (0.33, "step 1")
        said = await stream.until("response.done")
        assert said["response"]["output"][0]["content"][0]["transcript"] == "That took a while."


async def test_a_task_that_is_cancelled_cancels_the_call(serve: Serve, peer: dict[str, Any], tmp_path: Path) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": peer})
    task = await start(server, "peer.slow", steps=10)
    await asyncio.sleep(0.5)
    answer = await server.http.post(f"/api/v1/tasks/{task['id']}/cancel")
    assert answer.json()["state"] == "cancelled"
    async with asyncio.timeout(5):
        while not (tmp_path / "cancelled").exists():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("tool", ["wipe", "unsaid"])
@pytest.mark.parametrize(("answer", "state"), [(True, "completed"), (False, "cancelled")])
async def test_what_may_destroy_asks_first(serve: Serve, tmp_path: Path, tool: str, answer: bool, state: str) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": over_stdio(str(tmp_path))})
    asking = await start(server, f"peer.{tool}", what="the disk")
    assert (asking["state"], asking["expects"]) == ("input_required", "yes_no")
    assert asking["question"] == f"Shall I use {tool} with what the disk? Yes or no?"
    assert not (tmp_path / "wiped").exists()
    answered = await server.http.post(f"/api/v1/tasks/{asking['id']}/input", json={"value": answer})
    assert (await ended(server, answered.json()))["state"] == state
    assert (tmp_path / "wiped").exists() is (answer and tool == "wipe")


async def test_whether_it_asks_is_a_setting(serve: Serve, tmp_path: Path) -> None:
    both = {
        "trusted": over_stdio(str(tmp_path), confirm="never"),
        "doubted": over_stdio(str(tmp_path), confirm="always"),
    }
    server = await serve(**ROOMY, mcp_servers=both)
    assert (await done(server, "trusted.wipe", what="it"))["text"] == "it is gone."
    assert (await start(server, "doubted.add", a=1, b=1))["state"] == "input_required"


async def test_a_tool_is_confirmed_by_voice(serve: Serve, tmp_path: Path) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": over_stdio(str(tmp_path))})
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await stream.until("session.created")
        path = f"/api/v1/sessions/{session['id']}/tasks"
        await server.http.post(path, json={"type": "peer.wipe", "arguments": {"what": "the board"}})
        asked = await stream.until("response.done")
        assert "wipe with what the board" in asked["response"]["output"][0]["content"][0]["transcript"]
        await stream.type("yes")
        completed = await stream.until("task.completed")
        assert completed["result"]["text"] == "the board is gone."


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("fail", "Error executing tool fail: It is broken: on purpose"),
        ("hang", "The MCP server peer did not answer within 3 s"),
    ],
)
async def test_a_tool_that_fails_costs_its_task_only(serve: Serve, peer: dict[str, Any], tool: str, said: str) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": peer})
    arguments = {"why": "on purpose"} if tool == "fail" else {}
    task = await ended(server, await start(server, f"peer.{tool}", **arguments))
    assert (task["state"], task["error_message"]) == ("failed", said)
    assert (await done(server, "peer.add", a=1, b=1))["text"] == "2"


@pytest.mark.parametrize("tool", ["huge", "die"])
async def test_a_server_that_dies_or_says_too_much_is_there_again(serve: Serve, tmp_path: Path, tool: str) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": over_stdio(str(tmp_path), timeout_seconds=10)})
    task = await ended(server, await start(server, f"peer.{tool}"))
    assert (task["state"], task["error_message"]) == ("failed", "The MCP server peer was lost meanwhile")
    await again(server)
    assert len((tmp_path / "started").read_text().split()) >= 2


async def again(server: Server) -> None:
    """It answers once more."""
    async with asyncio.timeout(15):
        while True:
            task = await ended(server, await start(server, "peer.add", a=1, b=1))
            if task["state"] == "completed":
                return
            await asyncio.sleep(0.1)


async def test_a_server_elsewhere_that_goes_and_comes_back_is_used_again(serve: Serve, free_port: int) -> None:
    with over_http(free_port) as url:
        server = await serve(**ROOMY, mcp_servers={"peer": {"url": url, "timeout_seconds": 3}})
        assert (await done(server, "peer.add", a=1, b=1))["text"] == "2"
        huge = await ended(server, await start(server, "peer.huge", megabytes=16))
        assert huge["state"] == "failed"
    gone = await ended(server, await start(server, "peer.add", a=1, b=1))
    assert gone["state"] == "failed"
    with over_http(free_port):
        await again(server)


async def test_servers_that_are_not_there_at_the_start_keep_nothing_from_starting(
    serve: Serve, free_port: int, tmp_path: Path
) -> None:
    server = await serve(
        **ROOMY,
        mcp_servers={
            "peer": {"url": f"http://127.0.0.1:{free_port}/mcp"},
            "none": {"command": str(tmp_path / "no-such-program")},
            "good": over_stdio(),
        },
    )
    assert (await done(server, "good.add", a=1, b=1))["text"] == "2"
    with over_http(free_port):
        async with asyncio.timeout(15):
            while server.hub.tasks.skills.get("peer.add") is None:  # type: ignore[attr-defined]
                await asyncio.sleep(0.1)
        await again(server)


async def test_an_answer_that_is_not_what_its_schema_promises_is_none(serve: Serve) -> None:
    server = await serve(**ROOMY, mcp_servers={"rude": rude("liar")})
    task = await ended(server, await start(server, "rude.good"))
    assert task["error_message"] == "The tool answered something else than its schema promises"


@pytest.mark.parametrize("way", ["flood", "endless", "nonsense"])
async def test_a_rude_server_costs_its_task_only(serve: Serve, way: str) -> None:
    server = await serve(**ROOMY, mcp_servers={"rude": rude(way, timeout_seconds=5)})
    began = time.monotonic()
    task = await ended(server, await start(server, "rude.good"))
    assert task["state"] == "failed"
    assert task["error_message"].startswith("The MCP server rude ")
    assert time.monotonic() - began < 10
    lag = time.monotonic()
    await asyncio.sleep(0.05)
    assert time.monotonic() - lag < 1
    assert (await done(server, "note", text="still here")) == {"text": "still here"}


@pytest.mark.parametrize("way", ["mute", "babble"])
async def test_a_program_that_is_no_server_brings_no_tools(serve: Serve, way: str) -> None:
    began = time.monotonic()
    server = await serve(**ROOMY, mcp_servers={"rude": rude(way)})
    assert time.monotonic() - began < 20
    assert (await done(server, "note", text="here")) == {"text": "here"}


@pytest.mark.parametrize("way", ["plain", "pages"])
async def test_tools_that_lie_about_their_schemas_are_left_out(serve: Serve, way: str) -> None:
    server = await serve(**ROOMY, mcp_servers={"rude": rude(way)})
    skills = server.hub.tasks.skills  # type: ignore[attr-defined]
    assert [name for name in skills.task_types if name.startswith("rude.")] == [
        "rude.circle",
        "rude.elsewhere",
        "rude.good",
    ]
    assert (await done(server, "rude.good", text="a" * 60 + "!"))["text"] == "fine"  # its expression takes for ever


async def test_tools_that_come_later_are_used(serve: Serve, peer: dict[str, Any]) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": peer, "older": rude("grows")})
    skills = server.hub.tasks.skills  # type: ignore[attr-defined]
    assert skills.get("peer.new") is None
    assert skills.get("older.new") is None
    await done(server, "peer.grow")
    await done(server, "older.good")
    async with asyncio.timeout(5):
        while skills.get("peer.new") is None or skills.get("older.new") is None:
            await asyncio.sleep(0.05)
    assert (await done(server, "peer.new"))["text"] == "I am new."
    assert (await done(server, "peer.add", a=1, b=1))["text"] == "2"


async def test_a_server_elsewhere_is_shown_its_credential(
    serve: Serve, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer from-a-file\n\n")
    monkeypatch.setenv("PEER_KEY", "from-the-environment")
    with over_http(free_port) as url:
        server = await serve(
            mcp_servers={
                "file": {"url": url, "headers_file": headers},
                "env": {"url": url, "credential_env": "PEER_KEY"},
                "none": {"url": url},
            }
        )
        said = [(await done(server, f"{name}.who_calls"))["text"] for name in ("file", "env", "none")]
    assert said == ["Bearer from-a-file", "Bearer from-the-environment", "nobody"]


async def test_a_program_gets_the_environment_that_it_is_given_and_nothing_of_ours(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "x")
    server = await serve(**ROOMY, mcp_servers={"peer": over_stdio(env={"GIVEN": "1"})})
    names = (await done(server, "peer.whoami"))["structured"]["names"]
    assert "GIVEN" in names
    assert not [name for name in names if name in {"MY_SECRET", "PYTHONMALLOC"} or name.startswith("SOTTOVOCE")]


async def test_programs_go_with_the_server(serve: Serve, tmp_path: Path) -> None:
    server = await serve(**ROOMY, mcp_servers={"peer": over_stdio(str(tmp_path))})
    pid = (await done(server, "peer.whoami"))["structured"]["pid"]
    tools = server.hub.node.tool_servers
    assert tools is not None
    keeper = psutil.Process(pid).parent()
    assert keeper is not None
    await tools.close()
    for each in (pid, keeper.pid):
        with suppress(psutil.NoSuchProcess):
            assert psutil.Process(each).status() == psutil.STATUS_ZOMBIE
