"""A worker process that forgets by dying: what a library kept of speech goes with the process that heard it.

The process that was started loads everything, then only makes children, one at a time. A child serves until it is idle,
then ends; the next one begins with the memory that its parent had before anything was said. Making one ahead of time
takes a few milliseconds that nobody waits for.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

from sottovoce.vault import lockdown

IDLE: Final = 64
"""Exit code of a child that has heard something and has nothing to do now. What it adds is told to `prepare`."""
MOST_TOLD: Final = 63
_PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """What stops the server may go to all its processes: an interrupt at the terminal, or how systemd stops a service.
    The parent decides when this ends, and takes this along."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def run(serve: Callable[[], int | None], prepare: Callable[[int], None] | None = None) -> int:
    """Have children call `serve` until one returns None, which means that there is no more to do; returns an exit code.

    `serve` returns a number up to MOST_TOLD when it is idle: `prepare` is called with it here, before the next child.
    """
    while True:
        child = os.fork()
        if child == 0:
            os._exit(_child(serve))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if not IDLE <= code <= IDLE + MOST_TOLD:
            return abs(code)
        if prepare is not None:
            prepare(code - IDLE)


def _child(serve: Callable[[], int | None]) -> int:
    die_with_parent()
    try:
        lockdown.lock_memory_if_possible()  # locks are not inherited
        told = serve()
    except BaseException as error:  # noqa: BLE001 - nothing of it may get into the parent's code, nor into a traceback
        return 0 if isinstance(error, EOFError | BrokenPipeError) else 1
    finally:
        sys.stdout.flush()
    return 0 if told is None else IDLE + min(told, MOST_TOLD)
