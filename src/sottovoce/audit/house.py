"""A server to be audited: traced, its log kept, and with one small file system as the only place it could write to."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from sottovoce.audit import processes, trace
from sottovoce.errors import SottovoceError

MARK: Final = "SOTTOVOCE_AUDIT_MARK"
"""An environment variable of all its processes: where it is not found, their memory was not read."""
IMAGE_BYTES: Final = 16 << 20
START_S: Final = 90.0
STOP_S: Final = 30.0
_LISTENS = re.compile(r"listens on (http://\S+)")
_CONFINE: Final = """
set -e
mount -o loop "$1" "$2"
while read -r _ _ _ _ point _; do
  case "$point" in
    "$2"|/proc|/proc/*|/sys|/sys/*) ;;
    *) mount -o remount,bind,ro "$point" 2>/dev/null || true ;;
  esac
done < /proc/self/mountinfo
shift 2
exec "$@"
"""
"""In a mount namespace of its own, which goes with it: the image is mounted, and everything else read-only."""


class NotStartedError(SottovoceError):
    """The server to be audited did not start; its last words are in the message."""


class House:
    """A running server, and what is known of it."""

    def __init__(self, folder: Path, *, traced: bool, image: Path | None) -> None:
        self.folder = folder
        """Where it could write: its HOME, TMPDIR and working directory."""
        self.image = image
        """The raw file system that this is, if it is one."""
        self.traced = traced
        self.url = ""
        self.log: list[str] = []
        """What it said on standard error."""
        self._trace_lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self, environment: Mapping[str, str]) -> None:
        """Raises NotStartedError."""
        command = [sys.executable, "-m", "sottovoce", "serve", "--host", "127.0.0.1", "--port", "0"]
        reading, writing = os.pipe()
        if self.traced:
            command = [*trace.COMMAND, "-o", f"/dev/fd/{writing}", "--", *command]
        if self.image is not None:
            confine = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _CONFINE, "sh")
            command = [*confine, str(self.image), str(self.folder), *command]
        self._process = subprocess.Popen(  # noqa: S603 - our own server
            command,
            env=dict(environment) | {"HOME": str(self.folder), "TMPDIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=(writing,),
            start_new_session=True,
        )
        os.close(writing)
        assert self._process.stderr is not None  # noqa: S101 - it was asked for
        self._read(self._process.stderr, self.log)
        self._read(os.fdopen(reading, encoding="ascii", errors="replace"), self._trace_lines)
        self._await_url()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        def read() -> None:
            with stream:
                lines.extend(stream)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _await_url(self) -> None:
        assert self._process is not None  # noqa: S101 - it was started
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            found = _LISTENS.search("".join(self.log))
            if found is not None:
                self.url = found[1]
                return
            time.sleep(0.05)
        raise NotStartedError("The server to be audited did not start. It said:\n  " + "  ".join(self.log[-8:]))

    def stop(self) -> None:
        """End it, and read to the end what it said and did. Harmless when done twice."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, IndexError, FileNotFoundError):
            os.kill(self.processes()[0], signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.processes()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
        for reader in self._readers:
            reader.join(STOP_S)

    # -- what is known of it -----------------------------------------------------------------------------------------

    def processes(self) -> list[int]:
        """The server and all that it started; not what traces it."""
        assert self._process is not None  # noqa: S101 - it was started
        below = processes.descendants(self._process.pid)
        return below if self.traced else [self._process.pid, *below]

    def image_pieces(self) -> Iterator[bytes]:
        """The raw file system, as it is on disk now."""
        assert self.image is not None  # noqa: S101 - whoever asks knows
        inside = os.open(f"/proc/{self.processes()[0]}/root{self.folder}", os.O_RDONLY | os.O_DIRECTORY)
        try:
            ctypes.CDLL(None).syncfs(inside)
        finally:
            os.close(inside)
        with self.image.open("rb") as file:
            while piece := file.read(processes.PIECE_BYTES):
                yield piece

    def trace_so_far(self) -> trace.Trace:
        """What it did to files up to now."""
        return trace.Trace(list(self._trace_lines))


@contextmanager
def house(environment: Mapping[str, str], *, traced: bool, imaged: bool) -> Iterator[House]:
    """A server that runs while the block lasts. Raises NotStartedError."""
    with tempfile.TemporaryDirectory(prefix="sottovoce-audit-") as temporary:
        folder = Path(temporary) / "home"
        folder.mkdir()
        image = _image(Path(temporary) / "image") if imaged else None
        made = House(folder, traced=traced, image=image)
        try:
            made.start(environment)
            yield made
        finally:
            made.stop()


def _image(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run([_found("mkfs.ext4"), "-q", "-F", str(path)], check=True, capture_output=True)  # noqa: S603
    return path


def _found(program: str) -> str:
    """Where a program is; those of administrators are not in everybody's PATH."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or program


def why_no_trace() -> str:
    """What is missing to trace it; empty: nothing."""
    return "" if shutil.which("strace") else "strace is not installed (apt-get install strace)"


def why_no_memory() -> str:
    """What is missing to read its memory."""
    return "" if os.geteuid() == 0 else "the memory of a process that is locked down opens to root only: use sudo"


def why_no_image() -> str:
    """What is missing to give it a file system of its own: it is tried."""
    if os.geteuid() != 0:
        return "mounting a file system takes root: use sudo"
    if not shutil.which(_found("mkfs.ext4")):
        return "mkfs.ext4 is not installed (apt-get install e2fsprogs)"
    with tempfile.TemporaryDirectory(prefix="sottovoce-audit-") as temporary:
        image, folder = _image(Path(temporary) / "image"), Path(temporary) / "home"
        folder.mkdir()
        confined = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _CONFINE, "sh")
        tried = subprocess.run(  # noqa: S603 - as the server will be started
            [*confined, str(image), str(folder), "true"], capture_output=True, text=True, check=False
        )
    return "" if tried.returncode == 0 else f"no file system can be mounted here: {tried.stderr.strip()[-200:]}"
