"""What is said, in one language: responses, amounts of time, moments, dates; all of it out of the YAML's tables."""

import math
from datetime import datetime, timedelta
from typing import Any

from sottovoce.orchestrator.moment_meaning import FIRST_WAKING_HOUR, NOON
from sottovoce.orchestrator.moments import read_moment
from sottovoce.orchestrator.numbers import spelled, spelled_ordinal
from sottovoce.orchestrator.templates import Templates

EASILY_MISHEARD = frozenset({*range(13, 20), *range(30, 100, 10)})
"""Fifteen and fifty, thirteen and thirty: read back digit by digit."""
A_MINUTE_S = 60
PASSED_S = 2
"""So much may have passed between a sentence and its answer."""
SOON = timedelta(hours=24)
WEEK_DAYS = 7
HALF = 30
TWO_FIGURES = 10
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class Phrases:
    """One language's."""

    def __init__(self, templates: Templates) -> None:
        self.language = templates.language
        self.examples = templates.examples
        self._templates = templates
        self._saying: dict[str, Any] = templates.saying

    def text(self, key: str, **values: object) -> str:
        """The response of that name, filled in. It begins with a capital, whatever it begins with."""
        text = self._templates.responses[key].format(**values)
        return text[:1].upper() + text[1:]

    def piece(self, key: str, **values: object) -> str:
        """A response that becomes part of another one."""
        return self._templates.responses[key].format(**values)

    def number(self, number: int) -> str:
        """Spelled: "twenty five"."""
        return spelled(number, self.language)[0]

    def echo(self, text: str) -> str:
        """The user's words as they are said back to them: "call my mother" is "call your mother"."""
        echo = self._templates.echo
        return " ".join(echo.get(word.lower(), word) for word in text.strip(" .!?,;").split())

    def kind(self, kind: str, count: int = 2) -> str:
        """The word for a kind of task, singular for one."""
        return str(self._saying["kinds"][kind][0 if count == 1 else 1])

    def duration(self, seconds: float, *, digits: bool = False, table: str = "units") -> str:
        """An amount of time in its two largest units: "one hour and thirty minutes".

        `digits`: numbers that are easily misheard are said digit by digit, too: "fifteen, one five, minutes".
        """
        rest, parts = max(1, math.floor(seconds + 0.5)), []
        units = self._saying.get(table, self._saying["units"])
        for name, size in _UNITS:
            count, rest = divmod(rest, size)
            if count:
                parts.append(units[name][count > 1].format(n=self._digits(count) if digits else self.number(count)))
        return str(parts[0]) if len(parts) == 1 else str(self._saying["and"].format(first=parts[0], second=parts[1]))

    def moment(self, moment: datetime, now: datetime, *, digits: bool = False) -> str:
        """A coming moment so that it cannot be mistaken: "tomorrow at nine", "in ten minutes", "on friday at nine pm".

        What falls on a full minute is said by the clock; anything else was asked for by its distance, and is said so.
        """
        saying, ahead = self._saying["moment"], (moment.date() - now.date()).days
        distance = moment.timestamp() - now.timestamp()
        if moment.second and distance < SOON.total_seconds():
            # Some of it has passed since it was asked for: "in ten minutes" is not said back as nine and 59 seconds.
            whole = 5 * math.ceil(distance / 5)
            distance = whole if distance > A_MINUTE_S and whole - distance <= PASSED_S else math.ceil(distance)
            return str(saying["soon"].format(duration=self.duration(distance, digits=digits, table="units_after_in")))
        form = "later"
        if 0 <= ahead < WEEK_DAYS:
            form = ("today", "tomorrow")[ahead] if ahead <= 1 else "this_week"
        names = {
            "weekday": self._saying["weekdays"][moment.weekday()],
            "month": self._saying["months"][moment.month - 1],
            "ordinal": self._ordinal(moment.day, self._saying.get("ordinal_after_on", 0)),
        }
        plain = saying[form].format(clock=self.clock(moment, certain=False), **names)
        doubtful = read_moment(plain, now, self.language) != moment.replace(second=0, microsecond=0)
        certain = True if doubtful else None if form == "today" else False
        return str(saying[form].format(clock=self.clock(moment, certain=certain, digits=digits), **names))

    def clock(self, moment: datetime, *, certain: bool | None = None, digits: bool = False) -> str:
        """The time of day: "nine oh five pm".

        `certain`: whether to say which half of the day it is; None is as the language has it: English says "am" and
        "pm", German counts to 24.
        """
        forms, halves, early = self._saying["clock"], self._saying.get("half_days"), self._saying.get("early")
        hour = ((moment.hour - 1) % NOON + 1) if halves else moment.hour
        minute = self._digits(moment.minute, last=True) if digits else self.number(moment.minute)
        hour_text = self._saying.get("hours", {}).get(hour, self.number(hour))
        text = str(forms[_form_of_clock(moment.minute)].format(hour=hour_text, minute=minute))
        if halves and certain is not False:
            return f"{text} {halves[moment.hour >= NOON]}"
        if early and certain and moment.hour < NOON:
            return f"{text} {early[moment.hour >= FIRST_WAKING_HOUR]}"
        if early and certain and moment.hour == NOON:
            return f"{text} {self._saying['at_noon']}"
        return text

    def date(self, moment: datetime) -> str:
        """The day: "Friday, November twenty first"."""
        return str(
            self._saying["date"].format(
                weekday=self._saying["weekdays"][moment.weekday()],
                month=self._saying["months"][moment.month - 1],
                ordinal=self._ordinal(moment.day),
            )
        )

    def _ordinal(self, day: int, form: int = 0) -> str:
        return spelled_ordinal(day, self.language)[form]

    def _digits(self, number: int, *, last: bool = False) -> str:
        """A number and, if it is easily misheard, its digits: "fifteen, one five,"."""
        if number not in EASILY_MISHEARD:
            return self.number(number)
        digits = " ".join(self.number(int(digit)) for digit in str(number))
        text = str(self._saying["digits"].format(number=self.number(number), digits=digits))
        return text.rstrip(",") if last else text


def _form_of_clock(minute: int) -> str:
    if minute in {0, HALF}:
        return "half" if minute else "whole"
    return "few" if minute < TWO_FIGURES else "other"
