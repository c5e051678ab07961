"""Whether a pause is the end of the turn: asked of whoever knows what the words so far end like."""

from sottovoce.core.end_of_turn import Opinion
from sottovoce.core.turn import TurnDetector
from sottovoce.orchestrator.base import Endings


class SecondOpinion:
    """Of one session. Costs nothing until a turn with an eagerness pauses."""

    def __init__(self, endings: Endings) -> None:
        self._endings = endings
        self._item_id = ""
        self._language = ""
        self._asked = False
        self._words = ""
        self._judged: str | None = None
        """The words of which the detector knows what they end like, in this pause."""

    def begin(self, item_id: str, language: str, *, asked: bool) -> None:
        """A turn begins."""
        self.forget()
        self._item_id = item_id
        self._language = language
        self._asked = asked

    def heard(self, item_id: str, words: str) -> None:
        """A turn's words so far; of one that is over they come late, and are nothing to this one."""
        if item_id == self._item_id:
            self._words = words

    def look(self, turn: TurnDetector, end_sample: int) -> None:
        """The sound has come to there: if that is a pause, tell the detector what to think of it."""
        if not turn.paused(end_sample):
            self._judged = None
        elif self._words != self._judged:
            self._judged = self._words
            turn.opinion = self._by_words()

    def forget(self) -> None:
        """The turn is over."""
        self._item_id = self._words = ""
        self._judged = None

    def _by_words(self) -> Opinion:
        return self._endings.ending(self._words, self._language, asked=self._asked)
