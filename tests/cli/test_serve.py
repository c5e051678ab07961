import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

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
    assert f"Cannot listen on 127.0.0.1:{port} (Address already in use). " in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SOTTOVOCE_PORT": "many"}, "port"),
        ({"SOTTOVOCE_HOST": "192.0.2.1"}, "public_url"),
        ({"SOTTOVOCE_CONFIG": "nowhere.toml"}, "nowhere.toml"),
        ({"SOTTOVOCE_CONFIG": f"{ROOT}/README.md"}, "README.md cannot be read: "),
        ({"SOTTOVOCE_MCP_SERVERS": "home"}, "A setting of the environment cannot be read as JSON: "),
        ({"SOTTOVOCE_STORE": "redis:"}, "The settings cannot be used. store: a store is memory:"),
        ({"SOTTOVOCE_JWKS_URL": "https://a.example"}, "The settings cannot be used. jwks_url needs"),
        ({"SOTTOVOCE_TRUSTED_PROXIES": "proxy"}, "trusted_proxies: proxy is no IP address"),
        ({"SOTTOVOCE_OPERATOR_PASSWORD": "short"}, "operator_password: it has 5 characters, and needs 12 or more"),
    ],
)
def test_settings_that_cannot_be_used_are_named(run: Run, settings: dict[str, str], says: str) -> None:
    answer = run("serve", **(INSTANT | settings))
    assert answer.code == 2
    assert answer.err.startswith("sottovoce: ")
    assert says in answer.err
    assert "Traceback" not in answer.err


def test_an_address_that_is_not_this_machines_is_not_taken_for_a_taken_port(run_process: Run, tmp_path: Path) -> None:
    reached = {"SOTTOVOCE_HOST": "192.0.2.1", "SOTTOVOCE_PUBLIC_URL": "https://voice.example.org"}
    keys = tmp_path / "keys.json"
    assert run_process("keys", "api", "new", keys, "--name", "one", "--namespace", "*").code == 0
    answer = run_process("serve", **INSTANT, **reached, SOTTOVOCE_API_KEYS=str(keys))
    assert answer.code == 2
    assert "192.0.2.1:8765 (Cannot assign requested address). Take an address of this machine" in answer.err


def test_a_setting_that_is_not_there_is_said_to_be_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("prot = 9000\n", encoding="utf-8")
    answer = run("serve", SOTTOVOCE_CONFIG=str(tmp_path / "mine.toml"))
    assert answer.code == 2
    assert answer.err == "sottovoce: The settings cannot be used. prot: there is no such setting\n"


def test_an_engine_that_is_not_there_is_said_once_and_in_a_sentence(run_process: Run) -> None:
    answer = run_process("serve", "--port", "0", "--recogniser", "wyoming://127.0.0.1:1")
    assert answer.code == 2
    assert answer.err.startswith("sottovoce: No Wyoming server answers at 127.0.0.1:1")


def test_a_signal_to_all_its_processes_stops_it_as_one_to_itself_does() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sottovoce", "serve", "--port", "0"],
        env=environment({}),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Sottovoce listens on ")
        os.killpg(process.pid, signal.SIGTERM)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    assert "worker" not in rest
