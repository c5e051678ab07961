"""What the parts of a named moment mean together: which "nine" is meant, and of which day."""

import calendar
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sottovoce.orchestrator.moment_words import MomentWords, Part

DEFAULT_HOUR = 9
"""Of a day named without an hour."""
TONIGHT_HOUR = 20
FIRST_WAKING_HOUR = 6
LAST_EVENING_HOUR = 21
"""From here to the first waking hour, "at one" may mean one at night."""
EARLIEST_MORNING_HOUR = 7
"""Of another day, "at seven" is in the morning and "at six" in the evening."""
HOURS = 24
NOON = 12
MINUTES = 60
WEEK_DAYS = 7
LONGEST_MONTH = 31
LEAP_YEARS_APART = 8
"""At most; from 1896 to 1904, and from 2096 to 2104."""
_HOURS = {"h": 0, "h24": 0, "half_to": 30, "three_quarters_to": 15, "quarter_of": 45}
"""Groups of a pattern that name an hour, and the minutes by which they mean less than it."""


@dataclass
class Found:
    """What a run of words says about a moment, part by part."""

    kinds: set[str] = field(default_factory=set)
    delta_s: float = 0
    day: int | None = None
    weekday: int | None = None
    next_: bool = False
    next_week: bool = False
    dom: int | None = None
    month: int | None = None
    hour: int | None = None
    minute: int = 0
    exact: bool = False
    """The hour is one of 24."""
    after_noon: bool | None = None
    part: Part | None = None


def take(found: Found, match: re.Match[str], words: MomentWords) -> bool:
    """Note what a pattern says; False if no moment can be so ("at 27")."""
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    if "day" in groups:
        found.day = words.days[groups["day"]]
        if groups["day"] == "tonight":
            found.part = Part(TONIGHT_HOUR, after_noon=True)
    if "weekday" in groups:
        found.weekday = _index(groups["weekday"], words.weekdays)
        found.next_ = "next" in groups
    found.next_week = found.next_week or "next_week" in groups
    if "month" in groups:
        found.month = _index(groups["month"], words.months) + 1
    if "month_number" in groups:
        found.month = int(groups["month_number"])
    if "dom" in groups:
        found.dom = int(groups["dom"]) + (2 if "and_second" in groups else 0)
    if "second" in groups:
        found.dom = 2
    if "part" in groups:
        found.part = next(part for names, part in words.parts.items() if groups["part"] in names.split("|"))
    if "ap" in groups:
        found.after_noon = groups["ap"] == "pm"
    return _take_clock(found, groups, words)


def _take_clock(found: Found, groups: dict[str, str], words: MomentWords) -> bool:
    if "name" in groups:
        found.hour, found.minute = words.names[groups["name"]]
        found.exact = True
        return True
    name = next((name for name in _HOURS if name in groups), None)
    if name is None:
        return True
    hour, minute = int(groups[name]), int(groups.get("m", 0)) - _HOURS[name]
    minute += _minutes(groups.get("past"), words) - _minutes(groups.get("to"), words)
    if hour > HOURS or minute >= MINUTES:
        return False
    found.exact = name == "h24" or not 1 <= hour <= NOON or groups[name].startswith("0")
    hour, found.minute = divmod(hour * 60 + minute, 60)
    # A quarter to one is before one and before thirteen.
    found.hour = hour % HOURS if found.exact else (hour - 1) % NOON + 1
    return True


def _minutes(word: str | None, words: MomentWords) -> int:
    if word is None:
        return 0
    return int(word) if word.isdecimal() else words.fractions[word]


def _index(word: str, names: tuple[str, ...]) -> int:
    return next(index for index, name in enumerate(names) if word in name.split("|"))


