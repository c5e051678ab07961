"""Skills that only answer: time, date, repeat, help, goodbye."""

from sottovoce.orchestrator.base import Goodbye, Reply, Say
from sottovoce.orchestrator.skills import Turn, immediate_skill

EXAMPLES_OF_HELP = 8


@immediate_skill
async def time(turn: Turn) -> str:
    """What time it is."""
    return turn.phrases.text("time", clock=turn.phrases.clock(turn.now))


@immediate_skill
async def date(turn: Turn) -> str:
    """What day it is."""
    return turn.phrases.text("date", date=turn.phrases.date(turn.now))


@immediate_skill
async def repeat(turn: Turn) -> str:
    """The last answer again."""
    return turn.talk.last_said or turn.phrases.text("nothing_said")


@immediate_skill
async def help(turn: Turn) -> str:  # noqa: A001 - the skill's name is what users say
    """What can be said."""
    examples = list(turn.phrases.examples.values())[:EXAMPLES_OF_HELP]
    return turn.phrases.text("help", examples="; ".join(examples))


@immediate_skill
async def goodbye(turn: Turn) -> tuple[Reply, ...]:
    """End the session."""
    return Say(turn.phrases.text("goodbye")), Goodbye()
