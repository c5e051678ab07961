"""One heap of deadlines for all sessions of the node."""

import heapq


class Deadlines:
    """When which session is to be looked at. A session that is set anew leaves its old entry to be passed over."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, str]] = []
        self._at: dict[str, float] = {}

    def set(self, session_id: str, at: float) -> None:
        """Look at the session at `at`, and not at any other time."""
        if self._at.get(session_id) != at:
            self._at[session_id] = at
            heapq.heappush(self._heap, (at, session_id))

    def remove(self, session_id: str) -> None:
        """Do not look at it any more."""
        self._at.pop(session_id, None)

    def due(self, now: float) -> list[str]:
        """The sessions to look at now, each once; they have no deadline then."""
        ids: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            at, session_id = heapq.heappop(self._heap)
            if self._at.get(session_id) == at:
                del self._at[session_id]
                ids.append(session_id)
        if len(self._heap) > 1_000 + 4 * len(self._at):
            self._heap = [(at, session_id) for session_id, at in self._at.items()]
            heapq.heapify(self._heap)
        return ids

    def __len__(self) -> int:
        return len(self._at)
