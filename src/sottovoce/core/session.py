"""The life of a session, as a table: `receive(signal, now)` moves it, `next_deadline()` says when to look again.

Times are seconds since the epoch. The diagram in docs/reference/session-states.md is generated from TRANSITIONS.
"""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where a session is."""

    CREATED = "created"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    ERROR = "error"


ENDED = frozenset({Status.CLOSED, Status.ERROR})


class Signal(StrEnum):
    """What can happen to a session as a whole."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    CLIENT_CLOSED = "client_closed"
    SAID_GOODBYE = "said_goodbye"
    CONNECT_TIMEOUT = "connect_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    GRACE_TIMEOUT = "grace_timeout"
    TIME_LIMIT = "time_limit"
    SERVER_STOPPING = "server_stopping"
    FAULT = "fault"


TRANSITIONS: dict[tuple[Status, Signal], Status] = {
    (Status.CREATED, Signal.CONNECTED): Status.ACTIVE,
    (Status.CREATED, Signal.CLIENT_CLOSED): Status.CLOSED,
    (Status.CREATED, Signal.CONNECT_TIMEOUT): Status.CLOSED,
    (Status.CREATED, Signal.TIME_LIMIT): Status.CLOSED,
    (Status.CREATED, Signal.SERVER_STOPPING): Status.CLOSED,
    (Status.ACTIVE, Signal.DISCONNECTED): Status.SUSPENDED,
    (Status.ACTIVE, Signal.CLIENT_CLOSED): Status.CLOSED,
    (Status.ACTIVE, Signal.SAID_GOODBYE): Status.CLOSED,
    (Status.ACTIVE, Signal.IDLE_TIMEOUT): Status.CLOSED,
    (Status.ACTIVE, Signal.TIME_LIMIT): Status.CLOSED,
    (Status.ACTIVE, Signal.SERVER_STOPPING): Status.CLOSED,
    (Status.ACTIVE, Signal.FAULT): Status.ERROR,
    (Status.SUSPENDED, Signal.CONNECTED): Status.ACTIVE,
    (Status.SUSPENDED, Signal.CLIENT_CLOSED): Status.CLOSED,
    (Status.SUSPENDED, Signal.GRACE_TIMEOUT): Status.CLOSED,
    (Status.SUSPENDED, Signal.TIME_LIMIT): Status.CLOSED,
    (Status.SUSPENDED, Signal.SERVER_STOPPING): Status.CLOSED,
}


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long each thing may last, in seconds."""

    connect_s: float = 30.0
    grace_s: float = 30.0
    idle_s: float = 900.0
    ttl_s: float = 86_400.0
    warn_s: float = 60.0
    """A warning comes so long before the time limit or the idle limit."""
    tombstone_s: float = 300.0
    """An ended session is still answered for, with no word of it kept, for so long."""


class Expiring(msgspec.Struct, frozen=True):
    """The session will end soon."""

    seconds_left: int
    reason: str
    """"time_limit", "idle"."""


class Ended(msgspec.Struct, frozen=True):
    """The session is over: everything said in it goes now."""

    reason: Signal


class Forgotten(msgspec.Struct, frozen=True):
    """Not even its tombstone is left."""


Effect = Expiring | Ended | Forgotten


class InvalidTransition(Exception):
    """A signal that the table has no row for."""


class Session:
    """One session's status and deadlines."""

    __slots__ = ("_limits", "_since", "_warned_idle", "_warned_limit", "created_at", "expires_at", "status")

    def __init__(self, limits: SessionLimits, now: float) -> None:
        self._limits = limits
        self.status = Status.CREATED
        self.created_at = now
        self.expires_at = now + limits.ttl_s
        self._since = now
        """Of the status; while active, of the last sign of life."""
        self._warned_idle = False
        self._warned_limit = False

    @property
    def live(self) -> bool:
        """Whether it counts against its namespace's limit."""
        return self.status not in ENDED

    def receive(self, signal: Signal, now: float) -> list[Effect]:
        """Move. Raises InvalidTransition."""
        status = TRANSITIONS.get((self.status, signal))
        if status is None:
            raise InvalidTransition(f"{signal} while {self.status}")
        self.status = status
        self._since = now
        self._warned_idle = False
        return [Ended(signal)] if status in ENDED else []

    def touch(self, now: float) -> None:
        """The user did something: spoke, typed, or listened to an answer."""
        self._since = now
        self._warned_idle = False

    def next_deadline(self) -> float:
        """When `due` has something to say, unless something happens before."""
        limits = self._limits
        if self.status is Status.CREATED:
            return min(self._since + limits.connect_s, self.expires_at)
        if self.status is Status.SUSPENDED:
            return min(self._since + limits.grace_s, self.expires_at)
        if self.status is Status.ACTIVE:
            idle = self._since + limits.idle_s - (0.0 if self._warned_idle else self._warning(limits.idle_s))
            end = self.expires_at - (0.0 if self._warned_limit else self._warning(limits.ttl_s))
            return min(idle, end)
        return self._since + limits.tombstone_s

    def _warning(self, limit_s: float) -> float:
        """How long before a limit the warning comes: never earlier than half of it."""
        return min(self._limits.warn_s, limit_s / 2)

    def due(self, now: float) -> list[Effect]:
        """What has become due by `now`."""
        if now < self.next_deadline():
            return []
        if self.status in ENDED:
            return [Forgotten()]
        if now >= self.expires_at:
            return self.receive(Signal.TIME_LIMIT, now)
        if self.status is Status.CREATED:
            return self.receive(Signal.CONNECT_TIMEOUT, now)
        if self.status is Status.SUSPENDED:
            return self.receive(Signal.GRACE_TIMEOUT, now)
        return self._due_while_active(now)

    def _due_while_active(self, now: float) -> list[Effect]:
        idle_at = self._since + self._limits.idle_s
        if now >= idle_at:
            return self.receive(Signal.IDLE_TIMEOUT, now)
        effects: list[Effect] = []
        if not self._warned_limit and now >= self.expires_at - self._warning(self._limits.ttl_s):
            self._warned_limit = True
            effects.append(Expiring(round(self.expires_at - now), "time_limit"))
        if not self._warned_idle and now >= idle_at - self._warning(self._limits.idle_s):
            self._warned_idle = True
            effects.append(Expiring(round(idle_at - now), "idle"))
        return effects
