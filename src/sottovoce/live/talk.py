"""One live session, as the orchestrator sees it."""

from collections.abc import Callable, Sequence

from sottovoce.core.events import Item
from sottovoce.orchestrator.base import Memory, Tasks


class LiveTalk:
    """Implements orchestrator.base.Talk."""

    def __init__(self, session_id: str, language: str, tasks: Tasks, ends_at: float) -> None:
        self.session_id = session_id
        self.instructions = ""
        self.tasks = tasks
        self.last_said = ""
        self.ends_at = ends_at
        self.memory = Memory()
        self._items: Callable[[], Sequence[Item]] = tuple
        self.speak(language)

    @property
    def history(self) -> Sequence[Item]:
        """See Talk."""
        return self._items()

    def about(self, items: Callable[[], Sequence[Item]]) -> None:
        """What is said in the session is what this returns."""
        self._items = items

    async def close(self) -> None:
        """Keep nothing that was said."""
        self.last_said = self.instructions = ""
        self._items = tuple
        await self.memory.close()

    def speak(self, language: str) -> None:
        """The session goes on in this language."""
        self.language = language
        self.tasks.know(language=language, ends_at=self.ends_at)
