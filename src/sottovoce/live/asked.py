"""What REST and the stream ask the hub for, and how it declines."""

import msgspec

from sottovoce.live.connection import Close
from sottovoce.vault.keys import PublicKeys
from sottovoce.vault.tickets import Origin


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of itself."""

    namespace_id: str
    key_hash: str
    device_type: str
    client_version: str
    public_keys: PublicKeys | None = None
    origin: Origin | None = None
    """Of the page that asks, if it is one: its ticket opens the stream from there only."""


class StreamAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What a WebSocket opens with; texts are empty if they are not there."""

    session_id: str
    ticket: str
    last_event: int | None = None
    """The number of the event that was told last: what came behind it is wanted."""
    origin: Origin | None = None


class StreamRefused(Exception):
    """This WebSocket is not to be."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close
