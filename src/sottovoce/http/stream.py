"""`/ws/voice`: a session's stream, as a bare ASGI application, since a frame of sound passes here."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from sottovoce.http.origins import Origins, origin_of
from sottovoce.http.transport import EXTENSION, Sink
from sottovoce.live.asked import StreamAsked, StreamRefused
from sottovoce.live.connection import FOREIGN_ORIGIN, Connection
from sottovoce.live.hub import Hub
from sottovoce.live.runner import Runner
from sottovoce.vault.tickets import Origin
from sottovoce.wire import subprotocol
from sottovoce.wire.encode import event_number

MOST_FIELDS = 8


class VoiceStream:
    """Accepts first and refuses then, so that the close code arrives."""

    def __init__(self, hub: Hub, origins: Origins) -> None:
        self._hub = hub
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One WebSocket, from its opening to its end."""
        await receive()  # websocket.connect, the protocol's first
        headers = Headers(scope=scope)
        protocol, ticket = subprotocol.answer(scope["subprotocols"])
        await send({"type": "websocket.accept", "subprotocol": protocol})
        asked = _asked(scope["query_string"], ticket, origin_of(headers))
        connection = Connection(send)
        try:
            if not self._origins.admit(headers):
                raise self._hub.stream_refused(FOREIGN_ORIGIN)
            runner = await self._hub.connect(asked, connection)
        except StreamRefused as refused:
            await send({"type": "websocket.close", "code": refused.close.code, "reason": refused.close.reason})
            return
        writing = asyncio.create_task(_write(connection))
        try:
            await _read(scope, receive, send, runner, connection)
        finally:
            await self._hub.disconnect(asked.session_id, connection)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)


def _asked(query_string: bytes, ticket: str | None, origin: Origin | None) -> StreamAsked:
    """What the address asks for; its ticket counts only if none came as a subprotocol."""
    try:
        query = parse_qs(query_string.decode("ascii", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        query = {}
    session_id, in_address, last = (query.get(name, [""])[0] for name in ("session_id", "ticket", "last_event_id"))
    return StreamAsked(
        session_id=session_id,
        ticket=in_address if ticket is None else ticket,
        last_event=event_number(last),
        origin=origin,
    )


async def _write(connection: Connection) -> None:
    try:
        await connection.write()
    except OSError:
        return  # the client is gone: reading ends as well, and that is where it is dealt with


def _sink(runner: Runner, connection: Connection) -> Sink:
    """What is to be done with each message; what comes after our own close is passed over."""

    def take(message: bytes | str) -> None:
        if connection.closing:
            return
        try:
            if isinstance(message, bytes):
                runner.receive_sound(message)
            else:
                runner.receive_message(message)
        except Exception as error:  # noqa: BLE001 - a fault of ours ends this session, and no other
            runner.fail(error)

    return take


async def _read(scope: Scope, receive: Receive, send: Send, runner: Runner, connection: Connection) -> None:
    """Until either side closes."""
    sink = _sink(runner, connection)
    if EXTENSION in scope.get("extensions", {}):
        offer: dict[str, Any] = {"type": EXTENSION, "sink": sink}
        await send(offer)
        connection.abort = offer["abort"]
    while (message := await receive())["type"] != "websocket.disconnect":
        sound = message.get("bytes")
        sink(sound if sound is not None else message["text"])
