"""One connection to a Wyoming server: events out and in, by the `wyoming` package, within limits.

The package reads whatever length an event announces, and takes nonsense for the end. Here every event has a size that
it may have, and what is no event is the server's fault. No text of a server's goes into an error: it may hold what was
said.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import msgspec
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech.wyoming_url import Place

CONNECT_S: Final = 5.0
MAX_HEADER_BYTES: Final = 1 << 16
"""Of an event's first line."""
MAX_PART_BYTES: Final = 4 << 20
"""Of an event's data, and of its payload: a minute and a half of sound at 22.05 kHz."""

Shape = TypeVar("Shape")


class _TooMuch(Exception):
    """An event announces more than it may have. No ValueError: the package swallows those."""


class _Reader(asyncio.StreamReader):
    """What the package reads from: it refuses before it stores."""

    async def readline(self) -> bytes:
        """At most MAX_HEADER_BYTES. Raises _TooMuch."""
        try:
            return await super().readline()
        except ValueError:
            raise _TooMuch from None

    async def readexactly(self, n: int) -> bytes:
        """At most MAX_PART_BYTES. Raises _TooMuch, IncompleteReadError."""
        if n > MAX_PART_BYTES:
            raise _TooMuch
        return await super().readexactly(n)


class Line:
    """A connection that stands."""

    def __init__(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._place = place
        self._reader = reader
        self._writer = writer

    async def send(self, *messages: Eventable) -> None:
        """Raises EngineFault when the server has gone."""
        try:
            for message in messages:
                await async_write_event(message.event(), self._writer)
        except OSError:
            raise self.fault("broke off") from None

    async def receive(self) -> Event:
        """The next event. Raises EngineFault when there is none: the server has gone, reports an error, or sends what
        is no event, or too large."""
        try:
            event = await async_read_event(self._reader)
        except _TooMuch:
            raise self.fault("sends more at once than may come") from None
        except (asyncio.IncompleteReadError, OSError):
            raise self.fault("broke off") from None
        except (AttributeError, LookupError, TypeError, RecursionError):
            raise self.nonsense() from None
        if event is None:
            raise self.fault("broke off") if self._reader.at_eof() else self.nonsense()
        kind, data = cast("Any", event.type), cast("Any", event.data)
        if not (isinstance(kind, str) and isinstance(data, dict)):
            raise self.nonsense()
        if Error.is_type(event.type):
            raise self.fault("reports an error")
        return event

    def read(self, data: dict[str, Any], shape: type[Shape]) -> Shape:
        """An event's data as what it is to be. Raises EngineFault."""
        try:
            return msgspec.convert(data, shape)
        except msgspec.ValidationError:
            raise self.nonsense() from None

    def fault(self, what: str) -> EngineFault:
        """That the server does this."""
        return EngineFault(f"The Wyoming server at {self._place} {what}")

    def nonsense(self) -> EngineFault:
        """That it does not speak as it should."""
        return self.fault("sends what is no Wyoming event")

    def cut(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        self._writer.transport.abort()


@asynccontextmanager
async def connected(place: Place) -> AsyncGenerator[Line, None]:
    """A connection, cut at the end of the block. Raises EngineUnavailable when there is none within CONNECT_S."""
    line = await _connect(place)
    try:
        yield line
    finally:
        line.cut()


async def _connect(place: Place) -> Line:
    loop = asyncio.get_running_loop()
    reader = _Reader(limit=MAX_HEADER_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    try:
        async with asyncio.timeout(CONNECT_S):
            transport, _ = await loop.create_connection(lambda: protocol, place.host, place.port)
    except OSError as error:  # a TimeoutError is one, too
        why = "no answer" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__
        raise EngineUnavailable(
            f"No Wyoming server answers at {place} ({why}): start it, or name where it is, wyoming://host:port"
        ) from None
    return Line(place, reader, asyncio.StreamWriter(transport, protocol, reader, loop))
