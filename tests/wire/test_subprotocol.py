import pytest

from sottovoce.wire.subprotocol import PROTOCOL, answer, offer


def test_a_ticket_arrives_and_is_not_answered_with() -> None:
    assert answer(offer("a-Ticket_1")) == (PROTOCOL, "a-Ticket_1")


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ([], (None, None)),
        (["chat", "superchat"], (None, None)),
        (["ticket.t"], (None, None)),  # nothing to answer with: a browser would close the stream, the ticket used up
        (["sottovoce.v2", "ticket.t"], (None, None)),
        ([PROTOCOL], (PROTOCOL, None)),
        (["ticket.t", "chat", PROTOCOL], (PROTOCOL, "t")),
        ([PROTOCOL, "ticket.t", "ticket.u"], (PROTOCOL, "t")),
        ([PROTOCOL, "ticket."], (PROTOCOL, "")),
    ],
)
def test_only_our_protocol_is_taken_and_only_with_it_a_ticket(
    offered: list[str], answered: tuple[str | None, str | None]
) -> None:
    assert answer(offered) == answered
