"""Which words of a guess that still changes may be shown."""


class Agreement:
    """Words on which two guesses in a row agree are shown, and never taken back before the final transcript.

    Local agreement: Liu, Spanakis, Niehues, "Low-Latency Sequence-to-Sequence Speech Recognition and Translation by
    Partial Hypothesis Selection", 2020.
    """

    __slots__ = ("_last", "_shown")

    def __init__(self) -> None:
        self._shown = 0
        self._last: list[str] = []

    def receive(self, guess: str) -> str:
        """A new guess at all words so far; returns what may be shown behind what was shown before."""
        words = guess.split()
        agreed = self._shown
        while agreed < min(len(words), len(self._last)) and words[agreed] == self._last[agreed]:
            agreed += 1
        delta = " ".join(words[self._shown : agreed])
        if delta and self._shown > 0:
            delta = " " + delta
        self._shown = agreed
        self._last = words
        return delta
