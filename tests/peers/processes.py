"""Servers of the kinds that engines use, each a process of its own on a free port."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import quote

import msgspec

from tests.servers import ROOT, environment

STOP_TIMEOUT_S = 10


class Peer(msgspec.Struct, frozen=True):
    """A running server."""

    port: int
    process: subprocess.Popen[str]

    def url(self, *, path: str = "/v1", **parameters: str) -> str:
        """The URL of an engine that uses it."""
        query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
        return f"openai+http://127.0.0.1:{self.port}{path}?{query}"


@contextmanager
def openai_peer(*, key: str | None = None, port: int = 0) -> Generator[Peer, None, None]:
    """An OpenAI-compatible server until the end of the block. `key`: what it asks for."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.peers.openai_server", "--port", str(port), *(["--key", key] if key else [])],
        env=environment({"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, "the server did not start"
            yield Peer(int(line), process)
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
