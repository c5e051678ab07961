"""What an utterance was, given what the searches made of it: a command, or words.

A grammar always finds a sentence of its own, whatever was said. So its words are weighed by how well they fit what was
heard, against what fits best of all sequences of sounds: a search that knows no words has found that. Voices and
microphones that the acoustic models know badly make both fit badly, and cancel out.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sottovoce.speech.pocketsphinx_words import is_sound, plain

COMMAND_WEIGHTS: Final[Mapping[str, float]] = {
    "bias": 1.32,
    "fit": 0.94,
    "worst": 0.37,
    "share": 0.31,
    "agreement": 3.03,
    "usual": 5.15,
    "length": 1.36,
    "total": 0.96,
}
"""Of logistic regression on 150 commands and 90 other sentences in four synthetic voices, and on people's."""
TEENS: Final[Mapping[str, str]] = {
    "thirty": "thirteen",
    "forty": "fourteen",
    "fifty": "fifteen",
    "sixty": "sixteen",
    "seventy": "seventeen",
    "eighty": "eighteen",
    "ninety": "nineteen",
}
WORST: Final = -8.0
"""Words fit no worse than this, so that one that was heard wrong does not decide alone."""
RAREST: Final = -1000.0
LONGEST: Final = 250.0
"""Frames: a command that is longer counts no more."""
WORDS_WEIGHTS: Final[Mapping[str, float]] = {"bias": 3.0, "fit": 0.8}
LIKELY: Final = 0.35
"""From here on it is a command: of sentences that were none, four in a hundred got so far."""


class Segment(NamedTuple):
    """A word, and the frames of 10 ms that it takes, both included."""

    word: str
    first: int
    last: int
    fit: float
    """Log-likelihood of its frames, summed, relative to the best state of the models in each."""
    usual: float = 0.0
    """Log-probability of the word there, as the search weighs it."""

    @property
    def frames(self) -> int:
        """How many."""
        return self.last - self.first + 1


class Finding(NamedTuple):
    """What comes of it."""

    text: str
    confidence: float
    is_command: bool


class Findings(NamedTuple):
    """The best paths of the searches; empty when there is none."""

    words: list[Segment]
    """Of the language model."""
    command: Sequence[Segment] = ()
    """Of the grammar."""
    everyday: Sequence[Segment] = ()
    """Of the language model of commands."""
    sounds: Sequence[Segment] = ()
    """Of sounds in any order."""


def decide(found: Findings) -> Finding:
    """A command if that is LIKELY, else words."""
    probability = probability_of_command(found)
    if probability >= LIKELY:
        return Finding(filled(found), probability, is_command=True)
    words = [segment for segment in found.words if is_word(segment)]
    return Finding(text_of(words), confidence_in_words(words), is_command=False)


def is_word(segment: Segment) -> bool:
    """Silence, noise, and the arcs on which nothing is said, are none."""
    return not segment.word.startswith(("<", "[", "+", "("))


def text_of(words: Sequence[Segment]) -> str:
    """As it is written."""
    return " ".join(plain(segment.word) for segment in words)


def probability_of_command(found: Findings) -> float:
    """How likely it is that this was said."""
    said = [segment for segment in found.command if is_word(segment)]
    if not found.sounds or all(is_sound(segment.word) for segment in said):
        return 0.0
    return _logistic(COMMAND_WEIGHTS, features(said, found))


def features(said: Sequence[Segment], found: Findings) -> dict[str, float]:
    """What speaks for a command. `said`: the words of the grammar's path, not all of them free sounds."""
    head = [segment for segment in said if not is_sound(segment.word)]
    expected = {plain(segment.word) for segment in head}
    agreed = expected & {plain(segment.word) for segment in found.everyday}
    best = _fit_by_frame(found.sounds)
    fits = [segment.fit - sum(best[segment.first : segment.last + 1]) for segment in head]
    frames = sum(segment.frames for segment in head)
    return {
        "bias": 1.0,
        "fit": sum(fits) / frames,
        "worst": max(WORST, min(fit / segment.frames for fit, segment in zip(fits, head, strict=True))),
        "share": frames / sum(segment.frames for segment in said),
        "agreement": len(agreed) / len(expected),
        "usual": max(RAREST, sum(segment.usual for segment in said)) / -RAREST,
        "length": min(LONGEST, frames) / LONGEST,
        "total": max(-LONGEST, sum(fits)) / LONGEST,
    }


def _fit_by_frame(segments: Sequence[Segment]) -> list[float]:
    """That of a segment spread evenly over its frames."""
    fits = [0.0] * (1 + max(segment.last for segment in segments))
    for segment in segments:
        if segment.frames:
            fits[segment.first : segment.last + 1] = [segment.fit / segment.frames] * segment.frames
    return fits


def confidence_in_words(words: Sequence[Segment]) -> float:
    """How much of free text is to be believed."""
    return _logistic(WORDS_WEIGHTS, {"bias": 1.0, "fit": _mean_fit(words)}) if words else 0.0


def filled(found: Findings) -> str:
    """The words of a command; where it only has sounds, the free words that were heard at that time."""
    text: list[str] = []
    said = (segment for segment in found.command if is_word(segment))
    for free, group in groupby(said, key=lambda segment: is_sound(segment.word)):
        segments = list(group)
        if free:
            first, last = segments[0].first, segments[-1].last
            segments = _between(found.everyday, first, last) or _between(found.words, first, last)
        text += [_teen(segment, found.everyday) or plain(segment.word) for segment in segments]
    return " ".join(text)


def _teen(ten: Segment, everyday: Sequence[Segment]) -> str:
    """What a "fifty" of the grammar is if the model of commands heard "fifteen" there; "" if it did not.

    The grammar's search does not know how words sound before others, and misses the N before "minutes".
    """
    teen = TEENS.get(plain(ten.word), "")
    heard = (plain(segment.word) for segment in _between(everyday, ten.first, ten.last))
    return teen if teen in heard else ""


def _between(segments: Sequence[Segment], first: int, last: int) -> list[Segment]:
    """Words whose middle lies there; if there is none, the one that overlaps most."""
    words = [segment for segment in segments if is_word(segment)]
    inside = [word for word in words if first <= (word.first + word.last) / 2 <= last]
    if not inside:
        overlaps = [(min(word.last, last) - max(word.first, first), word) for word in words]
        inside = [word for overlap, word in sorted(overlaps)[-1:] if overlap > 0]
    return inside


def _mean_fit(segments: Sequence[Segment]) -> float:
    """A frame's."""
    return sum(segment.fit for segment in segments) / sum(segment.frames for segment in segments)


def _logistic(weights: Mapping[str, float], values: Mapping[str, float]) -> float:
    total = sum(weights[name] * value for name, value in values.items())
    return 1 / (1 + math.exp(-max(-50.0, min(total, 50.0))))
