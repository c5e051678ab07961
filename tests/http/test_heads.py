"""Heads of requests that never end, through a whole server."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from sottovoce.http.heads import MAX_HEAD_BYTES
from tests.http.conftest import Server

PIECE = b"a" * 16 * 1024
CHUNKED = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def sent_until_refused(server: Server, begin: bytes, piece: bytes, most: int = 400) -> tuple[int, bytes]:
    """Bytes of pieces that were taken, and what was answered."""
    reader, writer = await asyncio.open_connection(server.http.base_url.host, server.http.base_url.port)
    writer.write(begin)
    sent = 0
    answer = b""
    try:
        async with asyncio.timeout(20):
            while sent < most * len(piece) and not reader.at_eof():
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
            answer = await reader.read()
    except (ConnectionError, TimeoutError):
        pass
    writer.close()
    return sent, answer


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", PIECE),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n", b"x: y\r\n" * 2_000),
        (b"GET /", PIECE),
        (CHUNKED + b"0\r\nx: ", PIECE),
        (CHUNKED + b"1;", PIECE),
    ],
    ids=["value", "lines", "path", "trailer", "chunk extension"],
)
async def test_a_head_without_end_is_not_gathered(server: Server, begin: bytes, piece: bytes) -> None:
    sent, answer = await sent_until_refused(server, begin, piece)
    assert sent < 2 * 1024 * 1024
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert (await server.http.get("/health")).status_code == 200


async def test_long_heads_and_bodies_in_small_pieces_are_taken(server: Server) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for at in range(0, len(content), 50):
            yield content[at : at + 50]

    for _ in range(3):
        assert (await server.http.get("/health", headers={"x": "a" * (MAX_HEAD_BYTES // 2)})).status_code == 200
        content = b'{"namespace_id": "' + b"a" * 60_000 + b'"}'
        answer = await server.http.post(
            "/api/v1/sessions", content=pieces(), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
