"""A server of one's own, for the length of a command: a process on a free port of this machine."""

import asyncio
import os
import re
import sys
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import typer

from sottovoce.cli.credential import VARIABLE
from sottovoce.cli.serve import LISTENS
from sottovoce.client import ServerUnreachable

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
LAST_LINES = 8
_LISTENS = re.compile(re.escape(LISTENS) + r"(?P<url>http://\S+)")


@asynccontextmanager
async def own_server() -> AsyncGenerator[str, None]:
    """Its URL, until the end of the block. The settings of the environment hold, but for where it listens.

    Raises ServerUnreachable, with its own last words, if it does not start.
    """
    # Whatever the environment or the settings file has as public_url: it is where another server is, and its callers.
    elsewhere = dict.fromkeys(("SOTTOVOCE_PUBLIC_URL", "SOTTOVOCE_API_KEYS", "SOTTOVOCE_JWKS_URL"), "")
    environment = {"SOTTOVOCE_LOG_LEVEL": "warning", **os.environ, **elsewhere}
    environment.pop(VARIABLE, None)  # it is the caller's
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sottovoce", "serve", "--host", "127.0.0.1", "--port", "0"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,  # a Ctrl-C is for us: we end the conversation first, then the server
    )
    lines: deque[str] = deque(maxlen=LAST_LINES)
    draining: asyncio.Task[None] | None = None
    try:
        assert process.stderr is not None  # noqa: S101 - it was asked for
        url = await _url(process.stderr, lines)
        draining = asyncio.create_task(_pass_on(process.stderr))
        yield url
    finally:
        await _stop(process)
        if draining is not None:
            await draining


async def _url(stderr: asyncio.StreamReader, lines: deque[str]) -> str:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            async for line in stderr:
                text = line.decode(errors="replace").rstrip()
                found = _LISTENS.search(text)
                if found is not None:
                    return found["url"]
                lines.append(text)
    except TimeoutError:
        lines.append(f"(no more for {START_TIMEOUT_S:.0f} s)")
    said = "\n  ".join(["", *lines])
    raise ServerUnreachable(f"The server did not start. It said:{said}")


async def _pass_on(stderr: asyncio.StreamReader) -> None:
    """Its log is ours: nothing, as long as all goes well."""
    async for line in stderr:
        typer.echo(f"server: {line.decode(errors='replace').rstrip()}", err=True)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
