"""MCP servers whose tools become skills: which there are, and what is asked of their connections."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

import msgspec

Confirm = Literal["destructive", "always", "never"]
LONGEST_MESSAGE = 1024 * 1024
"""Bytes of one message of a server."""

OnProgress = Callable[[float | None, str | None], Awaitable[None]]
"""How far a call has come, 0 to 1, if that is known, and what the tool says about it."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is started here, and spoken to over its standard input and output."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    """Beside what every program needs (PATH, HOME and the like): nothing of our own environment."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A server elsewhere, by streamable HTTP."""

    url: str
    headers: Mapping[str, str] = {}


class McpServer(msgspec.Struct, frozen=True, kw_only=True):
    """One MCP server."""

    name: str
    """What its tools' names begin with: letters, digits, _ and -."""
    place: Program | Address
    confirm: Confirm = "destructive"
    """Which of its tools ask before they do anything."""
    timeout_s: float = 60.0
    """How long a call may take."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool answered, in bounds."""

    text: str = ""
    structured: dict[str, Any] | None = None
    is_error: bool = False
    left_out: int = 0
    """Parts of the answer that are no text: pictures, sound, resources."""


class Caller(Protocol):
    """The connection to one server, as its tools see it."""

    server: McpServer

    async def call(self, tool: str, arguments: Mapping[str, Any], on_progress: OnProgress) -> Answer:
        """Call a tool. Raises SkillFailed. Cancelling it tells the server."""
