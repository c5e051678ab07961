"""A server that can write no file, beside programs of MCP servers that can."""

import io
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.orchestrator.mcp.peers import over_stdio
from tests.servers import INSTANT, serving

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Landlock is Linux's")
CANARY = "xylophone"


def opened(client: httpx.Client) -> str:
    who = {
        "namespace_id": f"test.{secrets.token_hex(8)}",
        "key_hash": "sha256:" + secrets.token_hex(32),
        "device_type": "test",
        "client_version": "1",
    }
    session_id: str = client.post("/sessions", json=who).json()["id"]
    return session_id


def ended(client: httpx.Client, session: str, type_: str, **arguments: Any) -> dict[str, Any]:
    answer = client.post(f"/sessions/{session}/tasks", json={"type": type_, "arguments": arguments})
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    until = time.monotonic() + 15
    while task["state"] not in {"completed", "failed", "cancelled"}:
        assert time.monotonic() < until
        time.sleep(0.05)
        task = client.get(f"/tasks/{task['id']}").json()
    return task


def test_programs_can_write_before_and_after_they_died_and_the_server_cannot(tmp_path: Path) -> None:
    log = io.StringIO()
    servers = json.dumps({"peer": over_stdio(str(tmp_path))})
    with (
        serving("--log-level", "debug", log=log, SOTTOVOCE_MCP_SERVERS=servers, **INSTANT) as url,
        httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=20) as client,
    ):
        ready = httpx.get(f"{url}/ready", trust_env=False).json()
        assert ready["lockdown"]["no_file_writes"] == "held"
        session = opened(client)
        assert ended(client, session, "peer.append", what=f"{CANARY} one")["state"] == "completed"
        assert ended(client, session, "peer.die")["state"] == "failed"
        until = time.monotonic() + 15
        while ended(client, session, "peer.append", what=f"{CANARY} two")["state"] != "completed":
            assert time.monotonic() < until
            time.sleep(0.2)
        assert ended(client, session, "peer.fail", why=CANARY)["state"] == "failed"
    assert (tmp_path / "appended").read_text().splitlines() == [f"{CANARY} one", f"{CANARY} two"]
    assert len((tmp_path / "started").read_text().split()) == 2
    assert "mcp_server_lost" in log.getvalue()
    assert CANARY not in log.getvalue()


def test_programs_go_with_a_server_that_is_killed() -> None:
    servers = json.dumps({"peer": over_stdio()})
    with (
        serving(log=None, SOTTOVOCE_MCP_SERVERS=servers, **INSTANT) as url,
        httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=20) as client,
    ):
        task = ended(client, opened(client), "peer.whoami")
        program = psutil.Process(client.get(f"/tasks/{task['id']}/result").json()["result"]["structured"]["pid"])
        keeper = program.parent()
        assert keeper is not None
        server = keeper.parent()
        assert server is not None
        server.kill()
        _, alive = psutil.wait_procs([program, keeper], timeout=10)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []
