"""Whether the server did what a sentence asked for: judged by what a client sees, its events and tasks."""

import functools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import yaml

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ABOUT_NOW_S = 60.0
"""How much later than the judge's clock a moment may be: the sentence took time to say."""
HALF_DAY_H = 12
FREE_TEXT = "text"
COMMON_WORDS = frozenset({"a", "about", "is", "my", "that", "the", "to", "up", "was", "we"})
"""To have kept one of these alone is to have kept nothing."""

ANSWERS: Mapping[str, tuple[str, ...]] = {
    "time": ("time",),
    "date": ("date",),
    "help": ("help",),
    "goodbye": ("goodbye",),
    "time_left": ("timer_left",),
    "list": ("list_none", "list_one", "list_many", "list_item", "item_last"),
    "cancel": ("cancelled",),
    "change": ("reminder_set", "timer_set"),
    "not understood": ("not_understood", "you_said"),
}
"""Skills that answer at once, and the answers of theirs in the file of sentences."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A line of commands.toml."""

    text: str
    skill: str
    arguments: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    """For "change": the type of the task that has to change, and the arguments that it has to have then."""
    cancels: str = ""
    """For "cancel": the type of the task that has to be cancelled."""
    given: list[dict[str, Any]] = []
    after: str = ""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What came back from the server for one sentence."""

    heard: str
    answers: list[str]
    """What it said to this sentence."""
    before: str = ""
    """What it had said last before."""
    tasks: list[tuple[str, dict[str, Any]]] = []
    """Events about tasks: `task.created` or another type, and the task."""


class Verdict(msgspec.Struct, frozen=True):
    """Whether the right skill was called, and with the right values."""

    skill: bool
    values: bool


def judge(command: Command, seen: Seen, now: datetime) -> Verdict:
    """`now`: aware, when the sentence was over, in the zone of the server's user."""
    tasks = [task for kind, task in seen.tasks if _does(command, kind, task)]
    if command.skill in ANSWERS:
        skill = any(is_answer_of(command.skill, answer) for answer in seen.answers)
        skill = skill and not any(kind == "task.created" for kind, _ in seen.tasks)
    elif command.skill == "repeat":
        skill = bool(seen.before) and seen.before in seen.answers
    else:
        skill = bool(tasks)
    wanted = command.changes.get("arguments", command.arguments)
    slack_s = command.changes.get("within_seconds", 0)
    needs_task = bool(wanted or command.cancels)
    values = not needs_task or any(_all_right(wanted, task["arguments"], now, slack_s) for task in tasks)
    return Verdict(skill, skill and values)


def _does(command: Command, kind: str, task: Mapping[str, Any]) -> bool:
    if command.skill == "cancel":
        return bool(task["state"] == "cancelled" and task["type"] == command.cancels)
    if command.skill == "change":
        return bool(kind == "task.updated" and task["type"] == command.changes["type"])
    return bool(kind == "task.created" and task["type"] == command.skill)


def _all_right(wanted: Mapping[str, Any], got: Mapping[str, Any], now: datetime, slack_s: float) -> bool:
    return all(name in got and _right(name, value, got[name], now, slack_s) for name, value in wanted.items())


def _right(name: str, wanted: Any, got: Any, now: datetime, slack_s: float) -> bool:
    if isinstance(wanted, dict):
        return right_moment(wanted, datetime.fromisoformat(got).astimezone(now.tzinfo), now)
    if name == FREE_TEXT:
        return bool(_words(wanted) & _words(got))
    if slack_s:
        return bool(abs(wanted - got) <= slack_s)
    return bool(wanted == got)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w']+", text.lower())) - COMMON_WORDS


def right_moment(wanted: Mapping[str, Any], got: datetime, now: datetime) -> bool:
    """Whether a moment is the one that commands.toml describes."""
    if "minutes" in wanted:
        return abs((got - now).total_seconds() - 60 * int(wanted["minutes"])) <= ABOUT_NOW_S
    right = now <= got <= now + timedelta(days=8)
    if "days" in wanted:
        right = right and got.date() == now.date() + timedelta(days=wanted["days"])
    if "weekday" in wanted:
        right = right and got.weekday() == WEEKDAYS.index(wanted["weekday"])
    if "at" in wanted:
        hour, minute = map(int, wanted["at"].split(":"))
        cycle = HALF_DAY_H if wanted.get("half_days") else 2 * HALF_DAY_H
        right = right and (got.hour % cycle, got.minute) == (hour % cycle, minute)
    return right


def moment(wanted: Mapping[str, Any], now: datetime) -> str:
    """The moment that `{at, days}` or `{minutes}` describes, as REST takes it."""
    if "minutes" in wanted:
        return (now + timedelta(minutes=wanted["minutes"])).isoformat()
    hour, minute = map(int, wanted["at"].split(":"))
    day = now + timedelta(days=wanted["days"])
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0).isoformat()


def is_answer_of(skill: str, answer: str) -> bool:
    """Whether a sentence is one that this skill says."""
    return any(_pattern(key).fullmatch(answer) for key in ANSWERS[skill])


def _pattern(key: str) -> re.Pattern[str]:
    """Of a response in the file of sentences, its {values} being any words."""
    parts: Sequence[str] = re.split(r"\{\w+\}", _responses()[key])
    return re.compile(".+".join(map(re.escape, parts)) + r"( .*)?", re.DOTALL)


@functools.cache
def _responses() -> dict[str, str]:
    text = files("sottovoce.orchestrator").joinpath("commands", "en.yaml").read_text(encoding="utf-8")
    responses: dict[str, str] = yaml.safe_load(text)["responses"]
    return responses
