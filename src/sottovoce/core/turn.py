"""Who speaks: speech probabilities in, turn events out. Positions are samples since the session's start, 16 kHz."""

import msgspec

from sottovoce.core.end_of_turn import Eagerness, Opinion, silence_ms

SAMPLES_PER_MS = 16
WINDOW_SAMPLES = 512

HYSTERESIS = 0.15
"""Speech ends below threshold - HYSTERESIS: between the two, whatever was stays (as in Silero's own iterator)."""
MIN_SPEECH_MS = 100
"""A cough or a click is shorter."""
PAUSE_MS = 192
"""So much silence is a pause, and none of those within words."""


class TurnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How turns are found."""

    threshold: float = 0.5
    silence_ms: int = 500
    """So much silence ends a turn."""
    prefix_ms: int = 300
    """So much sound before the start belongs to the turn."""
    eagerness: Eagerness | None = None
    """None: silence_ms of silence end a turn. Else it depends on what is said (core/end_of_turn.py)."""
    max_turn_ms: int = 60_000
    """A turn longer than this is cut, so that an utterance is bounded."""


class SpeechStarted(msgspec.Struct, frozen=True):
    """The user speaks."""

    start_sample: int
    """Where the sound that belongs to the turn begins: the onset less the prefix."""


class SpeechStopped(msgspec.Struct, frozen=True):
    """The user's turn is over."""

    end_sample: int
    """Where the sound that belongs to the turn ends: here, the silence that ended it included."""


TurnEvent = SpeechStarted | SpeechStopped


class TurnDetector:
    """Finds turns in one session's stream of windows. On the hot path: one call a window.

    No turn reaches into the speech of the one before it, nor behind `from_sample`.
    """

    __slots__ = ("_floor", "_onset", "_silence_from", "_speech", "_start", "opinion", "settings", "speaking")

    def __init__(self, settings: TurnSettings, from_sample: int = 0) -> None:
        self.settings = settings
        self.opinion = Opinion.UNSURE
        """Of the present pause; whoever listens to the words says it. Counts with an eagerness only."""
        self.speaking = False
        self._floor = from_sample
        self._onset = -1
        self._speech = 0
        self._start = 0
        self._silence_from = -1

    def receive(self, probability: float, end_sample: int) -> TurnEvent | None:
        """The speech probability of the window that ended at `end_sample`."""
        if self.speaking:
            return self._while_speaking(probability, end_sample)
        if end_sample <= self._floor:
            return None
        if probability <= self.settings.threshold:
            if probability < self.settings.threshold - HYSTERESIS:
                self._speech = 0
                self._onset = -1
            return None
        if self._onset < 0:
            self._onset = end_sample - WINDOW_SAMPLES
        self._speech += WINDOW_SAMPLES
        if self._speech < MIN_SPEECH_MS * SAMPLES_PER_MS:
            return None
        self.speaking = True
        self.opinion = Opinion.UNSURE
        self._silence_from = -1
        self._start = max(self._floor, self._onset - self.settings.prefix_ms * SAMPLES_PER_MS)
        return SpeechStarted(self._start)

    def _while_speaking(self, probability: float, end_sample: int) -> TurnEvent | None:
        settings = self.settings
        if probability >= settings.threshold:
            if self.paused(end_sample - WINDOW_SAMPLES):
                self.opinion = Opinion.UNSURE  # of another pause
            self._silence_from = -1
        elif self._silence_from < 0 and probability < settings.threshold - HYSTERESIS:
            self._silence_from = end_sample - WINDOW_SAMPLES
        silent = self._silence_from >= 0 and (end_sample - self._silence_from >= self._enough_samples)
        if silent or end_sample - self._start >= settings.max_turn_ms * SAMPLES_PER_MS:
            # The silence that ended it may hold the next turn's first breath; a cut is in the middle of words.
            self.reset(self._silence_from if silent else end_sample)
            return SpeechStopped(end_sample)
        return None

    @property
    def _enough_samples(self) -> int:
        """So much silence ends the turn now."""
        settings = self.settings
        if settings.eagerness is None:
            return settings.silence_ms * SAMPLES_PER_MS
        return silence_ms(settings.eagerness, self.opinion) * SAMPLES_PER_MS

    def paused(self, end_sample: int) -> bool:
        """Whether there is a pause in the turn, up to there."""
        return self.speaking and 0 <= self._silence_from <= end_sample - PAUSE_MS * SAMPLES_PER_MS

    def reset(self, at_sample: int) -> None:
        """Forget what was heard so far: nobody speaks, and no later turn begins before `at_sample`."""
        self.speaking = False
        self._floor = at_sample
        self._onset = -1
        self._speech = 0
        self._silence_from = -1


class ManualTurn:
    """Stands where a TurnDetector would, while the client commits its turns itself: only bounds their length."""

    __slots__ = ("_max_samples", "_start")

    def __init__(self, max_turn_ms: int = TurnSettings().max_turn_ms) -> None:
        self._max_samples = max_turn_ms * SAMPLES_PER_MS
        self._start = -1

    def begin(self, start_sample: int) -> bool:
        """Sound has come; whether it is the turn's first."""
        if self._start >= 0:
            return False
        self._start = start_sample
        return True

    def receive(self, _probability: float, end_sample: int) -> TurnEvent | None:
        """A window has passed."""
        if 0 <= self._start <= end_sample - self._max_samples:
            self.reset(end_sample)
            return SpeechStopped(end_sample)
        return None

    def reset(self, _at_sample: int) -> None:
        """The turn was committed or cleared."""
        self._start = -1
