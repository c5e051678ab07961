"""A server of chat completions that plays a script: what a language model's server sends, well or badly.

usage: python -m tests.peers.scripted_model PORT

`POST /script` takes the rules, a list of Rule; the first whose `when` is in the user's newest message is played. Each
of its rounds answers one request: the first the user, the next what its tools have answered, and so on. `GET /requests`
has what was asked since. Requests are checked against the SDK's types, and chunks are made of them.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI, HTTPException, Response
from fastapi.responses import StreamingResponse
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.chat.chat_completion_chunk import (
    Choice,
    ChoiceDelta,
    ChoiceDeltaToolCall,
    ChoiceDeltaToolCallFunction,
)
from pydantic import BaseModel, TypeAdapter

JSON = dict[str, Any]


class Step(BaseModel, extra="forbid"):
    """One of these."""

    text: str | None = None
    """`{now}` in it is when it goes out, in seconds of the machine's monotonic clock."""
    think: str | None = None
    call: str | None = None
    """A tool's name; its arguments stand in `arguments`."""
    arguments: JSON | str = {}
    wait: float = 0.0
    repeat: int = 1
    cut: bool = False
    """The connection breaks."""
    exit: bool = False
    """The process ends."""
    raw: str | None = None
    """Sent as it is."""
    status: int | None = None
    """The whole answer is this error."""
    unfinished: bool = False
    """It ends here, politely, but with no reason."""


class Rule(BaseModel, extra="forbid"):
    when: str
    rounds: list[list[Step]]


class Broken(Exception):
    """Breaks the connection."""


MESSAGES = TypeAdapter(list[ChatCompletionMessageParam])
TOOLS = TypeAdapter(list[ChatCompletionToolParam])

REQUESTS_KEPT = 1_000

app = FastAPI()
rules: list[Rule] = []
requests: list[JSON] = []
playing: set[object] = set()
"""Answers under way."""


@app.get("/ready")
async def ready() -> str:
    return "ready"


@app.post("/script")
async def script(given: list[Rule]) -> None:
    rules[:] = given
    requests.clear()
    playing.clear()


@app.get("/requests")
async def asked() -> list[JSON]:
    return requests


@app.get("/playing")
async def under_way() -> int:
    return len(playing)


@app.post("/v1/chat/completions")
async def complete(body: Annotated[JSON, Body()]) -> Response:
    list(MESSAGES.validate_python(body["messages"]))
    TOOLS.validate_python(body.get("tools", []))
    assert body["stream"] is True
    requests.append(body)
    del requests[:-REQUESTS_KEPT]
    messages = body["messages"]
    newest = max(at for at, message in enumerate(messages) if message["role"] == "user")
    text = str(messages[newest]["content"]).rpartition("</now>\n")[2]
    place = sum(message["role"] == "assistant" for message in messages[newest:])
    rule = next((rule for rule in rules if rule.when in text), None)
    if rule is None:
        raise HTTPException(500, "the script has no answer")
    steps = rule.rounds[place] if place < len(rule.rounds) else []
    for step in steps:
        if step.status is not None:
            raise HTTPException(step.status, "as the script says")
    return StreamingResponse(play(steps, str(body["model"])), media_type="text/event-stream")


async def play(steps: list[Step], model: str) -> AsyncGenerator[str, None]:
    this = object()
    playing.add(this)
    try:
        async for sent in all_lines(steps, model):
            yield sent
    finally:
        playing.discard(this)


async def all_lines(steps: list[Step], model: str) -> AsyncGenerator[str, None]:
    calls = 0
    yield line(model, ChoiceDelta(role="assistant", content=""))
    for step in steps:
        for _ in range(step.repeat):
            await asyncio.sleep(step.wait)
            for sent in lines(model, step, calls):
                yield sent
            calls += step.call is not None
        if step.exit:
            await asyncio.sleep(0.05)  # what was written goes out first
            os._exit(1)
        if step.cut:
            await asyncio.sleep(0.05)
            raise Broken
        if step.unfinished:
            yield "data: [DONE]\n\n"
            return
    yield line(model, ChoiceDelta(), "tool_calls" if calls else "stop")
    yield "data: [DONE]\n\n"


def lines(model: str, step: Step, calls: int) -> Iterator[str]:
    """What a step sends, after so many calls."""
    if step.text is not None:
        yield line(model, ChoiceDelta(content=step.text.replace("{now}", f"{time.monotonic():.6f}")))
    if step.think is not None:
        yield line(model, ChoiceDelta.model_construct(reasoning_content=step.think))
    if step.call is not None:
        yield from (line(model, ChoiceDelta(tool_calls=[part])) for part in parts_of_call(calls, step))
    if step.raw is not None:
        yield step.raw


def parts_of_call(index: int, step: Step) -> list[ChoiceDeltaToolCall]:
    """As OpenAI's own server sends them: the name first, then the arguments piece by piece."""
    arguments = (
        step.arguments if isinstance(step.arguments, str) else TypeAdapter(JSON).dump_json(step.arguments).decode()
    )
    half = len(arguments) // 2
    named = ChoiceDeltaToolCallFunction(name=step.call, arguments="")
    return [
        ChoiceDeltaToolCall(index=index, id=f"call_{time.monotonic_ns()}", type="function", function=named),
        ChoiceDeltaToolCall(index=index, function=ChoiceDeltaToolCallFunction(arguments=arguments[:half])),
        ChoiceDeltaToolCall(index=index, function=ChoiceDeltaToolCallFunction(arguments=arguments[half:])),
    ]


def line(model: str, delta: ChoiceDelta, finish: Any = None) -> str:
    choice = Choice.model_construct(index=0, delta=delta, finish_reason=finish)
    chunk = ChatCompletionChunk.model_construct(
        id="chatcmpl-1", object="chat.completion.chunk", created=0, model=model, choices=[choice]
    )
    sent = chunk.model_dump_json(exclude_unset=True)
    ChatCompletionChunk.model_validate_json(sent)
    return f"data: {sent}\n\n"


def main() -> None:
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")


if __name__ == "__main__":
    main()
