"""uvicorn's HTTP protocol with a limit for what is no body: the library gathers heads and trailers of any length in
memory, before anybody has said who they are."""

from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES: Final = 64 * 1024


class LimitedProtocol(HttpToolsProtocol):
    """Closes connections on which the head of a request, or what is between the pieces of its body and after them, is
    longer than MAX_HEAD_BYTES and one more read."""

    _no_body = 0
    """Bytes of the request that is being read that are not of its body."""

    def data_received(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        self._no_body += len(data)
        super().data_received(data)
        if self._no_body <= MAX_HEAD_BYTES or self.transport.is_closing():
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self.send_400_response("The head of this request is too long")
        else:
            self.transport.abort()  # its answer has begun: nothing else can be said

    def on_body(self, body: bytes) -> None:
        """As the library does, which limits by what is read: see limits.py."""
        self._no_body -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """As the library does; the next request is counted anew."""
        self._no_body = 0
        super().on_message_complete()
