"""A language model behind any server that speaks the OpenAI API: chat completions, streamed, with tools."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

import httpx2
from openai import APIStatusError, AsyncOpenAI, DefaultAsyncHttpxClient, OpenAIError
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta, ChoiceDeltaToolCall

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.orchestrator.base import Call, LanguageModel, Message, Tool, Written
from sottovoce.orchestrator.openai_url import OpenAIServer, read_openai_url

NO_KEY: Final = "none"
"""Without any, the library would look for one in the environment."""
CONNECT_S: Final = 5.0
RETRIES: Final = 1
"""Of requests that were refused or not taken, before anything was written."""
PASSING: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
CONNECTIONS: Final = httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30)
"""As many as there are answers under way: what waits for one is a user."""
ANSWER_BYTES: Final = 4 * 2**20
"""Of one answer, as it comes: a token is about 200 of them."""
MOST_CALLS: Final = 8
ARGUMENTS_CHARACTERS: Final = 16_000
THOUGHTS: Final = ("reasoning_content", "reasoning")
"""Where servers put what a model thinks: a field that the API itself does not have."""


class OpenAIProvider:
    """`openai+http:` and `openai+https:`, think."""

    @staticmethod
    def model(url: str, _context: object) -> LanguageModel:
        """The model that the URL names. Raises EngineUrlInvalid."""
        return OpenAIModel(read_openai_url(url))


class OpenAIModel:
    """Implements orchestrator.base.LanguageModel."""

    def __init__(self, server: OpenAIServer) -> None:
        self.name = "openai"
        self.patience_s = server.timeout_s
        self._model = server.model
        self._client = AsyncOpenAI(
            base_url=server.base_url,
            api_key=server.key.value or NO_KEY,
            max_retries=RETRIES,
            default_headers={"Accept-Encoding": "identity"},
            # What was said goes to the server that was named, and to no other: redirects are not followed.
            http_client=DefaultAsyncHttpxClient(
                transport=_Bounded(ANSWER_BYTES),
                follow_redirects=False,
                event_hooks={"request": [_without_no_key]},
                timeout=httpx2.Timeout(server.timeout_s, connect=min(CONNECT_S, server.timeout_s)),
            ),
        )
        # The library takes these from the environment for servers of OpenAI's own; this one may be anybody's.
        self._client.organization = self._client.project = None
        # Loaded now, and not while the first user waits.
        self._completions = self._client.chat.completions

    async def close(self) -> None:
        """See LanguageModel."""
        await self._client.close()

    async def write(self, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncGenerator[Written | Call, None]:
        """See LanguageModel."""
        # Beside what the library goes through piece by piece, which of a long conversation holds the event loop for
        # longer than all the rest: extra_body is merged in as it is, over the empty list.
        body: dict[str, Any] = {"messages": [_message(message) for message in messages]}
        if tools:
            body["tools"] = [_tool(tool) for tool in tools]
        try:
            stream = await self._completions.create(model=self._model, messages=(), stream=True, extra_body=body)
            async with stream:
                async for piece in _pieces(stream):
                    yield piece
        except APIStatusError as error:
            status = error.status_code
            if status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise EngineUnavailable(f"The model's server cannot answer now: status {status}") from None
            raise EngineFault(f"The model's server refuses: status {status}") from None
        except (OpenAIError, httpx2.HTTPError) as error:
            raise EngineUnavailable(f"The model's server does not answer ({type(error).__name__})") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise EngineFault(
                f"The model's server answers what is no chat completion ({type(error).__name__})"
            ) from None


async def _pieces(chunks: AsyncIterator[ChatCompletionChunk]) -> AsyncGenerator[Written | Call, None]:
    """What comes of one completion; raises EngineFault where it has no end."""
    calls, finished = _Calls(), False
    async for chunk in chunks:
        if not chunk.choices:
            continue  # only counts of tokens
        choice = chunk.choices[0]
        finished = finished or choice.finish_reason is not None
        delta = cast("ChoiceDelta | None", choice.delta)  # some servers end with none
        if delta is None:
            continue
        if delta.content or _thinks(delta):
            yield Written(delta.content or "")
        for part in delta.tool_calls or ():
            calls.add(part)
            yield Written("")
    if not finished:
        raise EngineUnavailable("The model's server stopped in the middle")
    for call in calls.whole():
        yield call


def _thinks(delta: object) -> bool:
    return any(getattr(delta, name, None) for name in THOUGHTS)


class _Calls:
    """Calls of tools, put together from their parts."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._names: list[str] = []
        self._arguments: list[str] = []
        self._places: dict[int, int] = {}
        """Index as the server counts them, to ours."""

    def add(self, part: ChoiceDeltaToolCall) -> None:
        """Another part. Raises EngineFault if it becomes too much."""
        place = self._places.get(part.index)
        if place is None or (part.id and part.id != self._ids[place] and part.function and part.function.name):
            # Some servers send several calls, each whole, under one index.
            place = self._places[part.index] = len(self._ids)
            self._ids.append(part.id or f"call_{place}")
            self._names.append("")
            self._arguments.append("")
        if part.function is not None:
            self._names[place] += part.function.name or ""
            self._arguments[place] += part.function.arguments or ""
        too_long = len(self._names[place]) + len(self._arguments[place]) > ARGUMENTS_CHARACTERS
        if too_long or len(self._ids) > MOST_CALLS:
            raise EngineFault("The model calls too many tools at once, or with too much")

    def whole(self) -> list[Call]:
        """All of them, in order."""
        triples = zip(self._ids, self._names, self._arguments, strict=True)
        return [Call(id=id_, name=name, arguments=arguments) for id_, name, arguments in triples]


def _message(message: Message) -> dict[str, Any]:
    made: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.calls:
        made["content"] = message.text or None
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.role == "tool":
        made["tool_call_id"] = message.call_id
    return made


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


async def _without_no_key(request: httpx2.Request) -> None:
    if request.headers.get("Authorization") == f"Bearer {NO_KEY}":
        del request.headers["Authorization"]


class _Bounded(httpx2.AsyncHTTPTransport):
    """Lets through so many bytes of an answer and no more: the library would keep a line without an end for ever."""

    def __init__(self, most: int) -> None:
        super().__init__(limits=CONNECTIONS)
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As the library does."""
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.ReadError("the answer is packed, which was not asked for")
        response.stream = _BoundedStream(cast("httpx2.AsyncByteStream", response.stream), self._most)
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
