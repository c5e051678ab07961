"""Who may see the operator page: whoever has the password, or, where none is set, whoever sits at the machine."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import math
import secrets
from collections.abc import Callable, Collection
from typing import Final, Protocol

from starlette.requests import Request

from sottovoce.core.addresses import host_of, is_loopback
from sottovoce.errors import OperatorElsewhere, OperatorGuesses, OperatorUnknown

USER: Final = "operator"
GUESSES: Final = 10
"""Wrong passwords that may come from one place at once."""
GUESS_S: Final = 10.0
"""After those, one more in so many seconds: some three million a year, of passwords of 12 characters or more."""
PLACES: Final = 4_096
"""Places that are told apart. What is remembered of them stays this small, however many there are."""
_NETWORK_BITS: Final = {4: 32, 6: 48}
"""How much of an address says whose it is: who has one of IPv6 has as many as they like."""
_PROXY_HEADERS: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Door(Protocol):
    """Lets in or raises."""

    def check(self, request: Request) -> None:
        """Raises what there is to say to those who may not enter."""


class LoopbackDoor:
    """For a server without a password, which listens on loopback only.

    That the address is this machine's own is not enough: a page of any site may send a browser here under a name that
    was pointed at 127.0.0.1, and a proxy may pass on the whole world.
    """

    def check(self, request: Request) -> None:
        """Raises OperatorElsewhere."""
        headers = request.headers
        here = request.client is not None and is_loopback(request.client.host)
        proxied = any(name in headers for name in _PROXY_HEADERS)
        if not here or proxied or not is_loopback(host_of(headers.get("host", ""))):
            raise OperatorElsewhere
        _refuse_other_sites(request)


class PasswordDoor:
    """HTTP Basic (RFC 7617). The right password costs nothing and is never slowed down; wrong ones are counted by the
    place they come from, so that whoever guesses keeps out nobody elsewhere."""

    def __init__(self, password: str, trusted_proxies: Collection[str], clock: Callable[[], float]) -> None:
        self._key = secrets.token_bytes(32)
        self._right = self._digest(f"{USER}:{password}".encode())
        self._trusted = frozenset(trusted_proxies)
        self._clock = clock
        self._guesses: dict[int, tuple[float, float]] = {}
        """Place to the wrong passwords that count against it, and when that was so."""

    def check(self, request: Request) -> None:
        """Raises OperatorUnknown, OperatorGuesses."""
        sent = request.headers.get("authorization")
        if sent is None:
            raise OperatorUnknown
        place = self._place(request)
        now = self._clock()
        wrong = self._wrong(place, now)
        if wrong > GUESSES - 1:
            raise OperatorGuesses(retry_after_s=math.ceil((wrong - GUESSES + 1) * GUESS_S))
        if not hmac.compare_digest(self._digest(_credentials(sent)), self._right):
            self._guesses[place] = (wrong + 1, now)
            raise OperatorUnknown
        _refuse_other_sites(request)

    def _wrong(self, place: int, now: float) -> float:
        wrong, at = self._guesses.get(place, (0.0, now))
        return max(0.0, wrong - (now - at) / GUESS_S)

    def _digest(self, text: bytes) -> bytes:
        return hashlib.blake2b(text, key=self._key).digest()

    def _place(self, request: Request) -> int:
        """Where the caller is, as one of PLACES; which of them share one differs from start to start."""
        address = client_address(request, self._trusted)
        return int.from_bytes(self._digest(network(address).encode())[:8], "big") % PLACES


def client_address(request: Request, trusted_proxies: Collection[str]) -> str:
    """The caller's, or what the nearest trusted proxy says it is: of X-Forwarded-For, what callers wrote themselves
    does not count."""
    address = request.client.host if request.client is not None else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    while address in trusted_proxies and forwarded and forwarded[-1].strip():
        address = forwarded.pop().strip()
    return address


def network(address: str) -> str:
    """The network that an address stands for, with a port or without; all that is no address is one place."""
    try:
        found = ipaddress.ip_address(address if address.count(":") > 1 and "[" not in address else host_of(address))
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    return str(ipaddress.ip_network((found, _NETWORK_BITS[found.version]), strict=False))


def _refuse_other_sites(request: Request) -> None:
    """A script of another site may not look: not even of one that may use the server (`allowed_origins`).

    Raises OperatorElsewhere. Following a link is not looking: there, only the user sees what comes.
    """
    headers = request.headers
    if headers.get("sec-fetch-mode") == "navigate":
        return
    origin = headers.get("origin")
    own = origin is None or origin.partition("://")[2] == headers.get("host")
    if not own or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise OperatorElsewhere("The operator page's data is for that page only")


def _credentials(header: str) -> bytes:
    """`user:password`; empty if the header is something else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
