"""MCP servers as processes, and settings that name them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PEER = ROOT / "tests" / "peers" / "mcp_server.py"
RUDE = ROOT / "tests" / "peers" / "rude_mcp_server.py"


def over_stdio(*arguments: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(PEER), "stdio", *arguments], **more}


def rude(way: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(RUDE), way], **more}


@contextlib.contextmanager
def over_http(port: int, *arguments: str) -> Generator[str, None, None]:
    """The URL of the peer, in a process of its own until the end of the block."""
    with subprocess.Popen([sys.executable, str(PEER), "http", str(port), *arguments], env=dict(os.environ)) as process:
        try:
            until = time.monotonic() + 20
            while True:
                assert time.monotonic() < until
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()
