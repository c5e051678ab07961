import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from sottovoce.cli import app
from tests.servers import ROOT, environment, free_port, instant_server

__all__ = ["free_port", "instant_server"]

TIMEOUT_S = 100


class Ended(msgspec.Struct):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in this process, in an empty folder; keywords are settings in its environment."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path, **settings: str) -> Ended:
        result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "100"} | settings)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def run_process(tmp_path: Path) -> Run:
    """The same as a user runs it, in a process of its own: for what depends on that."""

    def run(*arguments: str | Path, **settings: str) -> Ended:
        ended = subprocess.run(
            [sys.executable, "-m", "sottovoce", *map(str, arguments)],
            env=environment({"COLUMNS": "100"} | settings),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=tmp_path,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture(scope="session")
def speech() -> Path:
    """The folder of recordings of people."""
    return ROOT / "tests" / "data" / "speech"
