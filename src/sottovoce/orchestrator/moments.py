"""Times and amounts of time as people name them: "tomorrow at nine", "in anderthalb Stunden", "5 min".

Pure: the present comes in as `now`, an aware datetime whose zone is the user's; what comes out is in the same zone.
Of the libraries there are, dateparser takes "tomorrow at nine" for ten o'clock and ctparse "nine thirty p m" for nine
in the morning, without a word; these closed forms are few, so they stand here, and what is read is what is said back.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sottovoce.orchestrator.moment_meaning import Found, resolve, take
from sottovoce.orchestrator.moment_words import DAY_S, HOUR_S, MOMENT_WORDS, MomentWords
from sottovoce.orchestrator.numbers import spellings

LONGEST_S = 366 * DAY_S
VERB_WORDS = 2
"""How many words of German may follow a time and still leave it at the end of its sentence: "zu gehen"."""


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int


def read_number(text: str, language: str) -> int | None:
    """A whole number, spelled or in figures; nothing else may stand in the text."""
    tokens = _tokens(text, language)
    return int(tokens[0].text) if len(tokens) == 1 and tokens[0].text.isdecimal() else None


def read_duration(text: str, language: str) -> int | None:
    """Seconds, of a text that names an amount of time and nothing else; None if it does not, or of a year and more."""
    patterns, joined = _patterns(language), _joined(_tokens(text, language))
    found = _amount(patterns, joined, 0)
    if found is None or found[0] != len(joined):
        return None
    seconds = round(min(found[1], LONGEST_S + 1))  # what is said may be infinite
    return seconds if 0 < seconds <= LONGEST_S else None


def read_moment(text: str, now: datetime, language: str) -> datetime | None:
    """The moment that a text names which names nothing else; also "ten" and "nine thirty"."""
    patterns, joined = _patterns(language), _joined(_tokens(text, language))
    found = _scan(patterns, joined, 0, vague=True)
    if found is None or found[0] != len(joined):
        return None
    return resolve(found[1], now)


def names_only_clock(text: str, language: str) -> bool:
    """Whether a text that names a moment names only the time of day, as "ten o'clock" does and "tomorrow" does not."""
    patterns, joined = _patterns(language), _joined(_tokens(text, language))
    found = _scan(patterns, joined, 0, vague=True)
    return found is not None and found[1].kinds <= {"clock", "part"}


def split_moment(text: str, now: datetime, language: str) -> tuple[str, datetime | None]:
    """Cut the moment out of a sentence: "call Anna tomorrow at nine" gives "call Anna" and that moment.

    It is taken from the end, else from the beginning; where verbs come last, also from before the verb. Without one the
    text comes back as it was.
    """
    patterns, tokens = _patterns(language), _tokens(text, language)
    joined, starts = _joined(tokens), _starts(tokens)
    for first, last, found in _spans(patterns, joined, starts):
        at_end = last == len(tokens) or (patterns.words.verb_last and len(tokens) - last <= VERB_WORDS)
        if not (at_end or first == 0):
            continue
        moment = resolve(found, now)
        if moment is not None:
            return _without(text, tokens, first, last, patterns), moment
    return text, None


@dataclass(frozen=True)
class _Patterns:
    words: MomentWords
    units: tuple[tuple[re.Pattern[str], int], ...]
    amounts: tuple[re.Pattern[str], ...]
    relative: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    """What stands before and after the amount."""
    at: re.Pattern[str]
    certain: dict[str, tuple[re.Pattern[str], ...]]
    vague: dict[str, tuple[re.Pattern[str], ...]]
    leads: re.Pattern[str]
    and_: re.Pattern[str]


@functools.cache
def _patterns(language: str) -> _Patterns:
    words = MOMENT_WORDS[language]

    def whole(*patterns: str) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(rf"(?:{pattern})(?= |$)") for pattern in patterns)

    at_clocks = tuple(rf"(?:{words.at}) (?:{clock})" for clock in (*words.certain_clocks, *words.vague_clocks))
    certain = {
        "clock": whole(*words.certain_clocks, *at_clocks),
        "day": whole(*words.day_patterns),
        "part": whole(*words.certain_parts),
    }
    return _Patterns(
        words=words,
        units=tuple((re.compile(pattern), seconds) for pattern, seconds in words.units.items()),
        amounts=whole(*words.amounts),
        relative=tuple(
            (re.compile(before), re.compile(after))
            for before, after in (pattern.split("(?P<amount>)") for pattern in words.relative)
        ),
        at=re.compile(rf"(?:{words.at}) "),
        certain=certain,
        vague={
            "clock": (*certain["clock"], *whole(*words.vague_clocks)),
            "day": certain["day"],
            "part": (*certain["part"], *whole(*words.part_patterns)),
        },
        leads=re.compile(rf"(?:{words.leads})$"),
        and_=re.compile(rf"(?:{words.and_}) "),
    )


def _tokens(text: str, language: str) -> list[_Token]:
    """The words of a text with its numbers as figures."""
    raw = [_Token(_plain(match[0]), *match.span()) for match in MOMENT_WORDS[language].tokens.finditer(text)]
    table, tokens, index = spellings(language), [], 0
    while index < len(raw):
        for width in (5, 4, 3, 2, 1):
            run = raw[index : index + width]
            figure = table.get(tuple(token.text for token in run)) if len(run) == width else None
            if figure is not None:
                tokens.append(_Token(figure, run[0].start, run[-1].end))
                index += width
                break
        else:
            tokens.append(raw[index])
            index += 1
    return tokens


def _plain(word: str) -> str:
    word = word.lower().replace("’", "'")
    if re.fullmatch(r"[ap][. ]*m\.?", word):
        return f"{word[0]}m"
    if ordinal := re.fullmatch(r"(\d+)(?:st|nd|rd|th|\.)", word):
        return f"{ordinal[1]}th"
    return "o'clock" if word == "oclock" else word


def _joined(tokens: list[_Token]) -> str:
    return " ".join(token.text for token in tokens)


def _starts(tokens: list[_Token]) -> list[int]:
    starts, position = [], 0
    for token in tokens:
        starts.append(position)
        position += len(token.text) + 1
    return starts


def _spans(patterns: _Patterns, joined: str, starts: list[int]) -> Iterator[tuple[int, int, Found]]:
    """Runs of words that surely name a moment, as (first token, token behind the last, what they say)."""
    first = 0
    while first < len(starts):
        found = _scan(patterns, joined, starts[first], vague=False)
        if found is None:
            first += 1
            continue
        last = sum(start < found[0] for start in starts)
        yield first, last, found[1]
        first = last


def _scan(patterns: _Patterns, joined: str, start: int, *, vague: bool) -> tuple[int, Found] | None:
    """Read as much as names one moment, from `start` on: the position behind it, and what it says."""
    relative = _relative(patterns, joined, start)
    if relative is not None:
        return relative[0], Found(kinds={"relative"}, delta_s=relative[1])
    found, position = Found(), start
    while True:
        table = patterns.vague if vague or found.kinds else patterns.certain
        options = [
            (match.end(), kind, match)
            for kind, alternatives in table.items()
            if kind == "part" or kind not in found.kinds
            for match in (pattern.match(joined, position) for pattern in alternatives)
            if match
        ]
        if not options:
            break
        end, kind, match = max(options, key=lambda option: option[0])
        found.kinds.add(kind)
        if not take(found, match, patterns.words):
            return None
        position = end + 1
        if end == len(joined):
            break
    return (position - 1, found) if found.kinds else None


def _relative(patterns: _Patterns, joined: str, start: int) -> tuple[int, float] | None:
    for before, after in patterns.relative:
        head = before.match(joined, start)
        amount = _amount(patterns, joined, head.end()) if head else None
        tail = after.match(joined, amount[0]) if amount else None
        if amount and tail and 0 < amount[1] <= LONGEST_S:
            return tail.end(), amount[1]
    return None


def _amount(patterns: _Patterns, joined: str, start: int) -> tuple[int, float] | None:
    """Amounts of time in a row: the position behind them, and their sum in seconds."""
    total, end = 0.0, None
    position = start
    while True:
        matches = [match for match in (pattern.match(joined, position) for pattern in patterns.amounts) if match]
        if not matches:
            break
        match = max(matches, key=lambda match: match.end())
        total += _seconds(match, patterns)
        end = match.end()
        joint = patterns.and_.match(joined, end + 1)
        position = joint.end() if joint else end + 1
    return None if end is None else (end, total)


def _seconds(match: re.Match[str], patterns: _Patterns) -> float:
    groups = match.groupdict()
    if groups.get("half_unit"):
        return _unit(groups["half_unit"], patterns) / 2
    if "unit" not in groups:
        three = "three_quarters" in groups or groups.get("quarters") == "3"
        return (3 if three else 1) * HOUR_S / 4
    figure = groups["n"].replace(",", ".")
    count = 2.0 if figure.endswith("of") else float(figure) if figure[0].isdigit() else 1.0
    if groups["half"] or groups["half_after"]:
        count += 0.5
    return count * _unit(groups["unit"], patterns)


def _unit(word: str, patterns: _Patterns) -> int:
    return next(seconds for pattern, seconds in patterns.units if pattern.fullmatch(word))


def _without(text: str, tokens: list[_Token], first: int, last: int, patterns: _Patterns) -> str:
    """The text without those words, and without a "for" that led up to them."""
    while first > 0 and patterns.leads.match(tokens[first - 1].text):
        first -= 1
    head = text[: tokens[first].start] if first < len(tokens) else text
    tail = text[tokens[last - 1].end :]
    return " ".join(f"{head} {tail}".split()).strip(" ,;:.!?-")
