"""What all sessions of one node share."""

import time

import msgspec

from sottovoce.live.census import Census
from sottovoce.live.clock import Clock
from sottovoce.live.metrics import Metrics, counted
from sottovoce.live.recent import Trend
from sottovoce.orchestrator.base import Endings, Orchestrator, ToolServers
from sottovoce.speech.base import Recogniser, Synthesiser, TurnJudge
from sottovoce.speech.detector import Detector


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Engines, the detector, the clocks and the counters."""

    recogniser: Recogniser
    synthesiser: Synthesiser
    orchestrator: Orchestrator
    endings: Endings
    turn_judge: TurnJudge | None = None
    detector: Detector
    clock: Clock
    metrics: Metrics
    census: Census
    trend: Trend
    tool_servers: ToolServers | None = None
    """What brings tools from elsewhere, if anything does."""

    async def start(self) -> None:
        """Start the engines. Raises EngineUnavailable."""
        await self.recogniser.start()
        await self.synthesiser.start()
        if self.turn_judge is not None:
            await self.turn_judge.start()

    async def close(self) -> None:
        """End the engines, and whoever thinks."""
        await self.orchestrator.close()
        if self.turn_judge is not None:
            await self.turn_judge.close()
        await self.synthesiser.close()
        await self.recogniser.close()

    def measured(self, lag_s: float) -> None:
        """Called several times a second, with how late the event loop runs."""
        self.metrics.loop_lag_seconds.set(lag_s)
        self.trend.beat(self.clock.steady())


def totals(metrics: Metrics, census: Census) -> dict[str, float]:
    """What has happened since the start, by the name of its rate."""
    return {
        "sessions": sum(counted(metrics.sessions_created).values()),
        "turns": sum(counted(metrics.turns).values()),
        "answers": sum(counted(metrics.responses).values()),
        "frames": census.frames,
        "cpu": time.process_time(),
    }
