import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from sottovoce.vault import lockdown
from sottovoce.vault.lockdown import MEMORY_ENVIRONMENT, RefusedError, State
from tests.servers import INSTANT, environment, serving

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what is given up is Linux's")
WITHOUT_LOCKING = ("setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock")
cannot_drop = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="a capability can be dropped by root only"
)


def run(program: str, *arguments: str, **variables: str) -> Any:
    """What a program in a process of its own prints as JSON."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


APPLY = "import json; from sottovoce.vault import lockdown; parts = {p[0]: p[1:] for p in lockdown.apply('on')};"


def test_every_part_is_held() -> None:
    parts = run(f"{APPLY} print(json.dumps(parts))", **MEMORY_ENVIRONMENT)
    refused = {name: why for name, (state, why) in parts.items() if state != "held"}
    if os.geteuid() != 0:
        refused.pop("memory_locked", None)  # it takes a limit that few users have
    assert refused == {}
    assert list(parts) == list(lockdown._PARTS)


def test_what_is_given_up_is_gone() -> None:
    program = f"""{APPLY}
import ctypes, os, resource
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
try:
    open("/proc/self/mem", "rb").close(); dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
except PermissionError:
    dumpable = 0
print(json.dumps([resource.getrlimit(resource.RLIMIT_CORE), dumpable, status["NoNewPrivs"].strip()]))"""
    assert run(program) == [[0, 0], 0, "1"]


def test_files_can_be_read_and_memory_files_and_dev_null_written(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("read me")
    program = f"""{APPLY}
import os, sys, tempfile
memory = os.memfd_create("x")
open(f"/proc/self/fd/{{memory}}", "w").write("in memory")
open("/dev/null", "w").write("x")
child = os.system("echo x > " + sys.argv[1])
try:
    open(sys.argv[1], "w")
except PermissionError as error:
    said = error.strerror
print(json.dumps([open(sys.argv[1]).read(), os.pread(memory, 99, 0).decode(), said, child != 0]))"""
    assert run(program, str(there)) == ["read me", "in memory", "Permission denied", True]


def test_with_another_thread_files_are_refused_since_it_could_go_on_writing() -> None:
    program = f"import threading; threading.Thread(target=threading.Event().wait, daemon=True).start(); {APPLY}"
    state, why = run(f"{program} print(json.dumps(parts['no_file_writes']))")
    assert state == State.REFUSED
    assert "1 thread(s) run already" in why


@pytest.mark.parametrize(
    ("variables", "says"),
    [({}, "PYTHONMALLOC is not malloc"), ({"PYTHONMALLOC": "malloc"}, "does not overwrite what is freed")],
)
def test_memory_that_is_not_wiped_is_found_out(variables: dict[str, str], says: str) -> None:
    state, why = run(f"{APPLY} print(json.dumps(parts['freed_memory_wiped']))", GLIBC_TUNABLES="", **variables)
    assert state == State.REFUSED
    assert says in why


def test_it_starts_again_once_as_it_was_started() -> None:
    program = """
import json, os, sys
from sottovoce.vault import lockdown
starts = int(os.environ.get("STARTS", "0")) + 1
os.environ["STARTS"] = str(starts)
lockdown.start_again()
kept = {name: os.environ[name] for name in lockdown.MEMORY_ENVIRONMENT}
print(json.dumps([starts, sys.argv[1:], kept, lockdown._STARTED_AGAIN in os.environ]))"""
    mine = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"}
    kept = dict(MEMORY_ENVIRONMENT) | {
        "GLIBC_TUNABLES": f"{mine['GLIBC_TUNABLES']}:{MEMORY_ENVIRONMENT['GLIBC_TUNABLES']}"
    }
    assert run(program, "two words", "-x", **mine) == [2, ["two words", "-x"], kept, False]


def test_it_does_not_start_again_for_ever_where_the_environment_does_not_stay() -> None:
    program = """
import json, os
from sottovoce.vault import lockdown
os.environ["STARTS"] = starts = os.environ.get("STARTS", "") + "x"
os.environ["PYTHONMALLOC"] = "pymalloc"
lockdown.start_again()
print(json.dumps(starts))"""
    assert run(program) == "xx"


def test_within_a_limit_no_memory_is_locked_and_what_to_do_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockdown, "_has_capability", lambda _number: False)
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (8 << 20, 8 << 20))
    with pytest.raises(RefusedError, match=r"8192 KiB.*LimitMEMLOCK=infinity"):
        lockdown.lock_memory()
    assert "VmLck:\t       0 kB" in Path("/proc/self/status").read_text(encoding="ascii")


def test_off_gives_up_nothing() -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    assert {part.state for part in lockdown.apply("off")} == {State.OFF}
    assert resource.getrlimit(resource.RLIMIT_CORE) == before


@cannot_drop
def test_strict_does_not_start_where_a_part_is_refused_and_on_does(tmp_path: Path) -> None:
    serve = [sys.executable, "-m", "sottovoce", "serve", "--port", "0"]
    limited = ["sh", "-c", 'ulimit -l 64; exec "$@"', "sh", *WITHOUT_LOCKING, *serve]
    ended = subprocess.run(
        limited,
        env=environment(INSTANT | {"SOTTOVOCE_LOCKDOWN": "strict"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert ended.returncode == 2
    assert "lockdown is strict, and this is refused here: memory_locked (the limit" in ended.stderr
    assert "SOTTOVOCE_LOCKDOWN=on" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_server_tells_of_every_part() -> None:
    with serving("--log-level", "error", log=None, **INSTANT) as url:
        told = httpx.get(f"{url}/ready", trust_env=False).json()["lockdown"]
    assert list(told) == list(lockdown._PARTS)
    assert told["freed_memory_wiped"] == told["no_file_writes"] == "held"
    with serving("--log-level", "error", log=None, SOTTOVOCE_LOCKDOWN="off", **INSTANT) as url:
        assert set(httpx.get(f"{url}/ready", trust_env=False).json()["lockdown"].values()) == {"off"}


def test_the_workers_of_the_default_engines_are_locked_down_too() -> None:
    with serving("--log-level", "error", SOTTOVOCE_ENGINE_WORKERS="1") as url:
        port = url.rpartition(":")[2]
        (server,) = [
            int(each.name)
            for each in Path("/proc").glob("[0-9]*")
            if _serves(int(each.name)) and _listens(int(each.name), port)
        ]
        workers = _below(server)
        locked = {pid: Path(f"/proc/{pid}/status").read_text(encoding="ascii") for pid in workers}
    assert len(workers) == 4  # each engine's worker, and the child of each, which hears or speaks
    assert all("NoNewPrivs:\t1" in status for status in locked.values())
    if os.geteuid() == 0:
        assert not any("VmLck:\t       0 kB" in status for status in locked.values())


def _serves(pid: int) -> bool:
    try:
        return b"sottovoce\0serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _listens(pid: int, port: str) -> bool:
    wanted = f":{int(port):04X} "
    lines = [line for line in Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines() if wanted in line]
    inodes = {line.split()[9] for line in lines if line.split()[3] == "0A"}
    links = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()}
    return any(f"socket:[{inode}]" in links for inode in inodes)


def _below(pid: int) -> list[int]:
    children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return children + [below for child in children for below in _below(child)]
