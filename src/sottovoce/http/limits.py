"""Bodies are small: a larger one is refused. The framework can do so too, but answers in plain text, no problem."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sottovoce.errors import BodyTooLarge
from sottovoce.http.problems import problem

MAX_BODY_BYTES = 64 * 1024
DRAINED_BYTES = 4 * 1024 * 1024
"""So much of a body that is too large is read on and dropped, so that its sender is there to read the answer."""


class BodyLimit:
    """ASGI middleware for HTTP; streams pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes; whatever the application makes of a body cut short, the answer says it was too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = 0
        more = True
        answered = False

        async def read() -> Message:
            nonlocal seen, more
            message = await receive()
            seen += len(message.get("body", b""))
            more = message.get("more_body", False)
            return message

        async def counted() -> Message:
            message = await read()
            return message if seen <= MAX_BODY_BYTES else {"type": "http.disconnect"}

        async def watched(message: Message) -> None:
            nonlocal answered
            if seen <= MAX_BODY_BYTES:
                answered = True
                await send(message)

        try:
            await self._app(scope, counted, watched)
        finally:
            while more and MAX_BODY_BYTES < seen < DRAINED_BYTES:
                await read()
            if seen > MAX_BODY_BYTES and not answered:
                answer = problem(
                    BodyTooLarge.status, BodyTooLarge.code, BodyTooLarge.detail, headers={"Connection": "close"}
                )
                await answer(scope, receive, send)
