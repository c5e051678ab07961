"""From a sentence to the skill it calls: first by the templates as they stand, then by what sounds close to one.

Slots of the kinds `when`, `clock`, `duration` and `timed_text` are free words to the matcher and are read by `moments`;
a match whose slots cannot be read is none. What comes out are JSON values, as `POST /sessions/{id}/tasks` takes them:
moments as RFC 3339 texts in UTC, amounts of time in seconds.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import msgspec
from hassil import RecognizeResult, recognize_all
from hassil.expression import Group
from rapidfuzz import fuzz, process

from sottovoce.orchestrator.moments import read_duration, read_moment, split_moment
from sottovoce.orchestrator.templates import Templates

LEAST_RATIO = 82.0
LEAST_RATIO_OF_VERBS = 50.0
LEAST_LETTERS = 8
"""Shorter sentences are too near to each other to be guessed at."""
MOST_VARIANTS = 2_000
"""Of one template, kept for guessing."""
MOST_GUESSES = 4
MOST_LETTERS = 1_200
"""Of a sentence: as much as is said in a minute. What it costs to match grows with the square of its length, and while
one is matched all sessions wait."""
LETTERS_OF_TIME = 200
"""The most letters in which a moment or an amount of time is read."""
WORDS_OF_AMOUNT = 16
"""The most words in which an amount of time is looked for: "twenty three hours and fifty nine minutes" has seven."""
MEASURED = frozenset({"when", "clock", "duration"})
"""Lists of free words that are read as a moment or an amount, or not at all."""
WORDS_ASIDE = 1
"""By how many words the beginning of what was heard may be longer or shorter than the template's."""


class Understood(msgspec.Struct, frozen=True, kw_only=True):
    """What a sentence asks for."""

    skill: str
    arguments: dict[str, Any]
    """Of the skill: JSON values."""
    exact: bool = True
    """False: it was only close to a sentence that is known."""
    open_ended: bool = False
    """It ends in free words, which may go on."""


