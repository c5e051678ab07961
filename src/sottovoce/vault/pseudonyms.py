"""Names for those whom a log may tell apart, and not know: the same for a day, then another, and no way back."""

import hashlib
import secrets

TURN_S = 24 * 3600.0
CHARACTERS = 12


class Pseudonyms:
    """Made with a key that lives in RAM only and is thrown away after TURN_S."""

    def __init__(self) -> None:
        self._key = b""
        self._until = float("-inf")

    def of(self, name: str, now: float) -> str:
        """Hex digits for `name`. `now`: seconds of a steady clock."""
        if now >= self._until:
            self._key, self._until = secrets.token_bytes(32), now + TURN_S
        return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), key=self._key).hexdigest()[:CHARACTERS]
