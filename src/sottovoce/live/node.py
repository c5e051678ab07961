"""What all sessions of one node share."""

import msgspec

from sottovoce.live.clock import Clock
from sottovoce.live.metrics import Metrics
from sottovoce.orchestrator.base import Orchestrator
from sottovoce.speech.base import Recogniser, Synthesiser
from sottovoce.speech.detector import Detector


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Engines, the detector, the clocks and the counters."""

    recogniser: Recogniser
    synthesiser: Synthesiser
    orchestrator: Orchestrator
    detector: Detector
    clock: Clock
    metrics: Metrics
