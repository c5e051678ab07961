"""Skills that run as tasks: reminder, note, timer, delete."""

from datetime import UTC, timedelta
from typing import Any

from sottovoce.orchestrator.builtin.chosen import Kind, Number, choose, describe, listed
from sottovoce.orchestrator.skills import Job, Moment, Seconds, Text, task_skill


@task_skill
async def reminder(job: Job, text: Text = "", due: Moment | None = None) -> dict[str, Any]:
    """Remember something; with a time, speak up then."""
    phrases = job.phrases
    text = text or await job.ask(phrases.text("reminder_what"), "text", argument="text")
    if due is None:
        job.say(phrases.text("reminder_kept", text=phrases.echo(text)))
        return {"text": text}
    when = phrases.moment(due.astimezone(job.now().tzinfo), job.now(), digits=True)
    job.say(phrases.text("reminder_set", text=phrases.echo(text), when=when))
    if due > job.ends_at:
        job.say(phrases.text("ends_before"))
    await job.until(due)
    job.say(phrases.text("reminder_due", text=phrases.echo(text)))
    return {"text": text, "due": due.astimezone(UTC).isoformat().replace("+00:00", "Z")}


@task_skill
async def note(job: Job, text: Text = "") -> dict[str, Any]:
    """Keep some words."""
    text = text or await job.ask(job.phrases.text("note_what"), "text", argument="text")
    job.say(job.phrases.text("note_kept", text=job.phrases.echo(text)))
    return {"text": text}


@task_skill
async def timer(job: Job, seconds: Seconds | None = None) -> dict[str, Any]:
    """Speak up after some time."""
    seconds = seconds or await job.ask(job.phrases.text("timer_how_long"), "duration", argument="seconds")
    due = job.now() + timedelta(seconds=seconds)
    job.say(job.phrases.text("timer_set", duration=job.phrases.duration(seconds, digits=True)))
    if due > job.ends_at:
        job.say(job.phrases.text("ends_before"))
    await job.until(due)
    job.say(job.phrases.text("timer_due", duration=job.phrases.duration(seconds)))
    return {"seconds": seconds}


@task_skill
async def delete(
    job: Job, kind: Kind = "any", number: Number = None, *, every: bool = False, about: Text = ""
) -> dict[str, Any]:
    """Cancel and forget tasks, after asking."""
    phrases = job.phrases
    others = [task for task in await job.tasks.all() if task.id != job.task_id]
    chosen = choose(others, kind, number, every=every, about=about)
    if isinstance(chosen, str):
        job.say(phrases.text("no_such", kind=phrases.kind(kind, 1)))
        return {"deleted": 0}
    if len(chosen) == 1:
        question = phrases.text("delete_one", kind=phrases.kind(kind, 1), item=describe(chosen[0], phrases, job.now()))
    else:
        question = phrases.text("delete_all", n=phrases.number(len(chosen)), kinds=phrases.kind(kind))
    if not await job.ask(question, "yes_no"):
        job.say(phrases.text("deleted_not"))
        return {"deleted": 0}
    # A timer may have run out while the question was open: that one is done, not deleted.
    still_there = {task.id for task in listed(await job.tasks.all(), kind)}
    gone = [await job.tasks.erase(task.id) for task in chosen if task.id in still_there]
    job.say(phrases.text("deleted"))
    return {"deleted": len(gone)}
