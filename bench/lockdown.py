"""What lockdown costs: CPU a talking session, and the time and CPU to create one, with it against without. Prints JSON.

Both servers run at the same time on one core and are measured in turns, so that what else the machine does falls on
both. Engines cost nothing, so that what is measured is the server itself.

usage: python -m bench.lockdown [--callers 40] [--seconds 15] [--rounds 3] [--batch 500] [--batches 12]
"""

import argparse
import statistics
import sys

import msgspec
import psutil
import uvloop

from bench.creates import Side
from bench.load import measure, open_sessions, our_dialect
from bench.processes import Usage, pin, sottovoce

SERVER_CORE, LOAD_CORE = 0, 1
MOST = 1.25
"""The promise: lockdown adds a quarter at most."""

Server = tuple[str, psutil.Process]


class Report(msgspec.Struct):
    """Ratios of with to without; medians over the rounds, each pair measured one right after the other."""

    callers: int
    session_cpu_percent_without: float
    """Of one core, a session that talks."""
    session_cpu_percent_with: float
    session_cpu_ratio: float
    create_us_without: float
    """Time until the next one is created, eight requests under way."""
    create_us_with: float
    create_time_ratio: float
    create_cpu_ratio: float
    holds: bool
    most: float = MOST
    bench: str = "lockdown"


def session_cpu(server: Server, callers: int, seconds: float) -> float:
    """Percent of one core a caller."""
    base, process = server
    usage = Usage(process)
    report = uvloop.run(measure(open_sessions(base, callers), our_dialect(), seconds, usage))
    return report.cpu_percent_a_session or 0.0


async def creates(servers: tuple[Server, Server], batch: int, batches: int) -> tuple[Side, Side]:
    """Both sides, with the figures of every batch but their first."""
    sides = (Side(*servers[0]), Side(*servers[1]))
    for each in sides:
        await each.round(batch)
        each.rates.clear()
        each.cpu_us.clear()
    for number in range(batches):
        for each in sides if number % 2 else reversed(sides):
            await each.round(batch)
    return sides


def ratio(after: list[float], before: list[float]) -> float:
    """The median of the pairs'."""
    return round(statistics.median(a / b for a, b in zip(after, before, strict=True)), 3)


def run(servers: tuple[Server, Server], options: argparse.Namespace) -> Report:
    """`servers`: without, with."""
    without, with_ = uvloop.run(creates(servers, options.batch, options.batches))
    cpu: tuple[list[float], list[float]] = ([], [])
    for number in range(options.rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            cpu[which].append(session_cpu(servers[which], options.callers, options.seconds))
    times = [[1e6 / rate for rate in side.rates] for side in (without, with_)]
    ratios = ratio(cpu[1], cpu[0]), ratio(times[1], times[0]), ratio(with_.cpu_us, without.cpu_us)
    return Report(
        callers=options.callers,
        session_cpu_percent_without=round(statistics.median(cpu[0]), 3),
        session_cpu_percent_with=round(statistics.median(cpu[1]), 3),
        session_cpu_ratio=ratios[0],
        create_us_without=round(statistics.median(times[0])),
        create_us_with=round(statistics.median(times[1])),
        create_time_ratio=ratios[1],
        create_cpu_ratio=ratios[2],
        holds=max(ratios) <= MOST,
    )


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--callers", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=15.0, help="of talk, each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=500, help="sessions created at a time")
    parser.add_argument("--batches", type=int, default=12)
    options = parser.parse_args()
    pin(LOAD_CORE)
    settings = {"connect_timeout_seconds": "3600"}
    with (
        sottovoce(core=SERVER_CORE, lockdown="off", **settings) as without,
        sottovoce(core=SERVER_CORE, lockdown="on", **settings) as with_,
    ):
        report = run((without, with_), options)
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
