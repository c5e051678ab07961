from sottovoce.vault import tickets


def test_a_ticket_opens_in_time_and_only_its_own() -> None:
    text, ticket = tickets.issue(100.0, 30.0)
    other, _ = tickets.issue(100.0, 30.0)
    assert tickets.opens(ticket, text, 129.9)
    assert not tickets.opens(ticket, text, 130.0)
    assert not tickets.opens(ticket, other, 101.0)
    assert not tickets.opens(ticket, "", 101.0)


def test_a_ticket_that_a_page_asked_for_opens_from_there_only() -> None:
    page = ("https", "app.example.org", 443)
    text, ticket = tickets.issue(0.0, 30.0, page)
    assert tickets.opens(ticket, text, 1.0, page)
    for other in (None, ("http", "app.example.org", 443), ("https", "app.example.org", 444)):
        assert not tickets.opens(ticket, text, 1.0, other)
    text, ticket = tickets.issue(0.0, 30.0)
    assert tickets.opens(ticket, text, 1.0, page), "a program may hand it to a page"


def test_what_is_kept_does_not_hold_the_ticket() -> None:
    text, ticket = tickets.issue(0.0, 30.0)
    assert text not in repr(ticket)
    assert len(text) >= 43, "256 bits"
