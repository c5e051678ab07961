"""One answer of the server: what was sent of it, what was heard, and the cut between the two."""

import msgspec

from sottovoce.core.events import Item

LETTER_MS = 68.0
"""How long a letter is spoken, until an answer has told: 175 words a minute."""
LETTERS_TO_TELL = 20
"""Of shorter answers the silence around them says more than their letters."""


class _Segment(msgspec.Struct):
    """A sentence and where its sound lies in the answer's, in ms."""

    text: str
    start_ms: float
    end_ms: float
    """Of what has gone out."""
    whole: bool = False
    """All of its sound has gone out."""

    def length_ms(self, letter_ms: float) -> float:
        """How long it is; an estimate as long as not all has gone out."""
        sent_ms = self.end_ms - self.start_ms
        return sent_ms if self.whole else max(sent_ms, len(self.text) * letter_ms)


class Answer:
    """An answer from its start until it was heard to its end, or cut."""

    __slots__ = (
        "_letter_ms",
        "_reported_ms",
        "_segments",
        "_started_at",
        "ended",
        "item",
        "response_id",
        "sent_ms",
        "speech_out",
    )

    def __init__(self, response_id: str, item: Item, *, speech_out: bool, letter_ms: float = LETTER_MS) -> None:
        self._letter_ms = letter_ms
        self.response_id = response_id
        self.item = item
        self.speech_out = speech_out
        self.ended = False
        """All of it has gone out; it may still be playing."""
        self.sent_ms = 0.0
        self._segments: list[_Segment] = []
        self._started_at: float | None = None
        self._reported_ms: float | None = None

    @property
    def audible(self) -> bool:
        """Whether any sound of it has gone out."""
        return self._started_at is not None

    def add_text(self, text: str) -> str:
        """The next sentence; returns what it adds to the transcript."""
        delta = text if not self._segments else " " + text
        self._segments.append(_Segment(text, self.sent_ms, self.sent_ms))
        self.item.text = (self.item.text or "") + delta
        return delta

    def add_sound(self, audio_ms: float, now: float) -> None:
        """The next piece of sound of the newest sentence goes out at `now`."""
        if self._started_at is None:
            self._started_at = now
        self.sent_ms += audio_ms
        self._segments[-1].end_ms = self.sent_ms

    def end_sentence(self) -> None:
        """All sound of the newest sentence has gone out."""
        if self._segments:
            self._segments[-1].whole = True

    @property
    def letter_ms(self) -> float:
        """How long a letter is spoken, as far as this answer tells."""
        letters = sum(len(segment.text) for segment in self._segments)
        return self.sent_ms / letters if self.ended and letters >= LETTERS_TO_TELL else self._letter_ms

    def report(self, audio_ms: float) -> None:
        """The client has played so much."""
        self._reported_ms = min(float(audio_ms), self.sent_ms)

    def heard_ms(self, now: float) -> float:
        """How much was heard: as the client told, or else by the clock."""
        if self._reported_ms is not None:
            return self._reported_ms
        if self._started_at is None:
            return 0.0
        return min(self.sent_ms, (now - self._started_at) * 1000)

    def cut(self, heard_ms: float) -> None:
        """Keep of the transcript what was heard: whole words, their places in a sentence by their share of its
        letters."""
        words: list[str] = []
        for segment in self._segments:
            length = segment.length_ms(self._letter_ms)
            if segment.whole and heard_ms >= segment.end_ms and length > 0:
                words.append(segment.text)
                continue
            if length > 0 and heard_ms > segment.start_ms:
                letters = int(len(segment.text) * min(1.0, (heard_ms - segment.start_ms) / length))
                words.append(segment.text[: letters + 1].rpartition(" ")[0])
            break
        self.item.text = " ".join(word for word in words if word)
