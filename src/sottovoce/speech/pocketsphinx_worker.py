"""A process that hears: several utterances at a time, taking turns. Started as
`python -m sottovoce.speech.pocketsphinx_worker` by pocketsphinx.py; see hearing_wire.py for what the two say."""

import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np

from sottovoce.speech import hearing_wire as wire
from sottovoce.speech.base import HEARING_RATE
from sottovoce.speech.hearing_worker import HearingWorker, run
from sottovoce.speech.pocketsphinx_ears import Ears, Means, Model
from sottovoce.speech.worker_setups import PocketsphinxSetup
from sottovoce.vault import lockdown

BYTES_PER_S: Final = 2 * HEARING_RATE
TURN_BYTES: Final = BYTES_PER_S // 10
"""So much sound of one utterance is heard before it is the next one's turn."""
PARTIAL_BYTES: Final = BYTES_PER_S // 5
"""After so much more sound the words so far are looked at."""
MEANS_AT_BYTES: Final = (8 * BYTES_PER_S // 10, 5 * BYTES_PER_S // 2)
"""When the cepstral means are estimated: hearing begins at the first of these, and at the second begins anew if it
turns out that the first was far off."""
FAR_OFF: Final = 12.0
SILENT_S: Final = 2.0
"""After so long without new sound an utterance gives its ears to one that has ended and waits for some."""
LOOK_AGAIN_S: Final = 0.25


class Utterance:
    """One, from Begin to Heard."""

    def __init__(self, number: int, *, asked: bool) -> None:
        self.number = number
        self.asked = asked
        self.sound = bytearray()
        self.ended = False
        self.came_at = time.monotonic()
        """When there was last something new of it."""
        self.ears: Ears | None = None
        self._partial = ""
        self.begin_again()

    def begin_again(self) -> None:
        """All its sound is to be heard anew."""
        self._begun_with: Means | None = None
        self._estimates = 0
        self._heard = 0
        self._partial_at = 0

    def can_go_on(self) -> bool:
        """Whether there is something to do for it."""
        if self._begun_with is None:
            return self.ended or len(self.sound) >= MEANS_AT_BYTES[0]
        return self.ended or len(self.sound) - self._heard >= TURN_BYTES

    def go_on(self, model: Model, ears: Ears) -> wire.Heard | wire.Partial | None:
        """Hear a little more."""
        if not self.sound:
            return wire.Heard(self.number, "", 0.0, is_command=False)
        if self._estimates < len(MEANS_AT_BYTES) and (
            len(self.sound) >= MEANS_AT_BYTES[self._estimates] or (self.ended and not self._estimates)
        ):
            self._estimate(model, ears)
        piece = bytes(self.sound[self._heard : self._heard + TURN_BYTES])
        ears.hear(model.with_noise(piece, self._heard // 2))
        self._heard += len(piece)
        if self.ended and self._heard == len(self.sound):
            finding = ears.end()
            return wire.Heard(self.number, finding.text, finding.confidence, finding.is_command)
        return self._look(ears)

    def _estimate(self, model: Model, ears: Ears) -> None:
        # Of just so much sound, however much more is there by now: what is heard twice is heard the same.
        means = model.means(model.with_noise(bytes(self.sound[: MEANS_AT_BYTES[self._estimates]]), 0))
        self._estimates += 1
        if self._begun_with is None or float(np.linalg.norm(means - self._begun_with)) > FAR_OFF:
            self._begun_with = means
            self._heard = 0
            ears.begin(means, asked=self.asked)

    def _look(self, ears: Ears) -> wire.Partial | None:
        if self._heard - self._partial_at < PARTIAL_BYTES:
            return None
        self._partial_at = self._heard
        text = ears.partial()
        if not text or text == self._partial:
            return None
        self._partial = text
        return wire.Partial(self.number, text)


class Worker(HearingWorker):
    """All utterances of this process."""

    def __init__(self, setup: PocketsphinxSetup) -> None:
        self._model = Model(setup.grammar)
        self._free = [self._model.ears()]
        self._may_make = setup.streams - 1
        self.made = 1
        """Ears, those that failed included."""
        self._utterances: dict[int, Utterance] = {}
        self._turns: deque[Utterance] = deque()

    @property
    def idle(self) -> bool:
        """Nobody is being heard."""
        return not self._utterances

    @property
    def patience_s(self) -> float | None:
        """Ears that someone waits for may become free by the mere passing of time."""
        return LOOK_AGAIN_S if any(each.ended and each.ears is None for each in self._turns) else None

    def ready(self) -> wire.Ready:
        """With how many words of the grammar nobody can pronounce."""
        return wire.Ready(unknown_words=self._model.unknown_words)

    def make(self, count: int) -> None:
        """So many ears, where there are fewer."""
        while self.made < count and self._may_make:
            self._make_one()

    def _make_one(self) -> None:
        self._free.append(self._model.ears())
        self._may_make -= 1
        self.made += 1

    def receive(self, message: wire.ToWorker) -> None:
        """What the server said."""
        if isinstance(message, wire.Begin):
            utterance = Utterance(message.number, asked=message.asked)
            self._utterances[message.number] = utterance
            self._turns.append(utterance)
        elif isinstance(message, wire.Sound | wire.End | wire.Cancel):
            # What was cancelled may have been on its way.
            known = self._utterances.get(message.number)
            if known is not None:
                self._take(known, message)

    def _take(self, utterance: Utterance, message: wire.Sound | wire.End | wire.Cancel) -> None:
        match message:
            case wire.Sound():
                utterance.sound += message.pcm
                utterance.came_at = time.monotonic()
            case wire.End():
                utterance.ended = True
            case wire.Cancel():
                self._forget(utterance)

    def work(self) -> tuple[bool, Sequence[wire.FromWorker]]:
        """Go on with the utterance whose turn it is: whether there was anything to do, and what there is to say."""
        for _ in range(len(self._turns)):
            utterance = self._turns[0]
            self._turns.rotate(-1)
            if utterance.can_go_on():
                try:
                    ears = self._ears(utterance)
                    if ears is not None:
                        return True, self._go_on(utterance, ears)
                except Exception:  # noqa: BLE001  (whatever it is, it is this utterance's: the others are heard on)
                    self._lose_ears(utterance)
                    self._forget(utterance)
                    return True, [wire.Failed(utterance.number)]
        return False, []

    def _go_on(self, utterance: Utterance, ears: Ears) -> Sequence[wire.FromWorker]:
        told = utterance.go_on(self._model, ears)
        if isinstance(told, wire.Heard):
            self._forget(utterance)
        return [] if told is None else [told]

    def _ears(self, utterance: Utterance) -> Ears | None:
        if utterance.ears is None:
            if not self._free and self._may_make:
                self._make_one()
            if not self._free and utterance.ended:
                self._free += self._taken_from_who_is_silent()
            utterance.ears = self._free.pop() if self._free else None
        return utterance.ears

    def _taken_from_who_is_silent(self) -> list[Ears]:
        """Those of an utterance that has not ended and of which nothing has come for long: it is heard anew when it
        goes on. Else a few clients that say nothing and end nothing would make the worker deaf."""
        now = time.monotonic()
        for other in self._turns:
            if other.ears is not None and not other.ended and now - other.came_at > SILENT_S:
                ears, other.ears = other.ears, None
                other.begin_again()
                return [ears]
        return []

    def _lose_ears(self, utterance: Utterance) -> None:
        """Decoders that failed once are not trusted with another utterance."""
        if utterance.ears is not None:
            utterance.ears = None
            self._may_make += 1

    def _forget(self, utterance: Utterance) -> None:
        del self._utterances[utterance.number]
        self._turns.remove(utterance)
        if utterance.ears is not None:
            try:
                utterance.ears.stop()
            except Exception:  # noqa: BLE001  (as above)
                self._lose_ears(utterance)
            else:
                self._free.append(utterance.ears)


if __name__ == "__main__":
    # The library writes what it compiles into files of memory, and starts no thread.
    sys.exit(run(PocketsphinxSetup, Worker, lockdown.mode_of(sys.argv), locked_first=False))
