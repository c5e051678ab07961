"""Starting what is measured, on a core of its own, and reading what it takes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parent.parent
START_S = 60.0
STOP_S = 15.0


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pin(core: int) -> None:
    """Keep this process on one core, where the machine has several."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[core % len(cores)]})


@contextmanager
def running(
    command: Sequence[str | Path], url: str, *, core: int | None = 0, env: Mapping[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A server, from the moment that `url` answers; stopped in the end. Raises RuntimeError where it does not come."""
    cores = sorted(os.sched_getaffinity(0)) if core is None else [all_cores()[core % len(all_cores())]]
    child = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **(env or {})},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - no threads run yet
    )
    try:
        wait_for(url, child)
        yield psutil.Process(child.pid)
    finally:
        stop(child)


def all_cores() -> list[int]:
    """Every core that the first process of this program could use, whatever this one is pinned to now."""
    return sorted(psutil.Process(os.getppid()).cpu_affinity() or [0])


def wait_for(url: str, child: subprocess.Popen[bytes]) -> None:
    """Return once `url` answers with any status below 500."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(f"the server ended with code {child.returncode} before it answered")
        try:
            if httpx.get(url, timeout=5).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not answer within {START_S:.0f} s")


def stop(child: subprocess.Popen[bytes]) -> None:
    """End it and what it started: kindly, then surely."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def sottovoce(*, core: int | None = 0, **settings: str) -> Iterator[tuple[str, psutil.Process]]:
    """Our own server with these settings (`max_sessions="9"`): its base URL and process. Answers cost nothing unless
    `recogniser` and `synthesiser` say otherwise."""
    port = free_port()
    chosen = {"recogniser": "instant:", "synthesiser": "instant:", "log_level": "warning", **settings}
    env = {f"SOTTOVOCE_{name.upper()}": value for name, value in chosen.items()}
    command: list[str | Path] = [Path(sys.executable).parent / "sottovoce", "serve", "--port", str(port)]
    base = f"http://127.0.0.1:{port}"
    with running(command, f"{base}/ready", core=core, env=env) as process:
        yield base, process


class Usage:
    """What a server takes from now on: of its own process, and of the workers that it started."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._began = time.monotonic()
        self._cpu = self._cpu_seconds()
        self._workers_cpu = self._workers_seconds()
        self.rss = process.memory_info().rss
        self.peak_rss = self.rss

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _workers_seconds(self) -> float:
        times = [worker.cpu_times() for worker in self._process.children(recursive=True)]
        return float(sum(each.user + each.system for each in times))

    def look(self) -> None:
        """Take a sample of the memory in use."""
        self.peak_rss = max(self.peak_rss, self._process.memory_info().rss)

    def restart_cpu(self) -> None:
        """Count CPU from now on; memory goes on."""
        self._began, self._cpu, self._workers_cpu = time.monotonic(), self._cpu_seconds(), self._workers_seconds()

    def cpu_percent(self) -> float:
        """Of one core, since the (re)start."""
        return 100 * (self._cpu_seconds() - self._cpu) / (time.monotonic() - self._began)

    def workers_cpu_percent(self) -> float:
        """The same of its workers."""
        return 100 * (self._workers_seconds() - self._workers_cpu) / (time.monotonic() - self._began)
