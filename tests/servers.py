"""Real servers in processes of their own, as users start them."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

ROOT = Path(__file__).parent.parent
INSTANT = {"SOTTOVOCE_RECOGNISER": "instant:", "SOTTOVOCE_SYNTHESISER": "instant:"}
START_LINES = 50
STOP_TIMEOUT_S = 20
_LISTENS = re.compile(r"listens on (http://\S+)")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's own, without its settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SOTTOVOCE_")}
    return kept | {"PYTHONPATH": str(ROOT / "src")} | dict(extra)


@contextmanager
def serving(*arguments: str, log: TextIO | None = None, **settings: str) -> Generator[str, None, None]:
    """The URL of `sottovoce serve` on a free port, until the end of the block; stopped by its pid. What it
    says after its start goes to `log`."""
    with subprocess.Popen(
        [sys.executable, "-m", "sottovoce", "serve", "--port", "0", *arguments],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            yield _url(process)
        finally:
            process.terminate()
            # Its log is read to the end: a full pipe would keep it from stopping.
            said = process.communicate(timeout=STOP_TIMEOUT_S)[1]
            if log is not None:
                log.write(said)


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        found = _LISTENS.search(line)
        if found is not None:
            return found[1]
        said.append(line)
        if len(said) > START_LINES:
            break
    raise AssertionError("the server did not start; it said: " + "".join(said))


@pytest.fixture(scope="session")
def instant_server() -> Generator[str, None, None]:
    """The URL of a server with `instant:` engines, shared by all tests."""
    with serving("--log-level", "error", log=None, **INSTANT) as url:
        yield url


def unused_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def free_port() -> int:
    """See unused_port."""
    return unused_port()
