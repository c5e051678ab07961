"""The two clocks, handed down so that tests can turn them."""

import time
from collections.abc import Callable

import msgspec


class Clock(msgspec.Struct, frozen=True):
    """`wall`: seconds since the epoch. `steady`: seconds that never run backwards."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
