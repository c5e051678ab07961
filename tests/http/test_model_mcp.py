"""A language model that calls the tools of MCP servers."""

import json
from pathlib import Path

from tests.http.conftest import Serve
from tests.http.test_mcp import ROOMY
from tests.http.test_model import answered, said
from tests.orchestrator.mcp.peers import over_stdio
from tests.peers.scripts import ScriptedModel, call, rule


async def test_a_model_puts_what_a_tool_answers_into_its_own_words(serve: Serve, scripted: ScriptedModel) -> None:
    scripted.plays(
        rule("two and three", [call("peer_add", {"a": 2, "b": 3})], ["That makes five."]),
        rule("two and nothing", [call("peer_add", {"a": 2})], ["And what else?"]),
        rule("broken", [call("peer_fail", {"why": "no power"})], ["It has no power."]),
    )
    server = await serve(**ROOMY, model=scripted.url, mcp_servers={"peer": over_stdio()})
    async with server.stream() as stream:
        assert await answered(stream, "how much are two and three") == "That makes five."
        [first, second] = scripted.requests()
        tools = {tool["function"]["name"]: tool["function"] for tool in first["tools"]}
        assert {"note", "timer", "peer_add", "peer_weather"} <= set(tools)
        assert tools["peer_add"]["description"] == "Add two numbers."
        assert set(tools["peer_add"]["parameters"]["properties"]) == {"a", "b"}
        assert "$ref" not in json.dumps(tools["peer_weather"])
        assert json.loads(second["messages"][-1]["content"])["result"]["text"] == "5"

        assert await answered(stream, "how much are two and nothing") == "And what else?"
        assert "'b' is a required property" in scripted.requests()[-1]["messages"][-1]["content"]
        assert await answered(stream, "is it broken") == "It has no power."
        assert "no power" in scripted.requests()[-1]["messages"][-1]["content"]


async def test_a_tool_that_destroys_asks_whatever_the_model_wants(
    serve: Serve, scripted: ScriptedModel, tmp_path: Path
) -> None:
    scripted.plays(rule("wipe the board", [call("peer_wipe", {"what": "the board"})], ["Never said."]))
    server = await serve(**ROOMY, model=scripted.url, mcp_servers={"peer": over_stdio(str(tmp_path))})
    async with server.stream() as stream:
        assert await answered(stream, "could somebody wipe the board for me") == (
            "Shall I use wipe with what the board? Yes or no?"
        )
        assert not (tmp_path / "wiped").exists()
        await stream.type("yes")
        await stream.until("task.completed")
        assert (tmp_path / "wiped").read_text() == "the board\n"


async def test_a_tool_that_takes_long_is_told_of_when_it_is_done(serve: Serve, scripted: ScriptedModel) -> None:
    scripted.plays(rule("take your time", [call("peer_slow", {"steps": 3})], ["I am on it."]))
    server = await serve(**ROOMY, model=scripted.url, mcp_servers={"peer": over_stdio()})
    async with server.stream() as stream:
        assert await answered(stream, "take your time with it") == "I am on it."
        at = len(stream.events)
        await stream.until("task.completed")
        await stream.until("output_audio_buffer.stopped")
        assert said(stream, at) == "That took a while."


async def test_tools_that_would_fill_the_model_are_left_out(serve: Serve, scripted: ScriptedModel) -> None:
    scripted.plays(rule("hello", ["Hello."]))
    many = {f"peer{n}": over_stdio() for n in range(3)}
    server = await serve(**ROOMY, model=scripted.url, model_context_tokens=5_000, mcp_servers=many)
    async with server.stream() as stream:
        assert await answered(stream, "hello you there") == "Hello."
    names = {tool["function"]["name"] for tool in scripted.requests()[0]["tools"]}
    assert {"note", "reminder", "timer"} <= names
    assert 0 < len([name for name in names if name.startswith("peer")]) < 3 * 11
