"""Which tasks are meant: "the last note", "task number two", "all timers", "the reminder about the school"."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from rapidfuzz import fuzz

from sottovoce.core.task import Task
from sottovoce.orchestrator.phrases import Phrases

Kind = Literal["any", "reminder", "timer", "note"]
Number = Annotated[int, msgspec.Meta(ge=-1, le=1_000)] | None
"""Place in the list as it is read out, from 1; -1 is the last."""

ABOUT_RATIO = 75.0
OURS = ("reminder", "timer", "note")

Problem = Literal["none", "which", "number"]


def listed(tasks: Sequence[Task], kind: str) -> list[Task]:
    """The tasks of a kind as they are read out, oldest first.

    "any" is what is still open: all that is pending, and reminders without a time. Notes are no tasks to do, and what
    was erased or cancelled is gone.
    """
    if kind == "any":
        return [task for task in tasks if _open(task) and task.type != "delete"]
    return [task for task in tasks if task.type == kind and (_open(task) or (kind == "note" and task.result_available))]


def _open(task: Task) -> bool:
    untimed = task.type == "reminder" and task.result_available and "due" not in task.arguments
    return task.pending or untimed


def choose(
    tasks: Sequence[Task], kind: str, number: int | None, *, every: bool = False, about: str = ""
) -> list[Task] | Problem:
    """The tasks that are meant, or why it is not clear: there is none, there are several, the number is too high."""
    candidates = listed(tasks, kind)
    if about:
        candidates = [t for t in candidates if fuzz.partial_ratio(about, str(t.arguments.get("text"))) >= ABOUT_RATIO]
    if not candidates:
        return "none"
    if every or (len(candidates) == 1 and number in {None, 1, -1}):
        return candidates
    if number is None:
        return "which"
    if not -1 <= number <= len(candidates) or number == 0:
        return "number"
    return [candidates[number - 1 if number > 0 else -1]]


def describe(task: Task, phrases: Phrases, now: datetime) -> str:
    """One task in a few words: "call the school, tomorrow at nine"."""
    if task.type == "timer" and "seconds" in task.arguments:
        seconds = task.arguments["seconds"]
        left = phrases.duration(seconds_left(task, now))
        return phrases.piece("item_timer", duration=phrases.duration(seconds), left=left)
    text = task.arguments.get("text")
    if task.type not in OURS or not text:
        return phrases.piece("item_other", type=phrases.kind(task.type, 1) if task.type in OURS else task.type)
    if task.type == "reminder" and "due" in task.arguments:
        due = datetime.fromisoformat(task.arguments["due"]).astimezone(now.tzinfo)
        return phrases.piece("item_reminder", text=phrases.echo(text), when=phrases.moment(due, now))
    return phrases.piece("item_note", text=phrases.echo(text))


def seconds_left(task: Task, now: datetime) -> float:
    """Of a timer: it began when it was last started or changed."""
    return max(0.0, task.updated_at + float(task.arguments["seconds"]) - now.timestamp())
