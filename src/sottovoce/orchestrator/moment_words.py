"""How English and German name times: patterns over text whose numbers are figures already ("5 past 9", "halb 4").

Their named groups are what `moment_meaning` reads. h, m: hour and minute · h24: the hour of one of 24 · past, to:
minutes after or before the hour ("quarter" and "half" are words of `fractions`) · half_to: half an hour before ·
ap: am or pm · name: noon, midnight · part: of the day · day: by name · weekday · dom, second, month: date · n, unit,
half: an amount of time.
A clock is certain ("o'clock", "9:30") or vague ("9"): only what is certain, or stands behind "at", is taken for a time
when it comes in the middle of other words.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MINUTE_S, HOUR_S, DAY_S, WEEK_S = 60, 3_600, 86_400, 604_800


@dataclass(frozen=True)
class Part:
    """A part of the day: the hour it means when no other is named, and whether it is after noon."""

    hour: int
    after_noon: bool


@dataclass(frozen=True)
class MomentWords:
    """One language's."""

    units: dict[str, int]
    """Words to seconds; keys are patterns."""
    fractions: dict[str, int]
    """Words to minutes: "quarter" to 15."""
    days: dict[str, int]
    parts: dict[str, Part]
    names: dict[str, tuple[int, int]]
    """"noon" to (12, 0)."""
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    amounts: tuple[str, ...]
    and_: str
    """What may stand between two amounts of time."""
    relative: tuple[str, ...]
    """With (?P<amount>) where an amount of time stands."""
    at: str
    certain_clocks: tuple[str, ...]
    vague_clocks: tuple[str, ...]
    day_patterns: tuple[str, ...]
    part_patterns: tuple[str, ...]
    certain_parts: tuple[str, ...]
    leads: str
    """Words before a time that go with it when it is cut out of a sentence."""
    verb_last: bool
    """Whether a time may stand before the verb that ends the sentence."""
    tokens: re.Pattern[str]
    """Splits text; a token is a number, a clock or a word."""


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_EN_UNITS = {
    "seconds?|secs?|s": 1,
    "minutes?|mins?|m": MINUTE_S,
    "hours?|hrs?|h": HOUR_S,
    "days?": DAY_S,
    "weeks?": WEEK_S,
}
_EN_PARTS = {
    "morning": Part(9, after_noon=False),
    "afternoon": Part(15, after_noon=True),
    "evening": Part(19, after_noon=True),
    "night": Part(21, after_noon=True),
}
_EN_DAYS = {"the day after tomorrow": 2, "day after tomorrow": 2, "tomorrow": 1, "today": 0, "tonight": 0}
_EN_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EN_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_EN_PART = _any(_EN_PARTS)
_EN_DAY_OF_MONTH = r"(?:(?P<dom>\d{1,2})(?:th)?(?P<and_second> second)?|(?P<second>second))"
_EN_FRACTION = r"half|(?:a )?quarter|\d{1,2}"