class Understanding:
    """One language's sentences, made ready. Costs some 100 ms; a sentence then costs below 1 ms, or 5 ms to guess."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._language = templates.language
        self._intents = templates.intents
        before = [*templates.variants(templates.polite["before"]), *templates.fillers]
        self._before = _any_of(before, r"^(?:{})\b[\s,.!]*(?=\S)")
        self._after = _any_of(templates.variants(templates.polite["after"]), r"(?<=\S)[\s,]+(?:{})[\s.!?]*$")
        within = templates.polite.get("within")
        self._within = _any_of(templates.variants(within), r"(?<=\S)\s+(?:{})\b(?=\s)") if within is not None else None
        self._answers = {
            text: kind == "yes"
            for kind, sentences in templates.answers.items()
            for sentence in sentences
            for text in templates.variants(sentence)
        }
        self._whole, self._heads = self._known()
        self._beginnings = frozenset(head.lower() for heads in self._heads.values() for head in heads)
        self._sorted_beginnings = sorted(self._beginnings)

    def understand(self, text: str, now: datetime, *, typed: bool = False) -> Understood | None:
        """What is asked for, or None. `now` is aware, in the user's time zone; `typed` allows curter sentences, too."""
        found = self.exactly(text, now, typed=typed)
        if found is not None or len(text) > MOST_LETTERS:
            return found
        for close in self._closest(self._plain(text))[:MOST_GUESSES]:
            found = self._match(close, now, typed=typed)
            if found is not None:
                return msgspec.structs.replace(found, exact=False)
        return None

    def exactly(self, text: str, now: datetime, *, typed: bool = False) -> Understood | None:
        """The same without guessing: what is asked for in the words of a template."""
        if len(text) > MOST_LETTERS:
            return None
        plain, whole = self._plain(text), _unpunctuated(text)
        # "Wie bitte" means something with its "bitte" only.
        for words in dict.fromkeys((plain, self._before.sub("", whole), whole)):
            found = self._match(words, now, typed=typed)
            if found is not None:
                return found
        return None

    def begins(self, text: str) -> bool:
        """Whether it is all that comes before the free words of a sentence: "remind me to"."""
        return self._plain(text).lower() in self._beginnings

    def goes_on(self, text: str) -> bool:
        """Whether some sentence with free words begins like this and goes on: "set a timer"."""
        start = self._plain(text).lower() + " "
        at = bisect_left(self._sorted_beginnings, start)
        return at < len(self._sorted_beginnings) and self._sorted_beginnings[at].startswith(start)

    def answer(self, text: str) -> bool | None:
        """Yes, no, or neither."""
        words = _words(text)
        known = self._answers.get(words)
        return known if known is not None else self._answers.get(_words(self._plain(text)))

    def value(self, text: str, expects: str, now: datetime) -> Any:
        """An answer to a question that expects a "duration", a "moment" or a "text", as JSON; None if it is none."""
        plain = self._plain(text)
        if expects == "duration":
            return next((s for words in _tails(plain) if (s := read_duration(words, self._language)) is not None), None)
        if expects == "moment":
            moment = read_moment(plain, now, self._language)
            return None if moment is None else _json(moment)
        return plain if expects == "text" and plain else None

    def _plain(self, text: str) -> str:
        """Without what is only polite, and without the punctuation around."""
        plain = _unpunctuated(text)
        while True:
            shorter = self._after.sub("", self._before.sub("", plain)).strip()
            if shorter == plain:
                return plain if self._within is None else self._within.sub("", plain)
            plain = shorter

    def _match(self, text: str, now: datetime, *, typed: bool) -> Understood | None:
        """The match with the most words of its template, of those whose slots can be read."""
        results = recognize_all(text, self._intents, intent_context={"typed": typed}, language=self._language)
        ranked = sorted(results, key=_rank)
        for result in ranked:
            arguments = self._read(result, now)
            if arguments is not None:
                return Understood(skill=result.intent.name, arguments=arguments, open_ended=self._is_open_ended(result))
        return None

    def _read(self, result: RecognizeResult, now: datetime) -> dict[str, Any] | None:
        """The slots of a match as arguments; None if one of them cannot be."""
        lists = self._slots_of(result)
        arguments: dict[str, Any] = {}
        for entity in result.entities_list:
            read = self._read_slot(lists.get(entity.name, entity.name), entity.name, entity.value, now)
            if read is None:
                return None
            arguments |= read
        return arguments

    def _is_open_ended(self, result: RecognizeResult) -> bool:
        if not result.entities_list:
            return False
        last = result.entities_list[-1]
        return last.is_wildcard and self._slots_of(result).get(last.name, last.name) not in MEASURED

    def _slots_of(self, result: RecognizeResult) -> dict[str, str]:
        """Slot names to the lists that they are of."""
        sentence = result.intent_sentence
        if sentence is None or not isinstance(sentence.expression, Group):
            return {}
        rules = self._intents.expansion_rules
        return {each.slot_name: each.list_name for each in sentence.expression.list_references(rules)}

    def _read_slot(self, list_name: str, slot: str, value: Any, now: datetime) -> dict[str, Any] | None:
        if not isinstance(value, str):
            return {slot: int(value) if isinstance(value, float) else value}
        text = value.strip(" ,;:.!?-")
        if list_name == "timed_text":
            return self._read_timed(text, now)
        if list_name in MEASURED and len(text) > LETTERS_OF_TIME:
            return None
        if list_name in {"when", "clock"}:
            moment = read_moment(text, now, self._language)
            # What a clock means depends on the day of what is moved: the skill reads it again.
            return None if moment is None else {slot: _json(moment) if list_name == "when" else text}
        if list_name == "duration":
            seconds = read_duration(text, self._language)
            return None if seconds is None else {slot: seconds}
        return {slot: text} if text else None

    def _read_timed(self, text: str, now: datetime) -> dict[str, Any] | None:
        rest, moment = split_moment(text, now, self._language)
        read = ({"text": rest} if rest else {}) | ({"due": _json(moment)} if moment is not None else {})
        return read or None

    def _known(self) -> tuple[list[str], dict[int, list[str]]]:
        """Sentences without free words, and beginnings of those with, by their number of words."""
        whole: set[str] = set()
        heads: dict[int, set[str]] = {}
        for intent in self._intents.intents.values():
            if intent.name in self._templates.exact_only:
                continue
            for data in intent.data:
                if data.requires_context:
                    continue
                for sentence in data.sentences:
                    for text in islice(self._templates.variants(sentence, expand=True), MOST_VARIANTS):
                        head, brace, _ = text.partition("{")
                        if len(head.strip()) < LEAST_LETTERS:
                            continue
                        if brace:
                            heads.setdefault(len(head.split()), set()).add(head.strip())
                        else:
                            whole.add(text)
        return sorted(whole), {count: sorted(texts) for count, texts in heads.items()}

    def _closest(self, text: str) -> list[str]:
        """The text with its beginning, or all of it, replaced by what is known and close to it; the closest first."""
        words, spoken = _words(text), text.split()
        if len(words) < LEAST_LETTERS:
            return []
        found = process.extractOne(words, self._whole, scorer=fuzz.ratio, score_cutoff=LEAST_RATIO)
        ranked = [] if found is None or not _begin_alike(words, found[0]) else [(found[1], len(found[0]), found[0])]
        for count, heads in self._heads.items():
            for width in range(count - WORDS_ASIDE, min(count + WORDS_ASIDE, len(spoken) - 1) + 1):
                start = " ".join(spoken[:width]).lower()
                found = process.extractOne(start, heads, scorer=fuzz.ratio, score_cutoff=LEAST_RATIO)
                if found is not None and found[0] != start and _begin_alike(start, found[0]):
                    ranked.append((found[1], len(found[0]), " ".join((found[0], *spoken[width:]))))
        return [close for _, _, close in sorted(ranked, reverse=True)]


def _begin_alike(text: str, known: str) -> bool:
    """A command begins with its verb: "he reminded me of" is not "remind me of"."""
    return fuzz.ratio(text.partition(" ")[0], known.partition(" ")[0]) >= LEAST_RATIO_OF_VERBS


def _rank(result: RecognizeResult) -> tuple[int, int, int]:
    wildcards = [entity for entity in result.entities_list if entity.is_wildcard]
    return -result.text_chunks_matched, len(wildcards), sum(len(entity.text) for entity in wildcards)


def _any_of(texts: Iterable[str], pattern: str) -> re.Pattern[str]:
    alternatives = "|".join(re.escape(text) for text in sorted(set(texts), key=len, reverse=True))
    return re.compile(pattern.format(alternatives), re.IGNORECASE)


def _unpunctuated(text: str) -> str:
    plain = re.sub(r"[\"“”„\u00ad]|#(?=\d)", "", text.replace("’", "'"))
    return " ".join(re.sub(r"[,;:!?…]+(?=\s|$)", " ", plain).split()).strip(" .-")


def _words(text: str) -> str:
    """Lower case, words only."""
    return " ".join(re.findall(r"[\w']+", text.lower()))


def _tails(text: str) -> Iterator[str]:
    """The text, then without its first word, without its first two: "for about ten minutes" ends in one that counts.

    Of a long text only the end: an amount of time has few words, and reading it from every word on takes seconds.
    """
    words = text.split()[-WORDS_OF_AMOUNT:]
    return (" ".join(words[first:]) for first in range(len(words)))


def _json(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
