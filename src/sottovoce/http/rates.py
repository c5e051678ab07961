"""How fast sessions may be opened, by each namespace and from each address. Callers on this machine are not counted."""

import math
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
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, name: str, now: float) -> None:
        """Raises CreatingTooFast."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(self._a_minute / MINUTE_S, self._a_minute, now)
            if len(self._buckets) > MOST_COUNTED:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
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
        clock: Callable[[], float],
    ) -> None:
        self._trusted = frozenset(trusted_proxies)
        self._namespaces = Buckets(by_namespace)
        self._addresses = Buckets(by_address)
        self._clock = clock

    def take(self, request: Request, namespace_id: str) -> None:
        """Raises CreatingTooFast."""
        address = client_address(request, self._trusted)
        if is_loopback(address):
            return
        now = self._clock()
        self._addresses.take(network(address), now)
        self._namespaces.take(namespace_id, now)
