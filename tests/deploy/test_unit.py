"""The systemd unit as systemd reads it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, unit

ANALYZE = shutil.which("systemd-analyze") or ""
pytestmark = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed (Debian: systemd)")
MOST_EXPOSED = 20
"""In tenths, of 100; an unhardened service has 96."""
LANDLOCK = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The unit, with a program that this machine has."""
    text = (DEPLOY / "sottovoce.service").read_text()
    path = tmp_path / "sottovoce.service"
    path.write_text(text.replace("/opt/sottovoce/bin/sottovoce", str(Path(sys.executable).with_name("sottovoce"))))
    return path


def test_systemd_understands_every_line(here: Path) -> None:
    read = subprocess.run([ANALYZE, "verify", "--man=no", here], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert [line for line in read.stderr.splitlines() if here.name in line] == []


def test_a_line_that_systemd_does_not_know_is_noticed(here: Path) -> None:
    here.write_text(here.read_text().replace("ProtectHome=", "ProtectHouse="))
    read = subprocess.run([ANALYZE, "verify", "--man=no", here], capture_output=True, text=True, check=False)
    assert "ProtectHouse" in read.stderr


def test_little_is_left_to_attack(here: Path) -> None:
    judged = subprocess.run(
        [ANALYZE, "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", here],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-500:]


def test_lockdown_gets_the_calls_and_the_memory_that_it_takes() -> None:
    allowed, taken = unit("SystemCallFilter")
    assert set(allowed.split()) >= LANDLOCK
    assert taken.startswith("~")
    assert unit("LimitMEMLOCK") == ["infinity"]
