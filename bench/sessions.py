"""Sessions a core: how long answers take as callers grow, and what a session costs; with --peer, Pipecat beside it.

The server has one core, the load another. Engines cost nothing, so what is measured is the server itself. Prints a line
of JSON a measurement, then a table.

usage: python -m bench.sessions [--levels 10,100,200,400,500] [--seconds 30] [--peer] [--peer-levels 10,15,20,25,30]
"""

import argparse
import sys
from collections.abc import Iterable, Iterator

import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from bench import pipecat
from bench.load import Report, measure, open_sessions, our_dialect
from bench.processes import Usage, pin, sottovoce

SERVER_CORE, LOAD_CORE = 0, 1
FEWEST_TURNS = 100
ROUND_S = 7.5
SLOWER_MS = 100.0
"""A level holds while the 95th percentile of its answers is at most so much above that of the first level."""
MISSED = 0.01
"""And while at most this part of its turns has no answer."""

COLUMNS = (
    "server",
    "callers",
    "p50 ms",
    "p95 ms",
    "missed",
    "CPU %",
    "% a caller",
    "KB a caller",
    "load late",
    "holds",
)


def seconds_for(callers: int, least: float) -> float:
    """Few callers talk longer, so that their percentile rests on enough turns."""
    return max(least, ROUND_S * FEWEST_TURNS / callers)


def ours(levels: Iterable[int], seconds: float) -> Iterator[Report]:
    """A fresh server for each level."""
    for callers in levels:
        with sottovoce(core=SERVER_CORE, connect_timeout_seconds="120") as (base, process):
            usage = Usage(process)
            urls = open_sessions(base, callers)
            yield uvloop.run(measure(urls, our_dialect(), seconds_for(callers, seconds), usage))


def peers(levels: Iterable[int], seconds: float) -> Iterator[Report]:
    """The same callers, speaking to Pipecat."""
    pipecat.set_up()
    for callers in levels:
        with pipecat.bot(core=SERVER_CORE) as (url, process):
            usage = Usage(process)
            yield uvloop.run(measure([url] * callers, pipecat.dialect(), seconds_for(callers, seconds), usage))


def holds(report: Report, first: Report) -> bool:
    """Whether a level is as good as few callers have it."""
    now, then = report.measured.p95_ms, first.measured.p95_ms
    if now is None or then is None or report.measured.lost:
        return False
    return now <= then + SLOWER_MS and report.measured.missed <= MISSED * report.measured.turns


def row(name: str, report: Report, *, good: bool) -> list[str]:
    """A line of the table."""
    seen = report.measured
    return [
        name,
        str(seen.callers),
        f"{seen.p50_ms or 0:.0f}",
        f"{seen.p95_ms or 0:.0f}",
        str(seen.missed),
        f"{report.cpu_percent or 0:.0f}",
        f"{report.cpu_percent_a_session or 0:.2f}",
        f"{report.kb_a_session or 0:.0f}",
        f"{seen.late_p99_ms:.1f}",
        "yes" if good else "no",
    ]


def run(name: str, reports: Iterator[Report], table: Table) -> None:
    """Print each report as it comes; stop after the first level that does not hold."""
    first: Report | None = None
    for report in reports:
        first = first or report
        good = holds(report, first)
        line = {"bench": "sessions", "server": name, "holds": good, **msgspec.to_builtins(report)}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()
        table.add_row(*row(name, report, good=good))
        if not good:
            break


def numbers(text: str) -> list[int]:
    """Of "10,100"."""
    return [int(part) for part in text.split(",")]


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--levels", type=numbers, default=[10, 100, 200, 400, 500], help="callers, rising")
    parser.add_argument("--seconds", type=float, default=30.0, help="of talk at each level, at least")
    parser.add_argument("--peer", action="store_true", help="measure Pipecat too, in .venv-peers")
    parser.add_argument("--peer-levels", type=numbers, default=[10, 15, 20, 25, 30])
    options = parser.parse_args()
    pin(LOAD_CORE)
    table = Table(*COLUMNS)
    try:
        run("sottovoce", ours(options.levels, options.seconds), table)
        if options.peer:
            run("pipecat", peers(options.peer_levels, options.seconds), table)
    finally:
        Console(width=120).print(table)


if __name__ == "__main__":
    main()
