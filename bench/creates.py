"""Sessions created a second with many live against few, in one run: the ratio should be near 1. Prints JSON.

Two servers share a core; only one is asked at a time, in turns of a batch each, so that what else the machine does
falls on both. What a batch created is deleted again before the next, untimed: the number that lives stays.

usage: python -m bench.creates [--few 10] [--many 50000] [--batch 1000] [--rounds 20]
"""

import argparse
import asyncio
import secrets
import statistics
import sys
import time
from urllib.parse import urlsplit

import msgspec
import psutil
import uvloop

from bench.processes import pin, sottovoce

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 8
"""Requests under way at a time: enough that the server never waits for the load."""
PATH = "/api/v1/sessions"
HEAD_END = b"\r\n\r\n"


class Answer(msgspec.Struct):
    """As much of a created session as is needed to end it."""

    id: str


class Line:
    """One kept-alive HTTP connection: as little work as can be, since the load must outrun the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    @classmethod
    async def open(cls, base: str) -> "Line":
        """To a server's base URL."""
        parts = urlsplit(base)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port), parts.netloc)

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer. Raises RuntimeError where the status is not 200."""
        head = f"{method} {path} HTTP/1.1\r\nhost: {self._host}\r\ncontent-length: {len(body)}\r\n"
        self._writer.write(f"{head}content-type: application/json\r\n\r\n".encode() + body)
        lines = (await self._reader.readuntil(HEAD_END)).decode("ascii").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        answer = await self._reader.readexactly(int(fields["content-length"]))
        if lines[0].split()[1] != "200":
            raise RuntimeError(f"{method}: {lines[0]}")
        return answer

    async def create(self) -> str:
        """The id of a new session, in a namespace of its own."""
        body = {
            "namespace_id": "bench." + secrets.token_hex(8),
            "key_hash": "sha256:" + secrets.token_hex(32),
            "device_type": "bench",
            "client_version": "1",
        }
        return msgspec.json.decode(await self.ask("POST", PATH, msgspec.json.encode(body)), type=Answer).id

    async def delete(self, session: str) -> None:
        """End a session."""
        await self.ask("DELETE", f"{PATH}/{session}")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Side:
    """One of the two servers."""

    def __init__(self, base: str, process: psutil.Process) -> None:
        self._base = base
        self._process = process
        self._lines: list[Line] = []
        self.rates: list[float] = []
        """Sessions a second, batch by batch."""
        self.cpu_us: list[float] = []
        """CPU time of the server a session, likewise."""

    async def connect(self) -> None:
        """Anew: the server hangs up on a connection over which nothing comes for some seconds."""
        for line in self._lines:
            line.close()
        self._lines = [await Line.open(self._base) for _ in range(CONNECTIONS)]

    async def create(self, count: int) -> list[str]:
        """So many new sessions."""
        made: list[str] = []

        async def work(line: Line) -> None:
            nonlocal count
            while count > 0:
                count -= 1
                made.append(await line.create())

        await asyncio.gather(*(work(line) for line in self._lines))
        return made

    async def delete(self, sessions: list[str]) -> None:
        """End them all."""

        async def work(line: Line) -> None:
            while sessions:
                await line.delete(sessions.pop())

        await asyncio.gather(*(work(line) for line in self._lines))

    async def round(self, batch: int) -> None:
        """Time one batch, then take it away again."""
        await self.connect()
        cpu, began = self._cpu_seconds(), time.perf_counter()
        made = await self.create(batch)
        self.rates.append(batch / (time.perf_counter() - began))
        self.cpu_us.append(1e6 * (self._cpu_seconds() - cpu) / batch)
        await self.delete(made)

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        """In use now."""
        return float(self._process.memory_info().rss / 2**20)


class Report(msgspec.Struct):
    """What came of it."""

    few: int
    many: int
    few_a_second: float
    many_a_second: float
    ratio: float
    """Median over the rounds of many's rate by few's, each pair measured one right after the other."""
    cpu_ratio: float
    """The same of the server's CPU time: what else the machine does disturbs it less."""
    few_cpu_us: float
    many_cpu_us: float
    many_kb_a_session: float
    """Memory of a session that nobody connected to."""
    bench: str = "creates"


async def measure(
    bases: tuple[str, str], processes: tuple[psutil.Process, psutil.Process], options: argparse.Namespace
) -> Report:
    """Fill both servers, then take turns."""
    sides = [Side(base, process) for base, process in zip(bases, processes, strict=True)]
    for each in sides:
        await each.connect()
    few, many = sides
    before = many.memory_mb()
    await few.create(options.few)
    await many.create(options.many)
    held = many.memory_mb() - before
    for each in sides:
        await each.round(options.batch)
        each.rates.clear()
        each.cpu_us.clear()
    for number in range(options.rounds):
        for each in sides if number % 2 else reversed(sides):
            await each.round(options.batch)
    pairs = zip(many.rates, few.rates, strict=True)
    cpu_pairs = zip(few.cpu_us, many.cpu_us, strict=True)
    return Report(
        few=options.few,
        many=options.many,
        few_a_second=round(statistics.median(few.rates)),
        many_a_second=round(statistics.median(many.rates)),
        ratio=round(statistics.median(busy / idle for busy, idle in pairs), 3),
        cpu_ratio=round(statistics.median(idle / busy for idle, busy in cpu_pairs), 3),
        few_cpu_us=round(statistics.median(few.cpu_us)),
        many_cpu_us=round(statistics.median(many.cpu_us)),
        many_kb_a_session=round(held * 1024 / options.many, 1),
    )


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--few", type=int, default=10)
    parser.add_argument("--many", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=1000, help="sessions created at a time")
    parser.add_argument("--rounds", type=int, default=20, help="batches for each of the two")
    options = parser.parse_args()
    pin(LOAD_CORE)
    settings = {
        "connect_timeout_seconds": "3600",
        "max_sessions": str(options.many + 10 * options.batch),
    }
    with (
        sottovoce(core=SERVER_CORE, **settings) as (few, few_process),
        sottovoce(core=SERVER_CORE, **settings) as (many, many_process),
    ):
        report = uvloop.run(measure((few, many), (few_process, many_process), options))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
