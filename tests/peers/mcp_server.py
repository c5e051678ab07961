"""An MCP server made with the official SDK: `mcp_server.py stdio [FOLDER]`, or `mcp_server.py http PORT [FOLDER]`.

Its tools do what tools do, and what they should not. In FOLDER it notes what it was told of: `cancelled`, `started`.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

READS = ToolAnnotations(read_only_hint=True)
FOLDER = Path(sys.argv[-1]) if len(sys.argv) > 2 and Path(sys.argv[-1]).is_dir() else None

server = MCPServer("peer", log_level="CRITICAL")


def note(name: str, text: str = "") -> None:
    if FOLDER is not None:
        with (FOLDER / name).open("a") as file:
            file.write(f"{text}\n")


class Place(BaseModel):
    name: str


@server.tool(annotations=READS)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(annotations=READS, title="The weather")
def weather(place: Place, days: Annotated[int, Field(ge=1, le=7)] = 1) -> str:
    """Say the weather of a place."""
    return f"It will be sunny in {place.name} for {days} days. Take a hat."


@server.tool(annotations=READS)
async def slow(context: Context[Any, Any], steps: int = 4, pause_s: float = 0.6) -> str:
    """Take some time, and say how far it has come."""
    try:
        for step in range(steps):
            await context.report_progress(step + 1, steps, f"step {step + 1}")
            await asyncio.sleep(pause_s)
    except asyncio.CancelledError:
        note("cancelled")
        raise
    return "That took a while."


@server.tool(annotations=ToolAnnotations(destructive_hint=True))
def wipe(what: str) -> str:
    """Wipe something."""
    note("wiped", what)
    return f"{what} is gone."


@server.tool()
def unsaid(what: str) -> str:
    """Does not say whether it destroys."""
    return what


@server.tool(annotations=ToolAnnotations(destructive_hint=False))
def append(what: str) -> str:
    """Only adds, and leaves a file."""
    note("appended", what)
    return f"Added {what}."


@server.tool(annotations=READS)
def fail(why: str) -> str:
    """Fail."""
    raise ToolError(f"It is broken: {why}")


@server.tool(annotations=READS)
async def hang() -> str:
    """Never answer."""
    await asyncio.sleep(3600)
    return "never"


@server.tool(annotations=READS)
def huge(megabytes: int = 4) -> str:
    """Answer far too much."""
    return "much " * (megabytes * 1024 * 1024 // 5)


@server.tool(annotations=READS)
async def grow(context: Context[Any, Any]) -> str:
    """Have one more tool."""
    server.add_tool(lambda: "I am new.", name="new", annotations=READS)
    await context.notify_tools_changed()
    return "Grown."


@server.tool(annotations=READS)
def die() -> str:
    """Be gone."""
    os._exit(1)


@server.tool(annotations=READS)
def whoami() -> dict[str, Any]:
    """What the process is, and knows of its environment."""
    return {"pid": os.getpid(), "names": sorted(os.environ)}


@server.tool(annotations=READS)
def who_calls(context: Context[Any, Any]) -> str:
    """The credential of the request."""
    return (context.headers or {}).get("authorization", "nobody")


if __name__ == "__main__":
    note("started", str(os.getpid()))
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="critical")
