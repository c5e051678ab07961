"""The adapter against a server process that sends what such servers send, well or badly."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.orchestrator.base import Call, LanguageModel, Message, Tool, Written
from sottovoce.orchestrator.openai_model import ARGUMENTS_CHARACTERS, MOST_CALLS, OpenAIProvider
from tests.peers.scripts import ScriptedModel, call, rule, scripted_model

TOOL = Tool(name="timer", description="Speak up after some time.", parameters={"type": "object", "properties": {}})


@pytest.fixture
async def model(scripted: ScriptedModel) -> AsyncGenerator[LanguageModel, None]:
    made = OpenAIProvider.model(scripted.url, None)
    yield made
    await made.close()


async def write(model: LanguageModel, text: str, into: list[Written | Call] | None = None) -> list[Written | Call]:
    """All that the model writes; `into` has what came before it failed."""
    came = [] if into is None else into
    messages = [Message(role="system", text="Be kind."), Message(role="user", text=text)]
    async with aclosing(model.write(messages, [TOOL])) as pieces:
        async for piece in pieces:
            came.append(piece)
    return came


def text_of(pieces: list[Written | Call]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Written))


async def test_text_comes_as_it_is_written(scripted: ScriptedModel, model: LanguageModel) -> None:
    scripted.plays(rule("hello", ["Hi", {"text": " there.", "wait": 0.5}]))
    began, times = time.monotonic(), list[float]()
    async with aclosing(model.write([Message(role="user", text="hello")], ())) as pieces:
        times += [time.monotonic() - began async for _ in pieces]
    assert times[1] - times[0] > 0.3
    [request] = scripted.requests()
    assert request["model"] == "scripted"
    assert "tools" not in request


async def test_calls_are_put_together_and_come_last(scripted: ScriptedModel, model: LanguageModel) -> None:
    scripted.plays(rule("tea", ["On it. ", call("timer", {"seconds": 240}), call("note", "{bad")]))
    pieces = await write(model, "tea")
    assert text_of(pieces) == "On it. "
    first, second = (piece for piece in pieces if isinstance(piece, Call))
    assert (first.name, first.arguments) == ("timer", '{"seconds":240}')
    assert (second.name, second.arguments) == ("note", "{bad")
    assert first.id != second.id
    [request] = scripted.requests()
    assert [tool["function"]["name"] for tool in request["tools"]] == ["timer"]


async def test_what_was_called_and_answered_is_sent_back_in_the_form_of_the_api(
    scripted: ScriptedModel, model: LanguageModel
) -> None:
    scripted.plays(rule("tea", [], ["Done."]))
    made = Call(id="c1", name="timer", arguments='{"seconds":1}')
    messages = [
        Message(role="user", text="tea"),
        Message(role="assistant", calls=(made,)),
        Message(role="tool", text="{}", call_id="c1"),
    ]
    async with aclosing(model.write(messages, [TOOL])) as pieces:
        assert text_of([piece async for piece in pieces]) == "Done."
    sent = scripted.requests()[0]["messages"]
    assert sent[1]["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "timer", "arguments": '{"seconds":1}'}}
    ]
    assert sent[2] == {"role": "tool", "content": "{}", "tool_call_id": "c1"}


async def test_several_calls_under_one_index_are_several(scripted: ScriptedModel, model: LanguageModel) -> None:
    def whole(id_: str, name: str) -> dict[str, str]:
        function = f'{{"name":"{name}","arguments":"{{}}"}}'
        choice = f'{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"{id_}","function":{function}}}]}}}}'
        return {"raw": f'data: {{"id":"x","object":"chat.completion.chunk","choices":[{choice}]}}\n\n'}

    scripted.plays(rule("both", [whole("a", "timer"), whole("b", "note")]))
    pieces = await write(model, "both")
    assert [(piece.id, piece.name) for piece in pieces if isinstance(piece, Call)] == [("a", "timer"), ("b", "note")]


async def test_thoughts_are_signs_of_life_and_no_text(scripted: ScriptedModel, model: LanguageModel) -> None:
    scripted.plays(rule("why", [{"think": "hm", "repeat": 3}, "Because."]))
    assert await write(model, "why") == [Written(""), Written(""), Written(""), Written("Because.")]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (["Half a", {"cut": True}], "Half a"),
        (["Half a", {"unfinished": True}], "Half a"),
        (["Half a", {"raw": "data: {not json\n\n"}], "Half a"),
        (["Half a", {"raw": 'data: {"error": {"message": "out of memory"}}\n\n'}], "Half a"),
        ([{"raw": 'data: {"choices": 7}\n\n'}], ""),
        ([{"raw": "data: [1, 2]\n\n"}], ""),
        ([{"raw": "data: " + "x" * 1_000_000, "repeat": 5}], ""),
        ([call("x" * (ARGUMENTS_CHARACTERS + 1))], ""),
        ([call("timer", repeat=MOST_CALLS + 1)], ""),
        ([{"status": 500}], ""),
        ([{"status": 429}], ""),
        ([{"status": 401}], ""),
        ([{"status": 404}], ""),
    ],
)
async def test_a_server_that_fails_is_an_engines_fault(
    scripted: ScriptedModel, model: LanguageModel, steps: list[object], said: str
) -> None:
    scripted.plays(rule("secret words", steps))
    heard: list[Written | Call] = []
    with pytest.raises(EngineFault) as caught:
        await write(model, "secret words", heard)
    assert text_of(heard) == said
    assert "secret" not in str(caught.value)
    assert "memory" not in str(caught.value)


async def test_a_server_that_dies_is_an_engines_fault(unused_tcp_port: int) -> None:
    with scripted_model(unused_tcp_port) as own:
        own.plays(rule("hello", ["Half a", {"exit": True}]))
        model = OpenAIProvider.model(own.url, None)
        with pytest.raises(EngineUnavailable):
            await write(model, "hello")
        await model.close()


async def test_nobody_there_is_an_engines_fault(unused_tcp_port: int) -> None:
    model = OpenAIProvider.model(f"openai+http://127.0.0.1:{unused_tcp_port}/v1?model=m", None)
    with pytest.raises(EngineUnavailable):
        await write(model, "hello")
    await model.close()


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        model = OpenAIProvider.model(f"openai+http://127.0.0.1:{port}/v1?model=m&timeout=0.3", None)
        async with asyncio.timeout(10):
            with pytest.raises(EngineUnavailable):
                await write(model, "hello")
        await model.close()


async def test_closing_the_iterator_hangs_up(scripted: ScriptedModel, model: LanguageModel) -> None:
    scripted.plays(rule("on", [{"text": "and on ", "wait": 0.01, "repeat": 10_000}]))
    async with aclosing(model.write([Message(role="user", text="on")], ())) as pieces:
        await anext(pieces)
        assert scripted.playing() == 1
    assert await scripted.silent()


async def test_a_key_goes_into_the_header_and_nothing_of_the_environment_does(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
    heads = [
        await head_of_request(port, more)
        for port, more in ((unused_tcp_port, "&key_env=MY_KEY"), (unused_tcp_port, ""))
    ]
    assert "bearer sk-mine\r\n" in heads[0].lower()
    assert "authorization" not in heads[1].lower()
    for head in heads:
        assert "other" not in head


async def head_of_request(port: int, more: str) -> str:
    """What a server gets to read at the port."""
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        model = OpenAIProvider.model(f"openai+http://127.0.0.1:{port}/v1?model=m{more}", None)
        with pytest.raises(EngineFault):
            await write(model, "hello")
        await model.close()
        return (await got).decode()


async def test_a_redirect_is_not_followed(scripted: ScriptedModel) -> None:
    """What was said goes to the server that was named."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 307 Elsewhere\r\nLocation: {scripted.base}/v1/chat/completions\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    scripted.plays(rule("hello", ["Hi."]))
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        model = OpenAIProvider.model(f"openai+http://127.0.0.1:{port}/v1?model=m", None)
        with pytest.raises(EngineFault):
            await write(model, "hello")
        await model.close()
    assert scripted.requests() == []
