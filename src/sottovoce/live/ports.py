"""A session's shell, as its halves see it: hearing and answering."""

from collections.abc import AsyncGenerator
from typing import Protocol

from sottovoce.core.events import Config, Happening
from sottovoce.orchestrator.base import Prompt, Reply


class Shell(Protocol):
    """One session's shell."""

    session_id: str

    @property
    def config(self) -> Config:
        """The settings in force."""

    def receive(self, happening: Happening) -> None:
        """Something happened."""

    def fail(self, error: Exception) -> None:
        """A fault of ours: it ends this session, and no other."""

    def acknowledge(self, audio_end_ms: int) -> None:
        """All sound up to here is safe."""

    def reply(self, prompt: Prompt) -> AsyncGenerator[Reply, None]:
        """Ask whoever thinks for this session."""

    def send_sound(self, pcm: bytes) -> None:
        """A piece of the answer, in the client's format."""

    def say_goodbye(self) -> None:
        """The session is to end."""