ENGLISH = MomentWords(
    units=_EN_UNITS,
    fractions={"half": 30, "quarter": 15, "a quarter": 15},
    days=_EN_DAYS,
    parts=_EN_PARTS,
    names={"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0)},
    weekdays=_EN_WEEKDAYS,
    months=_EN_MONTHS,
    amounts=(
        (
            rf"(?P<n>\d+(?:\.\d+)?|an?|a couple of)(?P<half> and a half)? (?P<unit>{_any(_EN_UNITS)})"
            r"(?P<half_after> and a half)?"
        ),
        r"half (?:an? |1 )?(?P<half_unit>hour|minute|day)",
        r"(?:(?P<quarters>3|an?|1) )?quarters? of an hour",
    ),
    and_="and",
    relative=(r"(?:in|within) (?P<amount>)", r"(?P<amount>) from now"),
    at="at|by|around|about",
    certain_clocks=(
        r"(?P<h>\d{1,2}):(?P<m>\d\d)(?: (?P<ap>am|pm))?",
        r"(?P<h>\d{1,2})\.(?P<m>\d\d) (?P<ap>am|pm)",
        r"(?P<h>\d{1,2}) o'clock(?: (?P<ap>am|pm))?",
        r"(?P<h>\d{1,2})(?: (?:oh )?(?P<m>\d{1,2}))? (?P<ap>am|pm)",
        rf"(?P<past>{_EN_FRACTION})(?: minutes?)? past (?P<h>\d{{1,2}})(?: o'clock)?(?: (?P<ap>am|pm))?",
        r"(?P<to>(?:a )?quarter) to (?P<h>\d{1,2})(?: o'clock)?(?: (?P<ap>am|pm))?",
        r"(?P<name>noon|midday|midnight)",
    ),
    vague_clocks=(
        rf"(?P<to>{_EN_FRACTION})(?: minutes?)? to (?P<h>\d{{1,2}})(?: o'clock)?(?: (?P<ap>am|pm))?",
        r"(?P<h>\d{1,2})\.(?P<m>\d\d)",
        r"(?P<h>\d{1,2})(?: (?:oh )?(?P<m>\d{1,2}))?",
    ),
    day_patterns=(
        rf"(?P<day>{_any(_EN_DAYS)})",
        rf"this (?P<part>{_EN_PART})",
        rf"(?:(?:on|this|coming|the) )*(?P<next>next )?(?P<weekday>{_any(_EN_WEEKDAYS)})",
        r"(?P<next_week>next week)",
        rf"(?:on )?(?:the )?{_EN_DAY_OF_MONTH}(?: of)? (?P<month>{_any(_EN_MONTHS)})",
        rf"(?:on )?(?P<month>{_any(_EN_MONTHS)})(?: the)? {_EN_DAY_OF_MONTH}",
        r"on the (?P<dom>\d{1,2})th",
    ),
    part_patterns=(rf"(?:in the |at )?(?P<part>{_EN_PART})",),
    certain_parts=(rf"(?:in the|at) (?P<part>{_EN_PART})",),
    leads="for|on|at|starting",
    verb_last=False,
    tokens=re.compile(
        r"\d{1,2}:\d{2}|\d+\.\d+|\d+(?:st|nd|rd|th)\b|\d+|\b[ap]\.\s?m\b\.?|(?<=\d)[ap]\.m\b\.?|\b[ap] m\b"
        r"|[^\W\d_]+(?:['’][^\W\d_]+)?",
        re.IGNORECASE,
    ),
)

_DE_UNITS = {
    "sekunden?|sek|s": 1,
    "minuten?|min|m": MINUTE_S,
    "stunden?|std|h": HOUR_S,
    "tagen|tage|tag": DAY_S,
    "wochen?": WEEK_S,
}
_DE_PARTS = {
    "morgen|vormittag|früh|morgens|vormittags": Part(9, after_noon=False),
    "mittag|mittags": Part(12, after_noon=True),
    "nachmittag|nachmittags": Part(15, after_noon=True),
    "abend|abends": Part(19, after_noon=True),
    "nacht|nachts": Part(21, after_noon=True),
}
_DE_DAYS = {"übermorgen": 2, "morgen": 1, "heute": 0}
_DE_WEEKDAYS = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag|sonnabend", "sonntag")
_DE_MONTHS = (
    *("januar|jänner", "februar", "märz", "april", "mai", "juni", "juli"),
    *("august", "september", "oktober", "november", "dezember"),
)
_DE_PART = _any(_DE_PARTS)
_DE_ON = "am|an|diesen|diesem|kommenden|kommender|den|der"

GERMAN = MomentWords(
    units=_DE_UNITS,
    fractions={"viertel": 15},
    days=_DE_DAYS,
    parts=_DE_PARTS,
    names={"mitternacht": (0, 0), "mittag": (12, 0)},
    weekdays=_DE_WEEKDAYS,
    months=_DE_MONTHS,
    amounts=(
        rf"(?P<n>\d+(?:[.,]\d+)?)(?P<half> und 1 halbe?)? (?P<unit>{_any(_DE_UNITS)})(?P<half_after> und 1 halbe)?",
        r"(?:1 )?halben? (?P<half_unit>stunde|minute|tag)",
        r"(?:(?P<quarters>3|1) )?viertelstunden?",
        r"(?:1 )?(?P<three_quarters>dreiviertelstunde)",
    ),
    and_="und",
    relative=(r"in (?P<amount>)", r"(?P<amount>) später"),
    at="um|gegen|ab|bis",
    certain_clocks=(
        r"(?P<h24>\d{1,2})[:.](?P<m>\d\d)(?: uhr)?",
        r"(?P<h>\d{1,2}) uhr(?: (?P<m>\d{1,2}))?",
        r"halb (?P<half_to>\d{1,2})",
        r"(?P<past>viertel|\d{1,2})(?: minuten?)? nach (?P<h>\d{1,2})(?: uhr)?",
        r"(?P<to>viertel) vor (?P<h>\d{1,2})(?: uhr)?",
        r"(?P<past>\d{1,2}) nach halb (?P<half_to>\d{1,2})",
        r"(?P<to>\d{1,2}) vor halb (?P<half_to>\d{1,2})",
        r"(?:dreiviertel|3 viertel) (?P<three_quarters_to>\d{1,2})",
        r"(?P<name>mitternacht)",
    ),
    vague_clocks=(
        r"(?P<to>viertel|\d{1,2})(?: minuten?)? vor (?P<h>\d{1,2})(?: uhr)?",
        r"viertel (?P<quarter_of>\d{1,2})",
        r"(?P<h>\d{1,2})(?: (?P<m>\d{1,2}))?",
    ),
    day_patterns=(
        (
            rf"(?:(?:{_DE_ON}) )*(?P<next>(?:nächsten?|nächster) )?(?P<weekday>{_any(_DE_WEEKDAYS)})s?"
            rf"(?: ?(?P<part>{_DE_PART}))?"
        ),
        rf"(?P<day>{_any(_DE_DAYS)})",
        r"(?:in der )?(?P<next_week>nächste[rn]? woche)",
        rf"(?:(?:am|den) )?(?P<dom>\d{{1,2}})(?:th)? (?P<month>{_any(_DE_MONTHS)})",
        r"am (?P<dom>\d{1,2})\.(?P<month_number>\d{1,2})",
        r"am (?P<dom>\d{1,2})th",
    ),
    part_patterns=(rf"(?:am |in der |zu )?(?P<part>{_DE_PART})",),
    certain_parts=(
        r"(?:am|zu) (?P<part>morgen|vormittag|mittag|nachmittag|abend)",
        r"in der (?P<part>nacht|früh)",
        r"(?P<part>morgens|vormittags|mittags|nachmittags|abends|nachts)",
    ),
    leads="für|am|um",
    verb_last=True,
    tokens=re.compile(
        rf"\d{{1,2}}:\d{{2}}|\d+[.,]\d+|\d+\.(?=\s+(?:{_any(_DE_MONTHS)}))|\d+|[^\W\d_]+",
        re.IGNORECASE,
    ),
)

MOMENT_WORDS = {"en": ENGLISH, "de": GERMAN}
