"""Speaking to an MCP server by streamable HTTP, in bounds."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

from sottovoce.core.addresses import is_loopback
from sottovoce.orchestrator.mcp.base import LONGEST_MESSAGE, Address

LONGEST_ANSWER: Final = 8 * LONGEST_MESSAGE
"""Bytes of one answer that is a stream of messages."""
CONNECT_S: Final = 10.0
SILENT_S: Final = 300.0
"""An open stream of notifications may be silent for so long."""


class _Bounded(httpx2.AsyncByteStream):
    """A response's body, as far as it is not too long."""

    def __init__(self, body: httpx2.AsyncByteStream, most: int) -> None:
        self._body = body
        self._left = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            self._left -= len(piece)
            if self._left < 0:
                raise httpx2.ReadError("the answer is too long")
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Of every answer."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.ReadError("the answer is compressed, and was not to be")
    streamed = response.headers.get("content-type", "").startswith("text/event-stream")
    body = response.stream
    assert isinstance(body, httpx2.AsyncByteStream)  # noqa: S101 - the client is an asynchronous one
    response.stream = _Bounded(body, LONGEST_ANSWER if streamed else LONGEST_MESSAGE)


@asynccontextmanager
async def http_streams(address: Address) -> AsyncGenerator[TransportStreams, None]:
    """An MCP transport to the address."""
    async with (
        httpx2.AsyncClient(
            headers={**address.headers, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(CONNECT_S, read=SILENT_S),
            event_hooks={"response": [_bound]},
            trust_env=not is_loopback(urlsplit(address.url).hostname or ""),
        ) as client,
        streamable_http_client(address.url, http_client=client, max_sse_event_size=LONGEST_MESSAGE) as streams,
    ):
        yield streams
