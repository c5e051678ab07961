"""All MCP servers of the settings, and the skills that their tools are."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from sottovoce.orchestrator.mcp.base import McpServer
from sottovoce.orchestrator.mcp.connection import Connection
from sottovoce.orchestrator.mcp.tools import ToolSkill
from sottovoce.orchestrator.skills import Skill

FIRST_ATTEMPT_S: Final = 12.0


class McpServers:
    """Implements orchestrator.base.ToolServers. `skills`, by names (`server.tool`), is kept as the servers offer them.
    What a server that is lost has offered stays: calls fail until it is back."""

    def __init__(self, servers: Sequence[McpServer], skills: dict[str, Skill]) -> None:
        self._skills = skills
        self._connections = [Connection(server, partial(self._offered, server.name)) for server in servers]

    def start(self) -> None:
        """Before the lockdown: start what starts their programs. No thread, no connection yet."""
        for connection in self._connections:
            connection.start()

    async def connect(self) -> None:
        """After the lockdown: connect to each. Returns once each is there or has failed for the first time; those that
        have are tried again and again."""
        for connection in self._connections:
            connection.connect()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_ATTEMPT_S):
                await asyncio.gather(*(connection.tried.wait() for connection in self._connections))

    async def close(self) -> None:
        """Let go of all; their programs are gone when this returns."""
        await asyncio.gather(*(connection.close() for connection in self._connections))

    def _offered(self, server: str, skills: Sequence[ToolSkill]) -> None:
        for name in [name for name in self._skills if name.partition(".")[0] == server]:
            del self._skills[name]
        self._skills.update({skill.name: skill for skill in skills})
