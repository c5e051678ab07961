"""Admission, rates and queue bounds: decisions only. Times are seconds of any one clock."""

from enum import Enum, auto


class Admission(Enum):
    """The verdict on a new session."""

    ADMITTED = auto()
    KEY_MISMATCH = auto()
    NAMESPACE_FULL = auto()


def admission(*, pinned_hash: str | None, key_hash: str, live: int, limit: int) -> Admission:
    """Whether a namespace that is pinned to `pinned_hash` and has `live` sessions may have one more."""
    if pinned_hash is not None and pinned_hash != key_hash:
        return Admission.KEY_MISMATCH
    return Admission.ADMITTED if live < limit else Admission.NAMESPACE_FULL


class TokenBucket:
    """At most `rate` a second on average, `burst` at once."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Take `amount`; False, and nothing taken, if there is not that much."""
        tokens = self._tokens + (now - self._at) * self._rate
        self._at = now
        tokens = min(tokens, self._burst)
        if tokens < amount:
            self._tokens = tokens
            return False
        self._tokens = tokens - amount
        return True


# The stream's bounds. A client may send sound at twice real time (contract), and what piled up while its network
# stood still, in one go.
AUDIO_SPEED = 2.0
AUDIO_BURST_S = 10.0
MESSAGES_PER_S = 50.0
"""JSON messages; sound is counted by its length."""
MESSAGES_BURST = 200.0
FRAMES_PER_S = 400.0
"""Binary messages, however short: 2.5 ms frames at real time."""
FRAMES_BURST = 4_000.0
BAD_MESSAGES_IN_A_ROW = 10
"""So many wrong messages with no right one between them are no slip: the stream is closed with 4400."""
OUTBOX_BYTES = 512 * 1024
"""What may wait for a client that does not read, before it is cut off."""
MAX_ITEMS = 200
"""Items of a conversation kept in RAM; the oldest go first."""
MAX_TEXT_CHARACTERS = 4_000
"""Of one typed item, and of a session's instructions."""
MAX_WAITING_PROMPTS = 20
"""Prompts that may wait for the user to be silent."""
MAX_WAITING_ANNOUNCEMENTS = 100
"""The same of what tasks have to say: as many as may be pending may all be due while the user speaks."""
