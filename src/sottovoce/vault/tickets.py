"""One-time tickets that open a session's stream: 256 random bits, of which only the hash is kept."""

import hashlib
import hmac
import secrets

import msgspec


class Ticket(msgspec.Struct, frozen=True):
    """What the server keeps of a ticket."""

    digest: bytes
    expires_at: float
    """Seconds since the epoch."""


def issue(now: float, lifetime_s: float) -> tuple[str, Ticket]:
    """A new ticket: its text for the client, and what is kept of it."""
    text = secrets.token_urlsafe(32)
    return text, Ticket(_digest(text), now + lifetime_s)


def opens(ticket: Ticket, text: str, now: float) -> bool:
    """Whether `text` is this ticket, in time. Takes the same time whatever `text` is."""
    return hmac.compare_digest(ticket.digest, _digest(text)) and now < ticket.expires_at


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
