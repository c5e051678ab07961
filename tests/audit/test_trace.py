import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sottovoce.audit import trace


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def line(call: str) -> str:
    return f"123 {call}\n"


def test_what_is_written_to_files_is_kept_and_what_goes_elsewhere_is_not() -> None:
    seen = trace.Trace(
        [
            line(f'write(3<{hexed("/home/said")}>, "{hexed("hello there")}", 11) = 11'),
            line(f'write(4<pipe:[77]>, "{hexed("to a worker")}", 11) = 11'),
            line(f'write(5<{hexed("/dev/null")}>, "{hexed("nothing")}", 7) = 7'),
            line(f'write(6<{hexed("/memfd:x (deleted)")}>, "{hexed("in memory")}", 9) = 9'),
        ]
    )
    assert seen.changed == ["write"]
    assert bytes(seen.written) == b"hello there\n"


@pytest.mark.parametrize(
    ("call", "changed"),
    [
        ('openat(AT_FDCWD<{cwd}>, "{name}", O_WRONLY|O_CREAT, 0666) = 3<{path}>', ["openat"]),
        ('openat(AT_FDCWD<{cwd}>, "{name}", O_WRONLY|O_CREAT, 0666) = -1 EACCES (Permission denied)', []),
        ('openat(AT_FDCWD<{cwd}>, "{name}", O_RDONLY|O_CLOEXEC) = 3<{path}>', []),
        ('mkdir("{name}", 0777) = 0', ["mkdir"]),
        ('rename("{name}", "{name}") = -1 EACCES (Permission denied)', []),
    ],
)
def test_only_what_succeeded_and_changes_something_counts(call: str, changed: list[str]) -> None:
    filled = call.format(cwd=hexed("/home"), name=hexed("said"), path=hexed("/home/said"))
    assert trace.Trace([line(filled)]).changed == changed


def test_a_call_that_another_process_interrupts_is_put_together() -> None:
    lines = [
        f'1 write(3<{hexed("/home/said")}>, "{hexed("hello")}", 5 <unfinished ...>\n',
        '2 mkdir("\\x61", 0777) = 0\n',
        "1 <... write resumed>) = 5\n",
    ]
    seen = trace.Trace(lines)
    assert seen.changed == ["mkdir", "write"]
    assert b"hello" in seen.written


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_real_strace_is_understood(tmp_path: Path) -> None:
    program = """
import os, sys
folder = sys.argv[1]
with open(folder + "/file", "w") as file: file.write("said to a file")
os.mkdir(folder + "/folder")
os.rename(folder + "/file", folder + "/said in a name")
if os.fork() == 0:
    with open(folder + "/of a child", "wb") as file: os.writev(file.fileno(), [b"said ", b"by a child"])
    os._exit(0)
os.wait()
"""
    log = tmp_path / "log"
    inside = tmp_path / "inside"
    inside.mkdir()
    subprocess.run([*trace.COMMAND, "-o", str(log), sys.executable, "-c", program, str(inside)], check=True)
    seen = trace.Trace(log.read_text(encoding="ascii").splitlines())
    assert {"openat", "mkdir", "rename", "write", "writev"} <= set(seen.changed)
    assert b"said to a file" in seen.written
    assert b"said in a name" in seen.written
    assert b"by a child" in seen.written
