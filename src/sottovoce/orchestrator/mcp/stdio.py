"""Speaking to the program of an MCP server over its standard input and output, in bounds."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
from mcp.client._transport import TransportStreams
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types.jsonrpc import jsonrpc_message_adapter

from sottovoce.core.limits import TokenBucket
from sottovoce.orchestrator.mcp import keeper
from sottovoce.orchestrator.mcp.base import LONGEST_MESSAGE, Program

MESSAGES_PER_S: Final = 100.0
MESSAGES_BURST: Final = 1_000.0
NONSENSE_AT_MOST: Final = 20
"""Lines that are no messages: some programs greet on standard output."""
ENDS_S: Final = 6.0
"""The keeper ends its program within this."""


class NotStartedError(Exception):
    """The program of an MCP server could not be started; the text is the system's reason."""


class Keeper:
    """The process that starts a server's program: `start` comes before the lockdown."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._number = 0

    def start(self) -> None:
        """Start the process; it starts nothing yet."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this package
                [sys.executable, "-I", str(Path(keeper.__file__)), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=get_default_environment(),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for us; it ends when we do
            )
        command = [self._program.command, *self._program.args]
        env = get_default_environment() | dict(self._program.env)
        ours.send(json.dumps({"command": command, "env": env}).encode())
        ours.setblocking(False)  # noqa: FBT003 - the library's
        self._control = ours

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Start the program, ending the one before. Raises NotStartedError."""
        if self._control is None:
            raise NotStartedError("its keeper has not started")
        self._number += 1
        number = str(self._number)
        self._control.send(b"start " + number.encode())
        while True:
            said, sockets = await self._answer(self._control)
            answered, _, why = said.partition(" ")
            if answered == number and sockets:
                return await asyncio.open_unix_connection(sock=sockets[0], limit=LONGEST_MESSAGE)
            for each in sockets:  # one that was given up meanwhile
                each.close()
            if answered == number or not said:
                raise NotStartedError(why or "its keeper is gone")

    async def _answer(self, control: socket.socket) -> tuple[str, list[socket.socket]]:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(control.fileno(), readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(control.fileno())
        try:
            said, numbers, _, _ = socket.recv_fds(control, keeper.LONGEST, 1)
        except ConnectionError:
            return "", []
        return said.decode(errors="replace"), [socket.socket(fileno=number) for number in numbers]

    def stop_program(self) -> None:
        """End the program, without waiting for it."""
        if self._control is not None:
            with suppress(OSError):
                self._control.send(b"stop")

    async def close(self) -> None:
        """End both; done when they are gone."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            ends = time.monotonic() + ENDS_S
            while self._process.poll() is None and time.monotonic() < ends:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(0.02)
            self._process.kill()
            self._process.wait()
            self._process = None


@asynccontextmanager
async def program_streams(keeper_: Keeper, lost: asyncio.Event) -> AsyncGenerator[TransportStreams, None]:
    """An MCP transport to the program, newly started; sets `lost` when that ends. What goes beyond the bounds ends it.
    Raises NotStartedError."""
    reader, writer = await keeper_.connect()
    incoming, messages = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        async with incoming:
            try:
                await _read(reader, incoming)
            except (OSError, ValueError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return
            finally:
                lost.set()

    async def write() -> None:
        async with to_send:
            async for message in to_send:
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                try:
                    writer.write(line.encode() + b"\n")
                    await writer.drain()
                except OSError:
                    await incoming.aclose()
                    return

    try:
        async with messages, outgoing, anyio.create_task_group() as both:
            both.start_soon(read)
            both.start_soon(write)
            try:
                yield messages, outgoing
            finally:
                both.cancel_scope.cancel()
    finally:
        writer.close()
        keeper_.stop_program()


async def _read(
    reader: asyncio.StreamReader, incoming: "anyio.abc.ObjectSendStream[SessionMessage | Exception]"
) -> None:
    """Pass messages on, until the program ends, or goes beyond the bounds: ValueError."""
    bucket, nonsense = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, time.monotonic()), 0
    while line := await reader.readline():  # a ValueError for one that is too long
        if not bucket.take(1.0, time.monotonic()):
            raise ValueError("too many messages")
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            # Its text would hold the line.
            nonsense += 1
            if nonsense > NONSENSE_AT_MOST:
                raise ValueError("too much that is no message") from None
            continue
        await incoming.send(SessionMessage(message))
