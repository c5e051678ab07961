"""One answer of the server: what was sent of it, what was heard, and the cut between the two."""

import msgspec

from sottovoce.core.events import Item


class _Segment(msgspec.Struct):
    """A sentence and where its sound lies in the answer's, in ms."""

    text: str
    start_ms: float
    end_ms: float


class Answer:
    """An answer from its start until it was heard to its end, or cut."""

    __slots__ = ("_reported_ms", "_segments", "_started_at", "ended", "item", "response_id", "sent_ms", "speech_out")

    def __init__(self, response_id: str, item: Item, *, speech_out: bool) -> None:
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
            length = segment.end_ms - segment.start_ms
            if heard_ms >= segment.end_ms and length > 0:
                words.append(segment.text)
                continue
            if length > 0 and heard_ms > segment.start_ms:
                letters = int(len(segment.text) * (heard_ms - segment.start_ms) / length)
                words.append(segment.text[: letters + 1].rpartition(" ")[0])
            break
        self.item.text = " ".join(word for word in words if word)
