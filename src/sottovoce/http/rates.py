"""How fast sessions may be opened, by each namespace and from each address. Callers on this machine are not counted
where nobody else reaches the server; where others do, what seems to be one may be a proxy with the whole world behind
it."""

import hashlib
import math
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection

from fastapi import Request

from sottovoce.core.addresses import is_loopback
from sottovoce.core.limits import TokenBucket
from sottovoce.errors import CreatingTooFast
from sottovoce.http.doors import client_address, network

MINUTE_S = 60.0
MOST_COUNTED = 50_000
"""Names that are told apart; of more, those that came longest ago begin anew."""


class Buckets:
    """One bucket a name: `a_minute` on average, as many at once."""

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._key = secrets.token_bytes(32)
        self._buckets: OrderedDict[bytes, TokenBucket] = OrderedDict()
        """By keyed hashes: names stay out of memory, also when a namespace has been erased."""

    def take(self, name: str, now: float) -> None:
        """Raises CreatingTooFast."""
        hashed = hashlib.blake2b(name.encode(), key=self._key, digest_size=16).digest()
        bucket = self._buckets.get(hashed)
        if bucket is None:
            bucket = self._buckets[hashed] = TokenBucket(self._a_minute / MINUTE_S, self._a_minute, now)
            if len(self._buckets) > MOST_COUNTED:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(hashed)
        if not bucket.take(1, now):
            raise CreatingTooFast(retry_after_s=math.ceil(MINUTE_S / self._a_minute))


class CreationRates:
    """Asked before a session is opened."""

    def __init__(
        self,
        trusted_proxies: Collection[str],
        *,
        by_namespace: int,
        by_address: int,
        reached_by_others: bool,
        clock: Callable[[], float],
    ) -> None:
        self._trusted = frozenset(trusted_proxies)
        self._namespaces = Buckets(by_namespace)
        self._addresses = Buckets(by_address)
        self._reached_by_others = reached_by_others
        self._clock = clock

    def take(self, request: Request, namespace_id: str) -> None:
        """Raises CreatingTooFast."""
        address = client_address(request, self._trusted)
        here = is_loopback(address)
        if here and not self._reached_by_others:
            return
        now = self._clock()
        if not here:
            self._addresses.take(network(address), now)
        self._namespaces.take(namespace_id, now)
