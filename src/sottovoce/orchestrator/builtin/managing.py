"""Skills that look after tasks: list, cancel, change, time_left. They answer at once."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sottovoce.core.task import Task
from sottovoce.orchestrator.builtin.chosen import Kind, Number, choose, describe, listed, seconds_left
from sottovoce.orchestrator.moments import names_only_clock, read_moment
from sottovoce.orchestrator.skills import Seconds, Text, Turn, immediate_skill

MORNING = time(6)


@immediate_skill
async def list(turn: Turn, kind: Kind = "any", number: Number = None) -> str:  # noqa: A001 - what users say
    """What tasks there are; `number`: only this one."""
    phrases, tasks = turn.phrases, listed(await turn.talk.tasks.all(), kind)
    if not tasks:
        return phrases.text("list_none", kinds=phrases.kind(kind))
    if number is not None:
        chosen = choose(tasks, kind, number)
        if isinstance(chosen, str):
            return phrases.text("no_such", kind=phrases.kind(kind, 1))
        item = describe(chosen[0], phrases, turn.now)
        return phrases.text("item_last" if number < 0 else "list_item", kind=phrases.kind(kind, 1), n=number, item=item)
    if len(tasks) == 1:
        return phrases.text("list_one", kind=phrases.kind(kind, 1), item=describe(tasks[0], phrases, turn.now))
    return phrases.text(
        "list_many", n=phrases.number(len(tasks)), kinds=phrases.kind(kind), items=_numbered(tasks, turn)
    )


@immediate_skill
async def cancel(turn: Turn, kind: Kind = "any", number: Number = None, about: Text = "") -> str:
    """Stop one pending task; what is no longer pending is deleted, and that asks first."""
    phrases, tasks = turn.phrases, await turn.talk.tasks.all()
    chosen = choose(tasks, kind, number, about=about)
    if isinstance(chosen, str):
        return _unclear(chosen, listed(tasks, kind), kind, turn)
    [task] = chosen
    if not task.pending:
        place = listed(tasks, kind).index(task) + 1
        return (await turn.talk.tasks.start("delete", {"kind": kind, "number": place})).say
    item = describe(task, phrases, turn.now)
    await turn.talk.tasks.cancel(task.id)
    return phrases.text("cancelled", item=item)


@immediate_skill
async def change(
    turn: Turn,
    kind: Kind = "any",
    number: Number = None,
    to: Text = "",
    seconds: Seconds | None = None,
    by: Seconds | None = None,
) -> str:
    """Move a reminder `to` another moment, in words, or `by` so many seconds; let a timer run for other `seconds`."""
    phrases = turn.phrases
    tasks = [t for t in await turn.talk.tasks.all() if t.pending and t.type in {"reminder", "timer"}]
    chosen = choose(tasks, kind, number)
    if chosen == "none" and kind == "timer" and seconds is not None:
        return (await turn.talk.tasks.start("timer", {"seconds": seconds})).say
    if isinstance(chosen, str):
        return _unclear(chosen, listed(tasks, kind), kind, turn)
    due = None if not to else _moved(chosen[0], to, turn)
    new = _changed(chosen[0], turn.now, due, seconds, by)
    if new is None:
        return phrases.text("change_how")
    return (await turn.talk.tasks.change(chosen[0].id, new)).say


def _moved(task: Task, to: str, turn: Turn) -> datetime | None:
    """The moment that is named; a mere time of day is one of the day that the task is due."""
    language, now = turn.phrases.language, turn.now
    if "due" in task.arguments and names_only_clock(to, language):
        day = datetime.fromisoformat(task.arguments["due"]).astimezone(now.tzinfo).date()
        if day > now.date():
            now = datetime.combine(day, MORNING, now.tzinfo)
    return read_moment(to, now, language)


def _changed(
    task: Task, now: datetime, due: datetime | None, seconds: int | None, by: int | None
) -> dict[str, Any] | None:
    """The arguments that change; None if a task of this type cannot change so."""
    if task.type == "timer":
        if due is not None:
            seconds = max(1, round(due.timestamp() - now.timestamp()))
        elif by is not None and "seconds" in task.arguments:
            seconds = round(seconds_left(task, now)) + by
        return None if seconds is None else {"seconds": seconds}
    if by is not None and "due" in task.arguments:
        due = datetime.fromisoformat(task.arguments["due"]) + timedelta(seconds=by)
    return None if due is None else {"due": due.astimezone(UTC).isoformat()}


@immediate_skill
async def time_left(turn: Turn) -> str:
    """What is left on each timer."""
    phrases = turn.phrases
    timers = [t for t in listed(await turn.talk.tasks.all(), "timer") if "seconds" in t.arguments]
    if not timers:
        return phrases.text("timer_none")
    return " ".join(
        phrases.text(
            "timer_left",
            left=phrases.duration(seconds_left(task, turn.now)),
            duration=phrases.duration(task.arguments["seconds"]),
        )
        for task in timers
    )


def _numbered(tasks: Sequence[Task], turn: Turn) -> str:
    items = (
        turn.phrases.piece("list_item", n=turn.phrases.number(place), item=describe(task, turn.phrases, turn.now))
        for place, task in enumerate(tasks, 1)
    )
    return ". ".join(items)


def _unclear(problem: str, tasks: Sequence[Task], kind: str, turn: Turn) -> str:
    phrases = turn.phrases
    if problem == "which":
        return phrases.text("which", items=_numbered(tasks, turn))
    if problem == "number":
        return phrases.text("no_such", kind=phrases.kind(kind, 1))
    return phrases.text("nothing_to_cancel") if kind == "any" else phrases.text("list_none", kinds=phrases.kind(kind))
