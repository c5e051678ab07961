"""The processes of a server, seen by root: stopped, and their memory read."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 1 << 23
_PROC = Path("/proc")
_OF_THE_KERNEL: Final = ("[vvar]", "[vsyscall]", "[vvar_vclock]")


def descendants(pid: int) -> list[int]:
    """All processes below this one, parents first."""
    found = []
    for task in (_PROC / str(pid) / "task").iterdir():
        for child in (task / "children").read_text(encoding="ascii").split():
            found += [int(child), *descendants(int(child))]
    return found


def role(pid: int) -> str:
    """What this process of the server is for, by its command line."""
    command = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    module = next((part for part in command if part.startswith("sottovoce.")), "server")
    return module.rpartition(".")[2]


def is_gone(pid: int) -> bool:
    """Whether it has ended."""
    return not (_PROC / str(pid)).exists()


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """They do nothing while the block lasts."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def memory(pid: int) -> Iterator[bytes]:
    """All that this process alone has written to: heaps, stacks, and what it changed of files. Raises OSError."""
    handle = os.open(_PROC / str(pid) / "mem", os.O_RDONLY)
    try:
        for start, end in _written(pid):
            at = start
            while at < end:
                piece = _read(handle, at, min(PIECE_BYTES, end - at))
                if not piece:
                    break
                yield piece
                at += len(piece)
    finally:
        os.close(handle)


def _read(handle: int, at: int, size: int) -> bytes:
    """As much as can be read from there on; nothing: no more of the region is in memory."""
    try:
        return os.pread(handle, size, at)
    except OSError:
        return b""


def _written(pid: int) -> Iterator[tuple[int, int]]:
    for line in (_PROC / str(pid) / "maps").read_text(encoding="utf-8").splitlines():
        where, rights, _, _, inode, *name = line.split(maxsplit=5)
        if not rights.startswith("r") or (name and name[0] in _OF_THE_KERNEL):
            continue
        if "w" in rights or inode == "0":
            start, _, end = where.partition("-")
            yield int(start, 16), int(end, 16)
