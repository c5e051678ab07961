"""How much silence ends a turn, where what was said is listened to as well."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Opinion(StrEnum):
    """Whether a pause sounds like the end of what is being said."""

    FINISHED = "finished"
    UNSURE = "unsure"
    OPEN = "open"
    """More is to come: "remind me to …"."""


class Eagerness(StrEnum):
    """How soon to answer (the Realtime API's words)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    AUTO = "auto"
    """As medium."""


_MEDIUM: Final = {Opinion.FINISHED: 320, Opinion.UNSURE: 600, Opinion.OPEN: 1_400}
_SILENCE_MS: Final[Mapping[Eagerness, Mapping[Opinion, int]]] = {
    Eagerness.LOW: {Opinion.FINISHED: 450, Opinion.UNSURE: 1_200, Opinion.OPEN: 2_000},
    Eagerness.MEDIUM: _MEDIUM,
    Eagerness.HIGH: {Opinion.FINISHED: 250, Opinion.UNSURE: 450, Opinion.OPEN: 900},
    Eagerness.AUTO: _MEDIUM,
}
LONGEST_SILENCE_MS: Final = max(most for by_opinion in _SILENCE_MS.values() for most in by_opinion.values())
"""After that, a turn is over whatever was said."""


def silence_ms(eagerness: Eagerness, opinion: Opinion) -> int:
    """So much silence ends the turn."""
    return _SILENCE_MS[eagerness][opinion]


def agreed(by_words: Opinion, by_sound: Opinion) -> Opinion:
    """Words that are known to be a whole command, or half of one, say more than how they sounded."""
    return by_sound if by_words is Opinion.UNSURE else by_words
