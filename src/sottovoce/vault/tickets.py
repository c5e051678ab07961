"""One-time tickets that open a session's stream: 256 random bits, of which only the hash is kept."""

import hashlib
import hmac
import secrets

import msgspec

Origin = tuple[str, str, int]
"""Of a web page: scheme, host, port."""


class Ticket(msgspec.Struct, frozen=True):
    """What the server keeps of a ticket."""

    digest: bytes
    expires_at: float
    """Seconds, by the clock of `issue`'s `now`."""
    origin: Origin | None
    """The only one from which it opens; None: it was made for no page in particular."""


def issue(now: float, lifetime_s: float, origin: Origin | None = None) -> tuple[str, Ticket]:
    """A new ticket: its text for the client, and what is kept of it."""
    text = secrets.token_urlsafe(32)
    return text, Ticket(_digest(text), now + lifetime_s, origin)


def opens(ticket: Ticket, text: str, now: float, origin: Origin | None = None) -> bool:
    """Whether `text` is this ticket, in time and from where it may be used. Takes the same time whatever `text` is."""
    right = hmac.compare_digest(ticket.digest, _digest(text))
    return right and now < ticket.expires_at and ticket.origin in {None, origin}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
