"""Who may see the operator page. Requests are made by hand: what a proxy or a browser sends is the point."""

import base64

import pytest
from starlette.requests import Request

from sottovoce.errors import OperatorElsewhere, OperatorGuesses, OperatorUnknown
from sottovoce.http import doors
from sottovoce.http.doors import LoopbackDoor, PasswordDoor, client_address, network

PASSWORD = "correct horse battery"  # noqa: S105 - a test's
HERE = "127.0.0.1:8765"


def request(client: str | None = "127.0.0.1", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in ({"host": HERE} | headers).items()]
    scope = {"type": "http", "method": "GET", "headers": raw, "client": None if client is None else (client, 1)}
    return Request(scope)


def basic(password: str, user: str = "operator") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("host", [HERE, "localhost:8765", "localhost", "[::1]:8765", "127.0.0.2"])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_whoever_sits_at_the_machine_needs_no_password(client: str, host: str) -> None:
    LoopbackDoor().check(request(client, host=host))


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("192.0.2.1", {}),
        (None, {}),
        ("127.0.0.1", {"host": "evil.example"}),  # a name that was pointed here
        ("127.0.0.1", {"host": "evil.example:8765"}),
        ("127.0.0.1", {"host": "127.0.0.1.evil.example"}),
        ("127.0.0.1", {"host": "evil@[::1"}),
        ("127.0.0.1", {"host": ""}),
        ("127.0.0.1", {"x_forwarded_for": "192.0.2.1"}),  # a proxy that lets in the world
        ("127.0.0.1", {"forwarded": "for=192.0.2.1"}),
        ("127.0.0.1", {"via": "1.1 proxy"}),
        ("127.0.0.1", {"origin": "https://app.example.org"}),
        ("127.0.0.1", {"origin": "http://[", "sec_fetch_site": "none"}),
        ("127.0.0.1", {"origin": "null"}),
        ("127.0.0.1", {"sec_fetch_site": "cross-site"}),
        ("127.0.0.1", {"sec_fetch_site": "same-site"}),
    ],
)
def test_nobody_else_gets_in_without_a_password(client: str | None, headers: dict[str, str]) -> None:
    with pytest.raises(OperatorElsewhere):
        LoopbackDoor().check(request(client, **headers))


def test_a_link_from_elsewhere_may_be_followed_and_the_page_may_ask() -> None:
    LoopbackDoor().check(request(sec_fetch_site="cross-site", sec_fetch_mode="navigate"))
    LoopbackDoor().check(request(sec_fetch_site="same-origin", sec_fetch_mode="cors", origin=f"http://{HERE}"))


def test_the_right_password_opens_and_all_else_does_not() -> None:
    door = PasswordDoor(PASSWORD, (), Clock())
    door.check(request("192.0.2.1", authorization=basic(PASSWORD), host="voice.example.org"))
    door.check(request("192.0.2.1", authorization=basic(PASSWORD).replace("Basic", "bAsIc")))
    wrong = [
        basic("wrong"),
        basic(PASSWORD, user="root"),
        basic(PASSWORD + " "),
        basic(""),
        "Bearer abc",
        "Basic",
        "Basic *",
        "",
    ]
    for header in wrong:
        with pytest.raises(OperatorUnknown):
            door.check(request("192.0.2.1", authorization=header))


def test_a_password_may_have_any_characters() -> None:
    PasswordDoor("Grüße: 🐦 für alle", (), Clock()).check(request(authorization=basic("Grüße: 🐦 für alle")))


def test_with_a_password_other_sites_may_not_look_either() -> None:
    door = PasswordDoor(PASSWORD, (), Clock())
    with pytest.raises(OperatorElsewhere):
        door.check(request(authorization=basic(PASSWORD), origin="https://app.example.org"))


def test_whoever_guesses_has_to_wait_and_nobody_else_has() -> None:
    clock = Clock()
    door = PasswordDoor(PASSWORD, (), clock)
    for _ in range(doors.GUESSES):
        with pytest.raises(OperatorUnknown):
            door.check(request("192.0.2.1", authorization=basic("wrong")))
    for tried in ("wrong", PASSWORD):
        with pytest.raises(OperatorGuesses) as waits:
            door.check(request("192.0.2.1", authorization=basic(tried)))
        assert waits.value.retry_after_s == 10
    door.check(request("198.51.100.7", authorization=basic(PASSWORD)))
    with pytest.raises(OperatorUnknown):  # asking to be asked is no guess
        door.check(request("192.0.2.1"))
    clock.now += doors.GUESS_S
    door.check(request("192.0.2.1", authorization=basic(PASSWORD)))


def test_a_guesser_gets_one_guess_in_ten_seconds_however_often_they_try() -> None:
    clock = Clock()
    door = PasswordDoor(PASSWORD, (), clock)
    looked_at = 0
    for _ in range(36_000):
        clock.now += 0.1
        try:
            door.check(request("192.0.2.1", authorization=basic("wrong")))
        except OperatorUnknown:
            looked_at += 1
        except OperatorGuesses:
            continue
    assert looked_at <= doors.GUESSES + 3_600 / doors.GUESS_S + 1


def test_the_right_password_again_and_again_is_never_slowed() -> None:
    door = PasswordDoor(PASSWORD, (), Clock())
    for _ in range(1_000):
        door.check(request("192.0.2.1", authorization=basic(PASSWORD)))
    assert door._guesses == {}


def test_guesses_from_very_many_addresses_take_no_more_memory() -> None:
    door = PasswordDoor(PASSWORD, (), Clock())
    for number in range(3 * doors.PLACES):
        with pytest.raises((OperatorUnknown, OperatorGuesses)):
            door.check(request(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", authorization=basic("x")))
    assert len(door._guesses) <= doors.PLACES


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "192.0.2.1:5555", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:1:2::3", "2001:db8:1:ffff::9", True),
        ("2001:db8:1::3", "2001:db8:2::3", False),
        ("2001:db8:1::3", "[2001:db8:1::3]:5555", True),
        ("anything", "else", True),
        ("", "[", True),
    ],
)
def test_places_are_told_apart_by_network(one: str, other: str, *, same: bool) -> None:
    assert (network(one) == network(other)) is same


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),  # not from a proxy: it says what it likes
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # the first was written by the caller
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", " , ", "10.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_the_caller_is_whom_it_names(client: str, forwarded: str | None, address: str) -> None:
    headers = {} if forwarded is None else {"x_forwarded_for": forwarded}
    assert client_address(request(client, **headers), {"10.0.0.1", "10.0.0.2"}) == address
