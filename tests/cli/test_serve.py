import signal
import socket
import subprocess
import sys

import httpx
import pytest

from tests.cli.conftest import Run
from tests.servers import INSTANT, ROOT, environment


def test_it_says_where_it_listens_and_stops_with_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sottovoce", "serve", "--port", "0"],
        env=environment(INSTANT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Sottovoce listens on http://127.0.0.1:")
        assert line.endswith(" — talk to it there in a browser; stop with Ctrl-C\n")
        health = httpx.get(line.split()[3] + "/health", trust_env=False)
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=30)
    assert health.json() == {"status": "ok"}
    assert process.returncode == 0
    assert out == ""
    assert rest.endswith("Stopped.\n")
    assert "Traceback" not in rest


def test_a_taken_port_is_said_in_a_sentence(run_process: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run_process("serve", "--port", str(port), **INSTANT)
    assert answer.code == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SOTTOVOCE_PORT": "many"}, "port"),
        ({"SOTTOVOCE_HOST": "192.0.2.1"}, "public_url"),
        ({"SOTTOVOCE_CONFIG": "nowhere.toml"}, "nowhere.toml"),
    ],
)
def test_settings_that_cannot_be_used_are_named(run: Run, settings: dict[str, str], says: str) -> None:
    answer = run("serve", **(INSTANT | settings))
    assert answer.code == 2
    assert answer.err.startswith("sottovoce: ")
    assert says in answer.err
    assert "Traceback" not in answer.err
