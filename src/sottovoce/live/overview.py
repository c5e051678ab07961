"""What an operator sees of this node: counts and times. No word that was said, no full id, no namespace."""

import resource
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import Counter

from sottovoce import __version__
from sottovoce.core.conversation import IDLE, LISTENING, SPEAKING, THINKING
from sottovoce.core.session import ENDED, Status
from sottovoce.core.task import PENDING, TaskState
from sottovoce.live.hub import Hub
from sottovoce.live.metrics import counted
from sottovoce.live.node import Node
from sottovoce.live.recent import MS, Percentiles
from sottovoce.live.session import LiveSession
from sottovoce.logs import short
from sottovoce.speech.base import LinkStatus, Recogniser, Synthesiser, TurnJudge

WINDOW_S: Final = 300.0
"""Latencies are of the last five minutes."""
FRESH_S: Final = 0.5
"""An overview is this old at most, and made this often at most, however many look at it."""
ROWS: Final = 50


class Sessions(msgspec.Struct, frozen=True, kw_only=True):
    """Live ones by what they are at; all others since the start."""

    live: int
    by_status: dict[str, int]
    by_turn: dict[str, int]
    opened: int
    refused: dict[str, int]
    """By error code."""
    ended: dict[str, int]
    """By reason."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions this node may still take."""

    live: int
    maximum: int
    """0 once it stops."""
    room: int


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """A second, over the last minute; None before anything is known."""

    sessions: float | None
    turns: float | None
    answers: float | None
    frames: float | None


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """From the end of a turn, over the last five minutes."""

    answer: Percentiles
    """To the first sound of its answer."""
    transcription: Percentiles
    """To its transcript."""


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine fares."""

    role: str
    name: str
    ready: bool
    workers: int
    restarts: int
    waiting: int
    """Utterances that wait for a worker."""
    links: tuple[LinkStatus, ...]
    """The engines that it is made of, if it is a chain, in its order."""


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """By state: the pending ones as of now, the others since the start."""

    pending: dict[str, int]
    ended: dict[str, int]


class Drops(msgspec.Struct, frozen=True, kw_only=True):
    """What was refused or cut, since the start."""

    streams: dict[str, int]
    """By close code."""
    interruptions: int
    bad_messages: dict[str, int]
    """By code."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """The server's process, without its workers."""

    loop_lag_ms: float
    """Average of about the last five seconds."""
    memory_bytes: int | None
    """Resident; None where the system does not tell."""
    cpu_percent: float | None
    """Of one core, over the last minute."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One live session."""

    id: str
    """Its first 8 characters."""
    status: str
    turn: str
    age_seconds: float
    messages: int
    tasks: int
    """Pending ones."""
    device_type: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    version: str
    uptime_seconds: float
    sessions: Sessions
    admission: Room
    rates: Rates
    latency: Latencies
    engines: list[Engine]
    tasks: Tasks
    drops: Drops
    process: Process
    newest: list[Row]
    """The newest live sessions, ROWS at most."""


class Watch:
    """Makes overviews of one node, as JSON."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._since = self._made_at = hub.node.clock.steady()
        self._made = b""

    def json(self) -> bytes:
        """The overview, FRESH_S old at most."""
        now = self._hub.node.clock.steady()
        if not self._made or now - self._made_at >= FRESH_S:
            self._made, self._made_at = msgspec.json.encode(self.overview()), now
        return self._made

    def overview(self) -> Overview:
        """As of now."""
        hub, node = self._hub, self._hub.node
        now, metrics, rates = node.clock.steady(), node.metrics, node.trend.rates()
        return Overview(
            version=__version__,
            uptime_seconds=round(now - self._since, 1),
            sessions=_sessions(hub),
            admission=Room(live=hub.live, maximum=hub.most, room=max(0, hub.most - hub.live)),
            rates=Rates(
                sessions=_rounded(rates.get("sessions")),
                turns=_rounded(rates.get("turns")),
                answers=_rounded(rates.get("answers")),
                frames=_rounded(rates.get("frames")),
            ),
            latency=Latencies(
                answer=metrics.answer_seconds.recent.percentiles(now, WINDOW_S),
                transcription=metrics.transcription_seconds.recent.percentiles(now, WINDOW_S),
            ),
            engines=engines(node),
            tasks=Tasks(
                pending={state.value: node.census.tasks_pending[state] for state in TaskState if state in PENDING},
                ended={state.value: node.census.tasks_ended[state] for state in TaskState if state not in PENDING},
            ),
            drops=Drops(
                streams=counted(metrics.connections_refused),
                interruptions=_total(metrics.interruptions),
                bad_messages=counted(metrics.bad_messages),
            ),
            process=Process(
                loop_lag_ms=round(hub.lag_s * MS, 1),
                memory_bytes=memory_bytes(),
                cpu_percent=_rounded(100 * rates["cpu"] if "cpu" in rates else None, 1),
            ),
            newest=[_row(live, node.clock.wall()) for live in hub.newest(ROWS)],
        )


def _sessions(hub: Hub) -> Sessions:
    census, metrics = hub.node.census, hub.node.metrics
    turns = census.turns
    return Sessions(
        live=hub.live,
        by_status={status.value: census.sessions[status] for status in Status if status not in ENDED},
        by_turn={turn: turns[turn] for turn in (IDLE, LISTENING, THINKING, SPEAKING)},
        opened=_total(metrics.sessions_created),
        refused=counted(metrics.sessions_refused),
        ended=counted(metrics.sessions_ended),
    )


def engines(node: Node) -> list[Engine]:
    """The one that hears, the one that speaks and, where there is one, the one that says whether a turn is over."""
    found = [_engine("recogniser", node.recogniser), _engine("synthesiser", node.synthesiser)]
    return found if node.turn_judge is None else [*found, _engine("end_of_turn", node.turn_judge)]


def _engine(role: str, engine: Recogniser | Synthesiser | TurnJudge) -> Engine:
    status = engine.status()
    return Engine(
        role=role,
        name=engine.name,
        ready=status.ready,
        workers=status.workers,
        restarts=status.restarts,
        waiting=status.waiting,
        links=status.links,
    )


def _row(live: LiveSession, wall: float) -> Row:
    return Row(
        id=short(live.id),
        status=live.session.status.value,
        turn=live.turn,
        age_seconds=round(wall - live.record.created_at, 1),
        messages=live.message_count,
        tasks=live.pending_tasks,
        device_type=live.record.device_type,
    )


def _total(counter: Counter) -> int:
    return sum(counted(counter).values())


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)


def memory_bytes() -> int | None:
    """Resident memory of this process; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except OSError:
        return None
    return pages * resource.getpagesize()
