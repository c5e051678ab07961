"""Whether a pause is the end of the turn: asked of whoever knows what the words so far end like and, where there is an
engine for it, of whoever hears how they sound."""

import asyncio
from typing import Final

import structlog

from sottovoce.core.end_of_turn import Opinion, agreed
from sottovoce.core.turn import TurnDetector
from sottovoce.logs import place
from sottovoce.orchestrator.base import Endings
from sottovoce.speech.base import HEARING_RATE, JUDGED_S, TurnJudge

FINISHED_FROM: Final = 0.5
KEPT_BYTES: Final = 2 * HEARING_RATE * JUDGED_S

log = structlog.get_logger()


class SecondOpinion:
    """Of one session. Costs nothing until a turn with an eagerness pauses."""

    def __init__(self, endings: Endings, judge: TurnJudge | None) -> None:
        self._endings = endings
        self._judge = judge
        self._sound = bytearray()
        """Of the turn, its end. Kept for the judge only."""
        self._by_sound = Opinion.UNSURE
        self._asking: asyncio.Task[None] | None = None
        """In this pause, the judge is being asked, or was."""
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

    def sounded(self, pcm: bytes) -> None:
        """More of the turn's sound, at HEARING_RATE."""
        if self._judge is None:
            return
        self._sound += pcm
        if len(self._sound) > 2 * KEPT_BYTES:
            del self._sound[:-KEPT_BYTES]

    def look(self, turn: TurnDetector, end_sample: int) -> None:
        """The sound has come to there: if that is a pause, tell the detector what to think of it."""
        if not turn.paused(end_sample):
            self._end_pause()
            return
        if self._judge is not None and self._asking is None:
            self._asking = asyncio.create_task(self._ask(self._judge, bytes(self._sound[-KEPT_BYTES:])))
        if self._words != self._judged:
            self._judged = self._words
            turn.opinion = agreed(self._by_words(), self._by_sound)

    def forget(self) -> None:
        """The turn is over."""
        self._item_id = self._words = ""
        self._sound.clear()
        self._end_pause()

    def _end_pause(self) -> None:
        self._judged = None
        self._by_sound = Opinion.UNSURE
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _ask(self, judge: TurnJudge, pcm: bytes) -> None:
        """The answer comes while the pause lasts, or it comes to nobody."""
        try:
            probability = await judge.finished(pcm)
        except Exception as error:  # noqa: BLE001 - whatever an engine throws, the words alone decide then
            log.warning("turn_not_judged", engine=judge.name, error=type(error).__name__, where=place(error))
            return
        if probability is not None:
            self._by_sound = Opinion.FINISHED if probability > FINISHED_FROM else Opinion.OPEN
            self._judged = None  # to be looked at anew

    def _by_words(self) -> Opinion:
        return self._endings.ending(self._words, self._language, asked=self._asked)
