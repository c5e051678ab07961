"""Counts and times for Prometheus and for the operator page: no word, no id, no namespace."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from sottovoce.core.breaker import BreakerState
from sottovoce.live.recent import Durations
from sottovoce.speech.base import EngineStatus

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter was made is when the server started

_OPEN = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5, BreakerState.OPEN: 1.0}
_ANSWER_BUCKETS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)


class Latency:
    """A duration that matters: as a histogram, and the last minutes' own values."""

    def __init__(self, histogram: Histogram, clock: Callable[[], float]) -> None:
        self.recent = Durations()
        self._histogram = histogram
        self._clock = clock

    def observe(self, seconds: float) -> None:
        """It took so long."""
        self._histogram.observe(seconds)
        self.recent.add(seconds, self._clock())


class Metrics:
    """All of one node's, in a registry of their own. `clock`: seconds that never run backwards."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.sessions_created = Counter("sottovoce_sessions_created", "Sessions created", registry=registry)
        self.sessions_refused = Counter("sottovoce_sessions_refused", "Sessions refused", ["code"], registry=registry)
        self.sessions_ended = Counter("sottovoce_sessions_ended", "Sessions ended", ["reason"], registry=registry)
        self.sessions_live = Gauge("sottovoce_sessions_live", "Sessions that live", registry=registry)
        self.connections_live = Gauge("sottovoce_connections_live", "Connected streams", registry=registry)
        self.connections_refused = Counter(
            "sottovoce_connections_refused", "Streams refused", ["code"], registry=registry
        )
        self.turns = Counter("sottovoce_turns", "Turns of users that were heard", registry=registry)
        self.responses = Counter("sottovoce_responses", "Answers", ["status"], registry=registry)
        self.interruptions = Counter("sottovoce_interruptions", "Answers cut by barge-in", registry=registry)
        self.bad_messages = Counter("sottovoce_bad_messages", "Wrong messages on streams", ["code"], registry=registry)
        self.tasks = Counter("sottovoce_tasks", "Tasks that reached a state", ["type", "state"], registry=registry)
        self.model_failures = Counter(
            "sottovoce_model_failures", "Answers that the language model owed", ["code"], registry=registry
        )
        self.transcription_seconds = Latency(
            Histogram(
                "sottovoce_transcription_seconds",
                "From the end of a turn to its transcript",
                buckets=_ANSWER_BUCKETS,
                registry=registry,
            ),
            clock,
        )
        self.answer_seconds = Latency(
            Histogram(
                "sottovoce_answer_seconds",
                "From the end of a turn to the first sound of its answer",
                buckets=_ANSWER_BUCKETS,
                registry=registry,
            ),
            clock,
        )
        self.loop_lag_seconds = Gauge(
            "sottovoce_loop_lag_seconds", "How late the event loop runs on average", registry=registry
        )
        self.engine_restarts = Gauge(
            "sottovoce_engine_restarts", "Worker processes replaced", ["role"], registry=registry
        )
        self.engine_waiting = Gauge(
            "sottovoce_engine_waiting", "Utterances that wait for a worker", ["role"], registry=registry
        )
        self.engine_calls = Counter(
            "sottovoce_engine_calls",
            "Calls of the engines of a chain: served, failed, slow or broke_off",
            ["role", "engine", "outcome"],
            registry=registry,
        )
        self.engine_ready = Gauge(
            "sottovoce_engine_ready", "Whether an engine of a chain is up", ["role", "engine"], registry=registry
        )
        self.engine_breaker_open = Gauge(
            "sottovoce_engine_breaker_open",
            "Whether an engine of a chain is left alone: 0 no, 0.5 but for one trial, 1 yes",
            ["role", "engine"],
            registry=registry,
        )

    def engine_teller(self, role: str) -> Callable[[str, str], None]:
        """What a chain tells of each call, by the engine's name and its outcome."""

        def told(engine: str, outcome: str) -> None:
            self.engine_calls.labels(role, engine, str(outcome)).inc()

        return told

    def engine_fares(self, role: str, status: EngineStatus) -> None:
        """How the engine of a role fares now."""
        self.engine_restarts.labels(role).set(status.restarts)
        self.engine_waiting.labels(role).set(status.waiting)
        for link in status.links:
            self.engine_ready.labels(role, link.name).set(link.ready)
            self.engine_breaker_open.labels(role, link.name).set(_OPEN[link.breaker])


def counted(counter: Counter) -> dict[str, int]:
    """A counter's values by its labels' (joined by spaces); by "" where it has none."""
    return {
        " ".join(sample.labels.values()): int(sample.value) for metric in counter.collect() for sample in metric.samples
    }
