"""What lives on this node now, counted where it changes: telling it costs the same with 10 sessions and with 50,000."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from sottovoce.core.conversation import IDLE
from sottovoce.core.session import ENDED, Status
from sottovoce.core.task import PENDING, TaskState


class Ear(Protocol):
    """What takes in one session's sound."""

    chunks_received: int
    """Frames there were."""


class Census:
    """Sessions by status and turn, pending tasks by state. Whoever moves one of them says from where to where."""

    def __init__(self) -> None:
        self.sessions: Counter[Status] = Counter()
        """Live ones only."""
        self.tasks_pending: Counter[TaskState] = Counter()
        self.tasks_ended: Counter[TaskState] = Counter()
        """Since the start."""
        self._turns: Counter[str] = Counter()
        """All but IDLE, which is the rest."""
        self._ears: set[Ear] = set()
        self._frames_of_gone = 0

    # -- sessions ----------------------------------------------------------------------------------------------------

    def session_moved(self, before: Status | None, after: Status) -> None:
        """From one status to another; `before` is None for a new one."""
        if before is not None and before not in ENDED:
            self.sessions[before] -= 1
        if after not in ENDED:
            self.sessions[after] += 1

    def turn_moved(self, before: str, after: str) -> None:
        """A live session's turn changed. One that ends goes back to IDLE."""
        if before != IDLE:
            self._turns[before] -= 1
        if after != IDLE:
            self._turns[after] += 1

    @property
    def turns(self) -> Counter[str]:
        """Live sessions by turn; who is not connected is idle."""
        turns = self._turns.copy()
        turns[IDLE] = self.sessions.total() - turns.total()
        return turns

    # -- sound -------------------------------------------------------------------------------------------------------

    def ear_opened(self, ear: Ear) -> None:
        """Its frames count from now on: nothing is done for a frame itself."""
        self._ears.add(ear)

    def ear_closed(self, ear: Ear) -> None:
        """There will be no more of its frames. Harmless when done twice."""
        if ear in self._ears:
            self._ears.remove(ear)
            self._frames_of_gone += ear.chunks_received

    @property
    def frames(self) -> int:
        """Frames of sound since the start. Walks those sessions that were connected."""
        return self._frames_of_gone + sum(ear.chunks_received for ear in self._ears)

    # -- tasks -------------------------------------------------------------------------------------------------------

    def task_moved(self, before: TaskState | None, after: TaskState) -> None:
        """From one pending state to another or to its end; `before` is None for one that was not pending."""
        if before is not None:
            self.tasks_pending[before] -= 1
        if after in PENDING:
            self.tasks_pending[after] += 1
        elif before is not None or after is TaskState.REJECTED:
            self.tasks_ended[after] += 1

    def tasks_gone(self, states: Iterable[TaskState]) -> None:
        """Pending tasks whose session has ended."""
        self.tasks_pending.subtract(states)
