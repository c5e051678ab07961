"""A skill that tries to write fails, in a real server; the server goes on."""

import secrets
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import INSTANT, ROOT, serving
from tests.vault.misbehaving import THERE, WAYS

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Landlock is Linux's")
ENDED = {"completed", "failed", "cancelled"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PYTHONPATH on which the skill is a package's, found by its entry point."""
    folder = tmp_path_factory.mktemp("packages")
    source = (ROOT / "tests" / "vault" / "misbehaving.py").read_text(encoding="utf-8")
    (folder / "misbehaving.py").write_text(source, encoding="utf-8")
    info = folder / "misbehaving-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[sottovoce.skills]\nmisbehaving = misbehaving:SKILLS\n")
    return f"{folder}:{ROOT / 'src'}"


@pytest.fixture(scope="module")
def locked(installed: str) -> Generator[str, None, None]:
    with serving("--log-level", "error", log=None, PYTHONPATH=installed, **INSTANT) as url:
        yield url


@pytest.fixture(scope="module")
def unlocked(installed: str) -> Generator[str, None, None]:
    with serving("--log-level", "error", PYTHONPATH=installed, log=None, SOTTOVOCE_LOCKDOWN="off", **INSTANT) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / THERE).write_text(THERE)
    return tmp_path


def tried(url: str, way: str, folder: Path) -> dict[str, Any]:
    """The task, once it has ended."""
    who = {
        "namespace_id": f"test.{secrets.token_hex(8)}",
        "key_hash": "sha256:" + secrets.token_hex(32),
        "device_type": "test",
        "client_version": "1",
    }
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as client:
        session = client.post("/sessions", json=who).json()["id"]
        arguments = {"way": way, "folder": str(folder)}
        task = client.post(f"/sessions/{session}/tasks", json={"type": "misbehave", "arguments": arguments}).json()
        while task["state"] not in ENDED:
            time.sleep(0.02)
            task = client.get(f"/tasks/{task['id']}").json()
        assert client.delete(f"/sessions/{session}").status_code == 200
    answer: dict[str, Any] = task
    return answer


@pytest.mark.parametrize("way", WAYS)
def test_it_fails_with_an_error_and_the_server_goes_on(locked: str, folder: Path, way: str) -> None:
    task = tried(locked, way, folder)
    assert task["state"] == "failed"
    assert task["error_message"].startswith("The skill misbehave failed (")
    assert [path.name for path in folder.iterdir()] == [THERE]
    assert (folder / THERE).read_text() == THERE
    ready = httpx.get(f"{locked}/ready", trust_env=False)
    assert ready.json()["lockdown"]["no_file_writes"] == "held"


@pytest.mark.parametrize("way", WAYS)
def test_without_lockdown_it_would_have_written(unlocked: str, folder: Path, way: str) -> None:
    try:
        assert tried(unlocked, way, folder)["state"] == "completed"
    finally:
        Path("/dev/shm/sottovoce-test").unlink(missing_ok=True)  # noqa: S108 - one of the ways
