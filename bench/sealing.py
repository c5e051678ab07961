"""What sealing adds to the server's work, as ratios in one run. Prints JSON.

A session is created (a key), its key is handed over (sealed, if its namespace has keys), and each change of a task is a
record. Each of these is timed by itself and held against the CPU time of creating a session and of one that talks for
half a minute, both without sealing, on the same core in the same run.

usage: python -m bench.sealing [--batch 1000] [--rounds 10] [--talk-percent 0.09]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import msgspec
import uvloop

from bench.creates import SERVER_CORE, Side
from bench.processes import pin, sottovoce
from sottovoce.core.task import Task
from sottovoce.vault.keys import NamespaceKeys, encode
from sottovoce.vault.sealing import Purpose, SessionKey, seal_to

SESSION = "2f9a3e0c-6f9b-4c0e-9d0a-6d1d5d0f7f11"
TIMES = 2_000
TALK_S = 30.0
CHANGES = 6
"""Records of a session in which two tasks come and go."""


class Report(msgspec.Struct):
    """What came of it. Times are microseconds of CPU."""

    create_us: float
    """Of a session without sealing."""
    talk_us: float
    """Of a session that talks for half a minute."""
    key_us: float
    record_us: float
    opened_us: float
    handed_over_us: float
    """Sealing the session's key to a namespace."""
    create_without_keys_ratio: float
    """Creation with its key handed over in the clear, by creation without sealing."""
    create_with_keys_ratio: float
    """The same with the key sealed to the namespace."""
    session_ratio: float
    """Half a minute of talk with two tasks, with all sealing, by the same without."""
    bench: str = "sealing"


def cost_us(act: Callable[[], object]) -> float:
    """CPU time of one call; the median of ten rounds."""
    rounds = []
    for _ in range(10):
        began = time.process_time()
        for _ in range(TIMES):
            act()
        rounds.append(1e6 * (time.process_time() - began) / TIMES)
    return statistics.median(rounds)


async def create_us(options: argparse.Namespace) -> float:
    """CPU time of the server for one creation."""
    settings = {"connect_timeout_seconds": "3600", "max_sessions": str(10 * options.batch)}
    with sottovoce(core=SERVER_CORE, **settings) as (base, process):
        side = Side(base, process)
        for _ in range(options.rounds + 1):
            await side.round(options.batch)
    return statistics.median(side.cpu_us[1:])


def measured(created_us: float, talk_percent: float) -> Report:
    """All of it."""
    keys = NamespaceKeys.generate().public
    key = SessionKey(SESSION)
    task = Task(
        id=SESSION,
        session_id=SESSION,
        type="reminder",
        created_at=time.time(),
        updated_at=time.time(),
        arguments={"text": "call the school", "due": "2026-01-01T09:00:00Z"},
    )
    text = msgspec.msgpack.encode(task)
    record = key.seal(Purpose.TASK, text)
    key_us = cost_us(lambda: (SessionKey(SESSION), encode(key.secret)))
    record_us = cost_us(lambda: key.seal(Purpose.TASK, msgspec.msgpack.encode(task)))
    opened_us = cost_us(lambda: msgspec.msgpack.decode(key.open(Purpose.TASK, record), type=Task))
    handed_us = cost_us(lambda: encode(seal_to(keys.sealing, Purpose.SESSION_KEY, SESSION, key.secret)))
    bare_us = created_us - key_us
    talk_us = bare_us + talk_percent / 100 * TALK_S * 1e6
    sealing_us = key_us + handed_us + CHANGES * (record_us + 2 * opened_us)
    return Report(
        create_us=round(bare_us, 1),
        talk_us=round(talk_us),
        key_us=round(key_us, 2),
        record_us=round(record_us, 2),
        opened_us=round(opened_us, 2),
        handed_over_us=round(handed_us, 1),
        create_without_keys_ratio=round(created_us / bare_us, 3),
        create_with_keys_ratio=round((created_us + handed_us) / bare_us, 3),
        session_ratio=round((talk_us + sealing_us) / talk_us, 4),
    )


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--batch", type=int, default=1000, help="sessions created at a time")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument(
        "--talk-percent",
        type=float,
        default=0.09,
        help="CPU of a core that a session takes which talks (bench.sessions)",
    )
    options = parser.parse_args()
    created_us = uvloop.run(create_us(options))
    pin(SERVER_CORE)
    report = measured(created_us, options.talk_percent)
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main()
