"""One live session, as the orchestrator sees it."""

from sottovoce.orchestrator.base import Tasks


class LiveTalk:
    """Implements orchestrator.base.Talk."""

    def __init__(self, session_id: str, language: str, tasks: Tasks, ends_at: float) -> None:
        self.session_id = session_id
        self.instructions = ""
        self.tasks = tasks
        self.last_said = ""
        self.ends_at = ends_at
        self.speak(language)

    def speak(self, language: str) -> None:
        """The session goes on in this language."""
        self.language = language
        self.tasks.know(language=language, ends_at=self.ends_at)
