"""What we add between a language model and its voice: from the model's first token to the first sound that comes back.

Callers speak to a server whose engines cost nothing. Each turn is answered by a scripted model behind the OpenAI API,
whose first token is a whole sentence with the time in it: what passes until its sound arrives is ours, and that of this
machine's network. The server has one core, the model and the load the other. Prints a line of JSON.

usage: python -m bench.model_overhead [--callers 100] [--seconds 30]
"""

import argparse
import asyncio
import re
import sys
import time
from functools import partial
from pathlib import Path

import httpx
import msgspec
import uvloop
from picows import WSFrame, WSMsgType, WSTransport, ws_connect

from bench.callers import Caller, quantile_ms, same, talk
from bench.load import open_sessions, our_dialect
from bench.processes import Usage, all_cores, free_port, pin, running, sottovoce

SERVER_CORE, LOAD_CORE = 0, 1
MOST_MS = 30.0
"""The promise, for 95 of 100 answers."""
CLOSE_S = 2.0
SCRIPT = [{"when": "", "rounds": [[{"text": "It was {now} when I said this. "}, {"wait": 0.05, "text": "So it is. "}]]}]
_TIME = re.compile(r"It was (\d+\.\d+) when")


class Report(msgspec.Struct):
    """What the callers saw."""

    callers: int
    seconds: float
    answers: int
    missed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    cpu_percent: float
    """Of one core, the server's."""
    late_p99_ms: float
    """How late the load itself was."""
    holds: bool
    most_ms: float = MOST_MS
    bench: str = "model_overhead"


class Listener(Caller):
    """A caller that reads in the answer's words when the model wrote them."""

    written = 0.0
    overheads: list[float]

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """The first sound after such words ends the wait."""
        if frame.msg_type == WSMsgType.TEXT:
            found = _TIME.search(frame.get_payload_as_utf8_text())
            # The words come again when the answer is complete.
            self.written = float(found[1]) if found is not None and not self.written else self.written
        elif frame.msg_type == WSMsgType.BINARY and self.written > 0:
            self.overheads.append(time.monotonic() - self.written)
            self.written = -1.0
        super().on_ws_frame(transport, frame)

    def speak(self) -> None:
        """Send the next frame; with a new turn a new answer is waited for."""
        if self._at % len(self._dialect.frames) == self._dialect.speech_end:
            self.written = 0.0
        super().speak()


async def measure(urls: list[str], seconds: float, usage: Usage) -> Report:
    """Let a caller speak to each address."""
    dialect = our_dialect()
    callers = [Listener(dialect) for _ in urls]
    for url, caller in zip(urls, callers, strict=True):
        caller.overheads = []
        await ws_connect(partial(same, caller), url, websocket_handshake_timeout=30)
    usage.restart_cpu()
    measured = await talk(callers, seconds, lambda: None)
    cpu_percent = round(usage.cpu_percent(), 1)
    for caller in callers:
        caller.hang_up()
    await asyncio.sleep(CLOSE_S)
    waits = sorted(wait for caller in callers for wait in caller.overheads)
    p95_ms = quantile_ms(waits, 0.95)
    return Report(
        callers=len(callers),
        seconds=measured.seconds,
        answers=len(waits),
        missed=measured.missed,
        p50_ms=quantile_ms(waits, 0.5),
        p95_ms=p95_ms,
        p99_ms=quantile_ms(waits, 0.99),
        max_ms=quantile_ms(waits, 1.0),
        cpu_percent=cpu_percent,
        late_p99_ms=measured.late_p99_ms,
        holds=p95_ms is not None and p95_ms <= MOST_MS and measured.missed == 0,
    )


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--callers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0, help="of talk")
    options = parser.parse_args()
    port, load_core = free_port(), all_cores()[LOAD_CORE % len(all_cores())]
    pin(LOAD_CORE)
    peer = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [sys.executable, "-m", "tests.peers.scripted_model", str(port)]
    with running(command, f"{peer}/ready", core=load_core):
        httpx.post(f"{peer}/script", json=SCRIPT).raise_for_status()
        with sottovoce(core=SERVER_CORE, model=f"openai+{peer}/v1?model=scripted") as (base, process):
            urls = open_sessions(base, options.callers)
            report = uvloop.run(measure(urls, options.seconds, Usage(process)))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
