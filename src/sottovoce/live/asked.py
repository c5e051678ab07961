"""What REST and the stream ask the hub for, and how it declines."""

import msgspec

from sottovoce.live.connection import Close
from sottovoce.vault.keys import PublicKeys


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of itself."""

    namespace_id: str
    key_hash: str
    device_type: str
    client_version: str
    public_keys: PublicKeys | None = None


class StreamRefused(Exception):
    """This WebSocket is not to be."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close
