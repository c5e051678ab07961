"""Callers that speak to a server, and what it takes to answer them. Prints one line of JSON.

usage: python -m bench.load [--url http://127.0.0.1:8765] [--callers 100] [--seconds 30] [--pid PID] [--core 1]
"""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence

import httpx
import msgspec
import psutil
import uvloop

from bench.callers import Caller, Dialect, Measured, connect, talk
from bench.processes import Usage, pin
from bench.speech import cycle

CLOSE_S = 2.0


class Report(msgspec.Struct):
    """What the callers saw, and what the server took for it."""

    measured: Measured
    cpu_percent: float | None = None
    """Of one core, while they talked."""
    cpu_percent_a_session: float | None = None
    workers_cpu_percent: float | None = None
    memory_before_mb: float | None = None
    memory_peak_mb: float | None = None
    kb_a_session: float | None = None
    """From before the first session to the peak."""


def our_dialect() -> Dialect:
    """Raw PCM both ways: every binary message is sound."""
    frames, begin, end = cycle()
    return Dialect(frames=frames, speech_begin=begin, speech_end=end, is_sound=lambda _message: True)


def open_sessions(base: str, count: int) -> list[str]:
    """The WebSocket addresses of new sessions, each in a namespace of its own."""
    run = secrets.token_hex(4)
    with httpx.Client(base_url=base, timeout=30) as client:
        return [open_session(client, f"bench.{run}.{number}") for number in range(count)]


def open_session(client: httpx.Client, namespace: str) -> str:
    """The WebSocket address of a new session."""
    answer = client.post(
        "/api/v1/sessions",
        json={
            "namespace_id": namespace,
            "key_hash": "sha256:" + secrets.token_hex(32),
            "device_type": "bench",
            "client_version": "1",
        },
    )
    return str(answer.raise_for_status().json()["websocket_url"])


async def measure(urls: Sequence[str], dialect: Dialect, seconds: float, usage: Usage | None) -> Report:
    """Connect a caller to each address and let them talk."""
    callers: list[Caller] = await connect(urls, dialect)
    if usage is not None:
        usage.restart_cpu()
    measured = await talk(callers, seconds, usage.look if usage is not None else lambda: None)
    report = Report(measured=measured)
    if usage is not None:
        cpu = usage.cpu_percent()
        report.cpu_percent = round(cpu, 1)
        report.cpu_percent_a_session = round(cpu / len(callers), 3)
        report.workers_cpu_percent = round(usage.workers_cpu_percent(), 1)
        report.memory_before_mb = round(usage.rss / 2**20, 1)
        report.memory_peak_mb = round(usage.peak_rss / 2**20, 1)
        report.kb_a_session = round((usage.peak_rss - usage.rss) / 1024 / len(callers), 1)
    for caller in callers:
        caller.hang_up()
    await asyncio.sleep(CLOSE_S)
    return report


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", default="http://127.0.0.1:8765", help="of the server")
    parser.add_argument("--callers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--pid", type=int, help="of the server: tells its CPU and memory")
    parser.add_argument("--core", type=int, default=1, help="that the load keeps to")
    options = parser.parse_args()
    pin(options.core)
    usage = Usage(psutil.Process(options.pid)) if options.pid else None
    urls = open_sessions(options.url, options.callers)
    report = uvloop.run(measure(urls, our_dialect(), options.seconds, usage))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
