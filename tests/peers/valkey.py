"""Valkey's own server, or Debian's Redis 7: in memory only, on a free port, in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from sottovoce.store.valkey import ValkeyStore
from sottovoce.store.valkey_link import Link
from sottovoce.store.valkey_url import read_servers
from sottovoce.vault.store_key import StoreKey
from tests.servers import new_port

SLOTS = 16_384
START_S = 20.0
STOP_S = 10.0
KEY = bytes(range(32))
"""Of the stores in tests; the nodes of one store share it."""


class Server(msgspec.Struct, frozen=True):
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}/0"

    def ask(self, *command: str | bytes) -> object:
        """One command, as the protocol has it (RESP2): bytes, whole numbers, None and lists of those."""
        words = [word.encode() if isinstance(word, str) else word for word in command]
        packed = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=START_S) as line:
            line.sendall(packed)
            with line.makefile("rb") as answer:
                return _read(answer)

    def hold(self) -> None:
        """It takes connections, and answers nobody."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `hold`."""
        self.process.send_signal(signal.SIGCONT)

    def names(self) -> list[bytes]:
        found = self.ask("KEYS", "*")
        assert isinstance(found, list)
        return sorted(found)

    def lives(self) -> dict[bytes, int]:
        """How long each key lives, in milliseconds; -1: for ever."""
        lives: dict[bytes, int] = {}
        for key in self.names():
            life = self.ask("PTTL", key)
            assert isinstance(life, int)
            if life != -2:  # gone since
                lives[key] = life
        return lives

    def dump(self) -> bytes:
        """Every key and everything in it."""
        read = {
            b"string": ("GET",),
            b"hash": ("HGETALL",),
            b"zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
            b"set": ("SMEMBERS",),
        }
        parts: list[bytes] = []
        for key in self.names():
            kind = self.ask("TYPE", key)
            if kind == b"none":
                continue
            verb, *rest = read[kind]  # type: ignore[index]
            parts += [key, *_flat(self.ask(verb, key, *rest))]
        return b"\n".join(parts)


def _flat(answer: object) -> Iterator[bytes]:
    if isinstance(answer, list):
        for each in answer:
            yield from _flat(each)
    elif isinstance(answer, bytes):
        yield answer


def _read(answer: BinaryIO) -> object:
    line = answer.readline().rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else answer.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [_read(answer) for _ in range(int(rest))]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    return rest


def program() -> str:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    assert found, "these tests need valkey-server, or redis-server 7: tools/setup.sh dev"
    return found


@contextmanager
def valkey(*options: str, port: int = 0) -> Generator[Server, None, None]:
    """A server until the end of the block; stopped by its pid."""
    port = port or new_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [program(), "--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
        with _started([*command, "--save", "", "--appendonly", "no", *options], port) as process:
            yield Server(port, process)


@contextmanager
def cluster() -> Generator[Server, None, None]:
    """A cluster of one node, which has all slots."""
    with valkey("--cluster-enabled", "yes", "--cluster-port", str(new_port())) as server:
        server.ask("CLUSTER", "ADDSLOTSRANGE", "0", str(SLOTS - 1))
        until = time.monotonic() + START_S
        while b"cluster_state:ok" not in (server.ask("CLUSTER", "INFO") or b""):  # type: ignore[operator]
            assert time.monotonic() < until, "the cluster has not come up"
            time.sleep(0.05)
        yield server


@contextmanager
def sentinel(primary: Server) -> Generator[Server, None, None]:
    """A Sentinel that watches a server, by the name `voice`."""
    port = new_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sentinel.conf"
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor voice 127.0.0.1 {primary.port} 1\n"
        )
        with _started([program(), str(file), "--sentinel"], port) as process:
            yield Server(port, process)


@contextmanager
def _started(command: Sequence[str], port: int) -> Generator[subprocess.Popen[bytes], None, None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C"}) as process:
        try:
            _wait(port, process)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)  # a test may have held it
                process.terminate()
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_S
    while True:
        assert process.poll() is None, "the server did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.02)
        else:
            return


def a_store(url: str, *, password: str | None = None, key: bytes = KEY) -> ValkeyStore:
    """A node's store, not started yet."""
    return ValkeyStore(Link(read_servers(url), password), StoreKey(key))
