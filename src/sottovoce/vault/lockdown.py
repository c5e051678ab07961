"""A process that cannot write: what was said in it can get neither to a disk nor to who comes later.

`start_again` comes first, before there is anything to lose; `apply` when nothing needs to be written any more and
nothing was said yet. Both in every process of the server: the workers of engines, too.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, NamedTuple

from sottovoce.vault import landlock

Mode = Literal["on", "strict", "off"]


class State(StrEnum):
    """Of one part."""

    HELD = "held"
    REFUSED = "refused"
    OFF = "off"


class Part(NamedTuple):
    """One thing that was given up, or could not be."""

    name: str
    state: State
    why: str = ""
    """What keeps it from being held, and what to do about it."""


class RefusedError(Exception):
    """This cannot be had here; the message says why, and what to do."""


_MALLOC, _TUNABLES = "PYTHONMALLOC", "GLIBC_TUNABLES"
MEMORY_ENVIRONMENT: Final[Mapping[str, str]] = {
    _MALLOC: "malloc",
    _TUNABLES: "glibc.malloc.perturb=90:glibc.malloc.tcache_count=0",
}
"""With these, glibc overwrites what is freed. Python's own allocator and glibc's caches of threads would not."""
_STARTED_AGAIN: Final = "SOTTOVOCE_STARTED_AGAIN"
"""Set for the one start that is to come; who finds it does not start again."""

_SET_DUMPABLE, _GET_DUMPABLE, _SET_NO_NEW_PRIVS = 4, 3, 38
_LOCK_CURRENT, _LOCK_FUTURE, _LOCK_ON_FAULT = 1, 2, 4
_CAP_IPC_LOCK: Final = 14
_PROBED_BYTES: Final = 512
_LISTS_OF_FREE_BYTES: Final = 32
"""At the beginning of what is free, glibc keeps where the rest of it is."""
_MARK: Final = 0xA7


def start_again() -> None:
    """Replace this process by itself, with memory that is wiped when it is freed; same arguments, same streams.

    Returns where that is done already or cannot be had: `apply` tells. Never loops.
    """
    done = os.environ.pop(_STARTED_AGAIN, None) is not None
    there = all(os.environ.get(name, "").endswith(value) for name, value in MEMORY_ENVIRONMENT.items())
    if done or there or not sys.platform.startswith("linux"):
        return
    # Of tunables that are named twice, the last counts.
    tunables = ":".join(filter(None, [os.environ.get(_TUNABLES), MEMORY_ENVIRONMENT[_TUNABLES]]))
    environment = os.environ | MEMORY_ENVIRONMENT | {_TUNABLES: tunables, _STARTED_AGAIN: "1"}
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - there is no shell


def apply(mode: Mode) -> tuple[Part, ...]:
    """Give up what can be given up, in this process and for good; tells of each part. `off` gives up nothing.

    To be called while this process has one thread only. Raises RefusedError if the mode is `strict` and a part is
    refused; what was given up until then stays so.
    """
    if mode == "off":
        return tuple(Part(name, State.OFF) for name in _PARTS)
    parts = tuple(_tried(name, give_up) for name, give_up in _PARTS.items())
    refused = [f"{part.name} ({part.why})" for part in parts if part.state is State.REFUSED]
    if mode == "strict" and refused:
        raise RefusedError(
            f"lockdown is strict, and this is refused here: {'; '.join(refused)}. Mend that, or set lockdown to on "
            "(SOTTOVOCE_LOCKDOWN=on), which makes it a warning"
        )
    return parts


def try_out() -> list[Part]:
    """What `apply` would tell in a server that is started now; nothing is given up here."""
    tried = subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", __name__], env=os.environ | MEMORY_ENVIRONMENT, capture_output=True, check=True
    )
    return [Part(name, State(state), why) for name, state, why in json.loads(tried.stdout)]


def mode_of(arguments: Sequence[str]) -> Mode:
    """What a worker process was told, as the last of its arguments; off if nothing."""
    told = arguments[-1]
    return told if told in {"on", "strict"} else "off"  # type: ignore[return-value]


def lock_memory() -> None:
    """No page of this process goes to swap, now or later. Not inherited by children. Raises RefusedError.

    Only where there is no limit: within one, an allocation that comes later would fail.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if not _has_capability(_CAP_IPC_LOCK):
        if hard != resource.RLIM_INFINITY:
            raise RefusedError(
                f"the limit of locked memory is {hard // 1024} KiB, and what comes later would fail within it: start "
                "the server with ulimit -l unlimited, LimitMEMLOCK=infinity (systemd) or --ulimit memlock=-1 (Docker)"
            )
        if soft != hard:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    if _libc().mlockall(_LOCK_CURRENT | _LOCK_FUTURE | _LOCK_ON_FAULT) != 0:
        raise RefusedError(_errno("mlockall"))


