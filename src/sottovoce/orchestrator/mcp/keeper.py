"""A process that starts the program of an MCP server, and starts it again when it is gone.

A server under lockdown can write no file, and neither can what it starts. The programs of MCP servers are the
operator's own, and may have files to write: this process starts before the lockdown, and starts nothing but the one
program that it is told first. Nothing of what is said to the program passes through it.

It is run by its path and uses the standard library only, so that it is small and needs no environment of ours. Over a
socket (SOCK_SEQPACKET, the number of its descriptor is the argument) it takes

    {"command": […], "env": {…}}   first, once
    start N                        answered by "N", with a stream socket to a program just started, or by "N why not"
    stop                           not answered

An end of the socket ends the program and this process.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

LONGEST = 128 * 1024
GOES_BY_ITSELF_S = 2.0
GOES_WHEN_TOLD_S = 2.0


def keep(control: socket.socket) -> None:
    """Do what is told until the socket ends."""
    program = json.loads(control.recv(LONGEST))
    running: subprocess.Popen[bytes] | None = None
    try:
        while told := control.recv(LONGEST):
            stop(running)
            running = None
            if told != b"stop":
                running = start(control, program, told.removeprefix(b"start "))
    except ConnectionError:
        return
    finally:
        stop(running)


def start(control: socket.socket, program: dict[str, Any], number: bytes) -> "subprocess.Popen[bytes] | None":
    """Start the program and hand over the other end of its standard input and output, which are one socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            # What it says on standard error may be what was said to it: that goes nowhere.
            started = subprocess.Popen(  # noqa: S603 - the operator's own
                program["command"],
                env=program["env"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            control.send(number + b" " + str(error.strerror).encode())
            return None
        socket.send_fds(control, [number], [ours.fileno()])
        return started


def stop(running: "subprocess.Popen[bytes] | None") -> None:
    """End the program and all that it has started: its input has ended; then it is told, then it is killed."""
    if running is None:
        return
    for wait_s, then in ((GOES_BY_ITSELF_S, signal.SIGTERM), (GOES_WHEN_TOLD_S, signal.SIGKILL)):
        with suppress(subprocess.TimeoutExpired):
            running.wait(wait_s)
        with suppress(ProcessLookupError):
            os.killpg(running.pid, then)
    running.wait()


if __name__ == "__main__":
    keep(socket.socket(fileno=int(sys.argv[1])))
