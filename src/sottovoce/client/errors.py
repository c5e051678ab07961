"""What can go wrong between a client and its server.

What the server answers comes out as the error of `sottovoce.errors` that it was there: `TooManySessions` on the server
is `TooManySessions` here. No text holds an id, a ticket, a credential, or what was said.
"""

import httpx
import msgspec

from sottovoce import errors
from sottovoce.errors import ClientFault, ServerFault, SottovoceError

NORMAL_CLOSURE = 1000
GOING_AWAY = 1001
ABNORMAL_CLOSURE = 1006
"""RFC 6455: the connection was lost without a word."""

_CLOSES = {
    GOING_AWAY: "The server is stopping. Open a new session, there or at another one",
    ABNORMAL_CLOSURE: "The connection to the server was lost",
    1009: "A message was over 64 KiB. Send sound in smaller pieces",
    1011: "The server failed. Its log says where; open a new session",
    4400: "The server did not understand what was sent. Are client and server of the same version?",
    4401: "The ticket was unknown, used, late or another page's. Open a new session and connect to it within 30 s",
    4404: "The server knows no such session, or has closed it. Open a new one",
    4408: "The session was silent for too long, or what the server sent was not read. Open a new session",
    4409: "A newer connection took the session over",
    4429: "Sound was sent faster than twice real time, or too many messages were",
}


class ServerUnreachable(SottovoceError):
    """No server answers there, or what answers is none of ours."""


class CredentialUnusable(SottovoceError):
    """It cannot be an API key or a JWT."""

    detail = "The credential cannot be an API key or a JWT: those are of letters, digits and -._~+/= only"


class StreamClosed(SottovoceError):
    """The stream ended, and not as the client wished; `close_code` is RFC 6455's or one of the contract's."""

    def __init__(self, close_code: int) -> None:
        super().__init__(f"{_CLOSES.get(close_code, 'The server closed the stream')} (close code {close_code})")
        self.close_code = close_code


class SoundUnreadable(SottovoceError):
    """A file that is no sound, or that cannot be written."""


class MicrophoneUnavailable(SottovoceError):
    """There is no microphone to be had; what to install or plug in is in the message."""


class _Problem(msgspec.Struct):
    """`application/problem+json`, as far as it matters here."""

    detail: str
    code: str


def _every(root: type[SottovoceError]) -> dict[str, type[SottovoceError]]:
    found: dict[str, type[SottovoceError]] = {}
    for child in root.__subclasses__():
        if "code" in vars(child):
            found[child.code] = child
        found |= _every(child)
    return found


def answered(response: httpx.Response) -> SottovoceError:
    """The error that a failed call was answered with."""
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        return ServerUnreachable(
            f"What answers at {response.url.scheme}://{response.url.netloc.decode()} is no Sottovoce server "
            f"(HTTP status {response.status_code}). Is the address right?"
        )
    fallback = ServerFault if response.is_server_error else ClientFault
    kind = _every(errors.SottovoceError).get(problem.code, fallback)
    # Subclasses word their own detail; here the server's stands.
    error = kind.__new__(kind)
    retry_after = response.headers.get("Retry-After", "")
    SottovoceError.__init__(error, problem.detail, retry_after_s=int(retry_after) if retry_after.isdigit() else None)
    return error
