"""What a shared store adds to the server's work, against memory, in one run. Prints JSON.

Two servers share a core; only one is asked at a time, in turns of a batch each. Each session is created, connected to
and ended. Then one session talks, typing and sending sound, and the store counts how often it is asked.

usage: python -m bench.store [--batch 200] [--rounds 10] [--talk-s 20]
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil
import uvloop
import websockets

from bench.creates import LOAD_CORE, PATH, Line
from bench.processes import pin, sottovoce
from sottovoce.vault.store_key import new_text
from tests.peers import valkey as peers

AT_ONCE = 8
FRAME_S = 0.02
FRAME = bytes(640)
"""20 ms of silence at 16,000 samples a second."""
TYPED_EVERY_S = 2.0


class Made(msgspec.Struct):
    """As much of a created session as is needed."""

    id: str
    websocket_url: str


class Side:
    """One of the two servers."""

    def __init__(self, base: str, process: psutil.Process) -> None:
        self._base = base
        self._process = process
        self.cpu_us: list[float] = []
        """CPU time of the server a session, batch by batch."""

    async def _create(self, line: Line) -> Made:
        body = {
            "namespace_id": f"bench.{id(line)}",
            "key_hash": "sha256:" + "a" * 64,
            "device_type": "bench",
            "client_version": "1",
        }
        return msgspec.json.decode(await line.ask("POST", PATH, msgspec.json.encode(body)), type=Made)

    async def round(self, batch: int) -> None:
        """Create, connect and end so many sessions, several at a time."""
        before = self._cpu_seconds()
        await asyncio.gather(*(self._some(batch // AT_ONCE) for _ in range(AT_ONCE)))
        self.cpu_us.append(1e6 * (self._cpu_seconds() - before) / (batch // AT_ONCE * AT_ONCE))

    async def _some(self, count: int) -> None:
        line = await Line.open(self._base)
        for _ in range(count):
            made = await self._create(line)
            async with websockets.connect(made.websocket_url, ping_interval=None, compression=None) as ws:
                await ws.recv()
                await line.delete(made.id)
        line.close()

    async def talk(self, seconds: float) -> None:
        """One session that sends sound all the time, and types now and then."""
        line = await Line.open(self._base)
        made = await self._create(line)
        async with websockets.connect(made.websocket_url, ping_interval=None, max_size=None) as ws:
            hearing = asyncio.create_task(_hear(ws))
            until, typed = time.monotonic() + seconds, 0.0
            while time.monotonic() < until:
                await ws.send(FRAME)
                if time.monotonic() - typed > TYPED_EVERY_S:
                    typed = time.monotonic()
                    await _type(ws, "what time is it")
                await asyncio.sleep(FRAME_S)
            hearing.cancel()
        line.close()

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


async def _hear(ws: websockets.ClientConnection) -> None:
    async for _ in ws:
        pass


async def _type(ws: websockets.ClientConnection, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    await ws.send(msgspec.json.encode({"type": "conversation.item.create", "item": item}).decode())
    await ws.send(msgspec.json.encode({"type": "response.create"}).decode())


class Report(msgspec.Struct):
    """What came of it. Times are microseconds of the server's CPU a session."""

    memory_us: float
    valkey_us: float
    ratio: float
    """Create, connect and end with Valkey by the same with memory; at most 2."""
    store_us: float
    """Of Valkey's own process, a session."""
    talk_calls_a_second: float
    """What the store is asked by a node with one session that only talks; at most 1."""
    bench: str = "store"


def calls(server: peers.Server) -> int:
    """Packets of calls that came, this one among them."""
    said = server.ask("INFO", "stats")
    lines = dict(line.split(":", 1) for line in str(said, "ascii").split("\r\n") if ":" in line)  # type: ignore[call-overload]
    return int(lines["total_reads_processed"])


async def measured(sides: tuple[Side, Side], server: peers.Server, arguments: argparse.Namespace) -> Report:
    """All of it."""
    memory, valkey = sides
    store = psutil.Process(server.process.pid)
    for side in sides:
        await side.round(arguments.batch)
        side.cpu_us.clear()
    before = sum(store.cpu_times()[:2])
    for _ in range(arguments.rounds):
        for side in sides:
            await side.round(arguments.batch)
    sessions = arguments.rounds * (arguments.batch // AT_ONCE * AT_ONCE)
    store_us = 1e6 * (sum(store.cpu_times()[:2]) - before) / sessions
    began, asked = time.monotonic(), calls(server)
    await valkey.talk(arguments.talk_s)
    # Its beginning and its end are asked for above; what it says is what counts here.
    talked = (calls(server) - asked - 1) / (time.monotonic() - began)
    memory_us, valkey_us = statistics.median(memory.cpu_us), statistics.median(valkey.cpu_us)
    return Report(
        memory_us=round(memory_us, 1),
        valkey_us=round(valkey_us, 1),
        ratio=round(valkey_us / memory_us, 3),
        store_us=round(store_us, 1),
        talk_calls_a_second=round(talked, 3),
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--talk-s", type=float, default=20)
    arguments = parser.parse_args()
    pin(LOAD_CORE)
    with tempfile.TemporaryDirectory() as folder, peers.valkey() as server:
        key = Path(folder) / "store.key"
        key.write_text(new_text())
        with sottovoce() as memory, sottovoce(store=server.url, store_key_file=str(key)) as valkey:
            report = uvloop.run(measured((Side(*memory), Side(*valkey)), server, arguments))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