def lock_memory_if_possible() -> None:
    """As lock_memory, for a child of a process that has told already where it is refused."""
    with suppress(RefusedError):
        lock_memory()


def _tried(name: str, give_up: Callable[[], None]) -> Part:
    if not sys.platform.startswith("linux"):
        return Part(name, State.REFUSED, "only Linux can do this")
    try:
        give_up()
    except RefusedError as refused:
        return Part(name, State.REFUSED, str(refused))
    return Part(name, State.HELD)


def _no_new_rights() -> None:
    if _libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise RefusedError(_errno("PR_SET_NO_NEW_PRIVS"))


def _no_files() -> None:
    # What Landlock takes is taken from this thread and those that it starts: not from those that run already.
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RefusedError(f"{threads - 1} thread(s) run already that would keep the power to write")
    try:
        interface = landlock.version()
        landlock.give_up_writing()
    except OSError as error:
        raise RefusedError(
            f"this kernel has no Landlock for us ({error.strerror}): it takes Linux 6.2, with landlock among "
            "CONFIG_LSM or in the boot option lsm=, and a container runtime that lets it through"
        ) from None
    if interface < landlock.FIRST_WITH_TRUNCATE:
        raise RefusedError("files can still be emptied, though not written: Linux 6.2 refuses that too")


def _no_core_dumps() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (OSError, ValueError) as error:
        raise RefusedError(f"RLIMIT_CORE: {error}") from None


def _not_dumpable() -> None:
    libc = _libc()
    if libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) != 0 or libc.prctl(_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise RefusedError(_errno("PR_SET_DUMPABLE"))


def _wiped_memory() -> None:
    """Looks, rather than trusts: what is freed here and now must not be there afterwards."""
    if os.environ.get(_MALLOC) != MEMORY_ENVIRONMENT[_MALLOC]:
        raise RefusedError("PYTHONMALLOC is not malloc: the server must be started by sottovoce serve")
    libc = _libc()
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    address = libc.malloc(_PROBED_BYTES)
    # Without a neighbour in use, it would become part of one larger piece, whose beginning lies elsewhere.
    neighbour = libc.malloc(_PROBED_BYTES)
    ctypes.memset(address, _MARK, _PROBED_BYTES)
    libc.free(address)
    left = ctypes.string_at(address, _PROBED_BYTES)[_LISTS_OF_FREE_BYTES:]
    libc.free(neighbour)
    if _MARK in left:
        raise RefusedError("this C library does not overwrite what is freed: it takes glibc")


_PARTS: Final[Mapping[str, Callable[[], None]]] = {
    "no_new_privileges": _no_new_rights,
    "no_file_writes": _no_files,
    "no_core_dumps": _no_core_dumps,
    "not_dumpable": _not_dumpable,
    "freed_memory_wiped": _wiped_memory,
    "memory_locked": lock_memory,
}
"""In this order: without the first, the kernel does not grant the second."""


def _has_capability(number: int) -> bool:
    with Path("/proc/self/status").open(encoding="ascii") as lines:
        effective = next(line.split()[1] for line in lines if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> number & 1)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _errno(what: str) -> str:
    return f"{what}: {os.strerror(ctypes.get_errno())}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(apply("on")))
