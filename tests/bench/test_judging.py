"""The judge of bench/commands.py: it must see what is wrong, or its figures mean nothing."""

import tomllib
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bench.commands import LINES
from bench.judging import ANSWERS, Command, Seen, Verdict, is_answer_of, judge, moment, right_moment
from sottovoce.orchestrator.skills import Skills

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)  # a Monday
RIGHT = Verdict(skill=True, values=True)
WRONG = Verdict(skill=False, values=False)
WRONG_VALUES = Verdict(skill=True, values=False)


def task(type_: str, state: str = "working", **arguments: Any) -> dict[str, Any]:
    return {"type": type_, "state": state, "arguments": arguments}


def seen(*answers: str, before: str = "", tasks: list[tuple[str, dict[str, Any]]] | None = None) -> Seen:
    return Seen(heard="", answers=list(answers), before=before, tasks=tasks or [])


TIMER = Command(text="", skill="timer", arguments={"seconds": 300})
REMINDER = Command(text="", skill="reminder", arguments={"text": "call the school", "due": {"at": "09:00", "days": 1}})
CANCEL = Command(text="", skill="cancel", cancels="timer")
CHANGE = Command(
    text="", skill="change", changes={"type": "timer", "arguments": {"seconds": 900}, "within_seconds": 60}
)


@pytest.mark.parametrize(
    ("command", "what", "verdict"),
    [
        (TIMER, seen(tasks=[("task.created", task("timer", seconds=300))]), RIGHT),
        (TIMER, seen(tasks=[("task.created", task("timer", seconds=900))]), WRONG_VALUES),
        (TIMER, seen(tasks=[("task.created", task("note", text="timer"))]), WRONG),
        (TIMER, seen("The timer is set for five minutes."), WRONG),
        (
            REMINDER,
            seen(tasks=[("task.created", task("reminder", text="call the pool", due="2026-11-24T09:00:00Z"))]),
            RIGHT,
        ),
        (
            REMINDER,
            seen(tasks=[("task.created", task("reminder", text="fall to the floor", due="2026-11-24T09:00:00Z"))]),
            WRONG_VALUES,
        ),
        (
            REMINDER,
            seen(tasks=[("task.created", task("reminder", text="call the school", due="2026-11-24T05:00:00Z"))]),
            WRONG_VALUES,
        ),
        (REMINDER, seen(tasks=[("task.created", task("reminder", text="call the school"))]), WRONG_VALUES),
        (Command(text="", skill="time"), seen("It is half past two."), RIGHT),
        (Command(text="", skill="time"), seen("Today is Monday."), WRONG),
        (
            Command(text="", skill="time"),
            seen("It is half past two.", tasks=[("task.created", task("note", text="x"))]),
            WRONG,
        ),
        (Command(text="", skill="repeat"), seen("Noted: x.", before="Noted: x."), RIGHT),
        (Command(text="", skill="repeat"), seen("Sorry?", before="Noted: x."), WRONG),
        (Command(text="", skill="repeat"), seen(""), WRONG),
        (CANCEL, seen("Cancelled: timer.", tasks=[("task.updated", task("timer", "cancelled"))]), RIGHT),
        (CANCEL, seen("Cancelled: x.", tasks=[("task.updated", task("reminder", "cancelled"))]), WRONG_VALUES),
        (CANCEL, seen("There is nothing to cancel."), WRONG),
        (
            CHANGE,
            seen("The timer is set for 15 minutes.", tasks=[("task.updated", task("timer", seconds=897))]),
            RIGHT,
        ),
        (
            CHANGE,
            seen("The timer is set for 5 minutes.", tasks=[("task.updated", task("timer", seconds=300))]),
            WRONG_VALUES,
        ),
    ],
)
def test_verdicts(command: Command, what: Seen, verdict: Verdict) -> None:
    assert judge(command, what, NOW) == verdict


@pytest.mark.parametrize(
    ("wanted", "got", "right"),
    [
        ({"minutes": 10}, "2026-11-23T14:40:30Z", True),
        ({"minutes": 10}, "2026-11-23T14:50:00Z", False),
        ({"at": "08:00", "half_days": True}, "2026-11-23T20:00:00Z", True),
        ({"at": "08:00"}, "2026-11-23T20:00:00Z", False),
        ({"at": "15:00", "weekday": "friday"}, "2026-11-27T15:00:00Z", True),
        ({"at": "15:00", "weekday": "friday"}, "2026-11-26T15:00:00Z", False),
        ({"at": "15:00", "weekday": "friday"}, "2026-12-04T15:00:00Z", False),
        ({"days": 1}, "2026-11-24T06:00:00Z", True),
        ({"days": 1}, "2026-11-25T06:00:00Z", False),
        ({"at": "14:00"}, "2026-11-23T14:00:00Z", False),
    ],
)
def test_moments(wanted: dict[str, Any], got: str, right: bool) -> None:
    assert right_moment(wanted, datetime.fromisoformat(got), NOW) is right


def test_a_moment_that_is_given_is_right() -> None:
    for wanted in ({"at": "09:00", "days": 1}, {"minutes": 20}):
        assert right_moment(wanted, datetime.fromisoformat(moment(wanted, NOW)), NOW)


def test_the_answer_of_one_skill_is_none_of_another() -> None:
    assert is_answer_of("list", "You have one reminder: buy milk.")
    assert not is_answer_of("time", "You have one reminder: buy milk.")
    assert not is_answer_of("not understood", "It is noon.")


def test_every_line_names_a_skill_that_is_there() -> None:
    lines = tomllib.loads(LINES.read_text())
    commands = msgspec.convert(lines["commands"], list[Command])
    skills = Skills.installed()
    assert len(commands) == 60
    assert len(lines["unrelated"]["sentences"]) == 40
    assert [each.skill for each in commands if skills.get(each.skill) is None] == []
    tasks = set(skills.task_types)
    assert [c.text for c in commands if c.skill not in tasks and c.skill not in ANSWERS and c.skill != "repeat"] == []
    for given in (given for each in commands for given in each.given):
        arguments = given["arguments"] | (
            {"due": moment(given["arguments"]["due"], NOW)} if "due" in given["arguments"] else {}
        )
        skills.task(given["type"]).read(arguments)
