"""A stream's subprotocol (RFC 6455, 1.9), and how a ticket travels beside it: browsers let a page choose no other
header, and what stands in no address stands in no log of addresses."""

from collections.abc import Sequence
from typing import Final

PROTOCOL: Final = "sottovoce.v1"
_TICKET: Final = "ticket."


def offer(ticket: str) -> list[str]:
    """What a client offers: the protocol, and the ticket's text, which has to be of RFC 9110's token characters."""
    return [PROTOCOL, _TICKET + ticket]


def answer(offered: Sequence[str]) -> tuple[str | None, str | None]:
    """The protocol that a server takes of these, and the ticket that came with it. A ticket is never answered with."""
    if PROTOCOL not in offered:
        return None, None
    return PROTOCOL, next((each.removeprefix(_TICKET) for each in offered if each.startswith(_TICKET)), None)
