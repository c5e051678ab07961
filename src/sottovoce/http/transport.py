"""uvicorn's WebSocket protocol with a short way for frames of sound.

A frame of sound is nearly always one whole, final, masked binary frame in one read. Such a frame is unmasked here and
handed to the application in the same call; everything else (handshake, text, fragments, pings, closing, whatever is
wrong) goes through the library as ever, frame by frame, so that its conformance stays ours. Measured by bench/load.py.

The application asks for it by ASGI's own means, an extension: it finds EXTENSION in the scope's `extensions` and sends
`{"type": EXTENSION, "sink": sink}`; from then on `sink(message)` is called with each message, bytes or str, in order,
and `receive()` tells only of the end. The message comes back with `abort`, which ends the connection without
another word. Under a server that does not know the extension, `receive()` does it all.
"""

from collections.abc import Callable, MutableMapping
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined]  # the one it uses, in C if it can
from websockets.http11 import Request
from websockets.protocol import OPEN

from sottovoce.live.connection import SILENT_TOO_LONG

EXTENSION: Final = "sottovoce.messages"

Sink = Callable[[bytes | str], None]

_FINAL_BINARY: Final = 0x82
_MASKED: Final = 0x80
_FINAL: Final = 0x80
_OPCODE: Final = 0x0F
_FIRST_CONTROL: Final = 0x8
_MASK_BYTES: Final = 4


class VoiceProtocol(WebSocketsSansIOProtocol):
    """Hands messages to a sink if the application gives it one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sink: Sink | None = None
        self._unread = bytearray()
        """The beginning of a frame that is not whole yet: the library gets whole frames only."""
        self._fragmented = False
        """A message has begun that more frames belong to."""
        self._by_library = False
        """Everything goes to the library: what came before the handshake was done may end within a frame."""

    def handle_connect(self, event: Request) -> None:
        """As the library does, and the extension is offered."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][EXTENSION] = {}

    def data_received(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if not self.handshake_complete or self._by_library:
            self._by_library = self._by_library or self.handshake_initiated
            super().data_received(data)
            return
        if self._unread:
            self._unread += data
            data = bytes(self._unread)
            self._unread.clear()
        at, end = -1, 0
        while at < end < len(data):
            at, end = end, self._take_frame(data, end)
        self._unread += data[end:]

    def _take_frame(self, data: bytes, at: int) -> int:
        """Take the frame that begins at `at`; returns where it ends, or `at` if it is not whole."""
        size = len(data)
        if size - at < 2:  # noqa: PLR2004 - the shortest head
            return at
        first, second = data[at], data[at + 1]
        length, payload = second & 0x7F, at + 2
        if length >= 126:  # noqa: PLR2004 - RFC 6455, 5.2
            payload += 2 if length == 126 else 8  # noqa: PLR2004
            if payload > size:
                return at
            length = int.from_bytes(data[at + 2 : payload], "big")
        if second & _MASKED:
            payload += _MASK_BYTES
        if length > (self.config.ws_max_size or 0):
            self._by_library = True  # it says what is wrong, and closes
            super().data_received(data[at:])
            return size
        end = payload + length
        if end > size:
            return at
        if first == _FINAL_BINARY and second & _MASKED and not self._fragmented and self._is_open():
            self._deliver(apply_mask(data[payload:end], data[payload - _MASK_BYTES : payload]))
        else:
            opcode = first & _OPCODE
            if opcode < _FIRST_CONTROL:
                self._fragmented = not first & _FINAL
            super().data_received(data[at:end])
        return end

    def _is_open(self) -> bool:
        return self._sink is not None and not self.close_sent and self.conn.state is OPEN

    def _deliver(self, message: bytes | str) -> None:
        if self._sink is not None:
            self._sink(message)

    def send_receive_event_to_app(self) -> None:
        """A whole message that came through the library."""
        if self._sink is None:
            super().send_receive_event_to_app()
            return
        waiting = self.queue.qsize()
        super().send_receive_event_to_app()
        if self.queue.qsize() > waiting:
            self._drain()

    def _drain(self) -> None:
        """Hand what the library has put into its queue to the sink, but for the end."""
        ends = []
        while not self.queue.empty():
            event: Any = self.queue.get_nowait()
            if event["type"] != "websocket.receive":
                ends.append(event)
            else:
                self._deliver(event["bytes"] if event.get("bytes") is not None else event["text"])
        for event in ends:
            self.queue.put_nowait(event)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def keepalive_timeout(self) -> None:
        """As the library does, but with the close code for silence: it is no fault of the server's.

        A client that is gone takes no last word either: what cannot be sent soon keeps the connection no longer.
        """
        self.pong_timer = self.pending_ping_payload = None
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.fail(SILENT_TOO_LONG.code, SILENT_TOO_LONG.reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
        self.transport.close()

    async def send(self, message: MutableMapping[str, Any]) -> None:  # type: ignore[override]  # one message more
        """ASGI's send."""
        if message["type"] == EXTENSION:
            self._sink = message["sink"]
            message["abort"] = self.transport.abort
            self._drain()
        else:
            await super().send(message)  # type: ignore[arg-type]  # every other message is the library's