def resolve(found: Found, now: datetime) -> datetime | None:
    """The moment that is meant, as seen from `now`; None for a day that does not exist."""
    if "relative" in found.kinds:
        return (now.astimezone(UTC) + timedelta(seconds=found.delta_s)).astimezone(now.tzinfo)
    try:
        day = _day(found, now)
    except ValueError:
        return None
    if found.hour is None:
        return _day_alone(found, day, now)
    hours = _hours(found, other_day=day is not None and day != now.date())
    if day is not None and day != now.date():
        return _at(day, hours[0], found.minute, now)
    moment = _next(hours, found, now)
    if found.weekday is not None and moment.date() != day:
        return _at(now.date() + timedelta(days=WEEK_DAYS), _hours(found, other_day=True)[0], found.minute, now)
    return moment


def _day(found: Found, now: datetime) -> date | None:
    """The day that is named. Raises ValueError for one that does not exist."""
    today = now.date()
    if found.day is not None:
        return today + timedelta(days=found.day)
    if found.next_week:
        return today + timedelta(days=WEEK_DAYS - today.weekday())
    if found.weekday is not None:
        ahead = (found.weekday - today.weekday()) % WEEK_DAYS
        return today + timedelta(days=WEEK_DAYS if found.next_ and ahead == 0 else ahead)
    if found.dom is not None:
        return _date(found.dom, found.month, today)
    return today if found.part is not None and found.hour is None else None


def _date(day: int, month: int | None, today: date) -> date:
    """The next day of that date. Raises ValueError for one that does not exist."""
    if month is not None:
        years = range(today.year, today.year + LEAP_YEARS_APART + 1)
        days = (date(year, month, day) for year in years if day <= calendar.monthrange(year, month)[1])
        named = next((each for each in days if each >= today), None)
        if named is None:
            raise ValueError("There is no such day")
        return named
    if day >= today.day:
        return today.replace(day=day)
    return (today.replace(day=1) + timedelta(days=LONGEST_MONTH + 1)).replace(day=day)


def _day_alone(found: Found, day: date | None, now: datetime) -> datetime:
    hour = DEFAULT_HOUR if found.part is None else found.part.hour
    moment = _at(day or now.date(), hour, 0, now)
    if moment > now:
        return moment
    if found.weekday is not None:
        return _at(moment.date() + timedelta(days=WEEK_DAYS), hour, 0, now)
    if found.day is None and found.part is not None:
        return _at(moment.date() + timedelta(days=1), hour, 0, now)
    # "Today" with nothing else, and its usual hour is over: soon.
    return now + timedelta(hours=1)


def _hours(found: Found, *, other_day: bool) -> list[int]:
    """The hours of the day that may be meant, the likeliest first."""
    hour = found.hour or 0
    if found.exact or hour > NOON:
        return [hour % 24]
    morning, evening = hour % NOON, hour % NOON + NOON
    after_noon = found.after_noon if found.after_noon is not None else _after_noon(found.part, hour)
    if after_noon is not None:
        return [evening if after_noon else morning]
    if other_day:
        return [morning if EARLIEST_MORNING_HOUR <= hour < NOON else evening]
    return [morning, evening]


def _after_noon(part: Part | None, hour: int) -> bool | None:
    if part is None:
        return None
    at_night = part.hour >= TONIGHT_HOUR
    return part.after_noon and not (at_night and (hour == NOON or hour < FIRST_WAKING_HOUR))


def _next(hours: list[int], found: Found, now: datetime) -> datetime:
    """The next time that one of these hours comes, among waking hours while it is day."""
    late = now.hour >= LAST_EVENING_HOUR or now.hour < FIRST_WAKING_HOUR
    days = (now.date() + timedelta(days=ahead) for ahead in range(3))
    moments = (_at(day, hour, found.minute, now) for day in days for hour in sorted(hours))
    return next(
        moment for moment in moments if moment > now and (late or len(hours) == 1 or moment.hour >= FIRST_WAKING_HOUR)
    )


def _at(day: date, hour: int, minute: int, now: datetime) -> datetime:
    """Through UTC and back, so that an hour that the clocks skip becomes one that exists."""
    return datetime.combine(day, time(hour, minute), now.tzinfo).astimezone(UTC).astimezone(now.tzinfo)
