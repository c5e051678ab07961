"""The skills that come with the server. Their sentences are `orchestrator/commands`."""

from sottovoce.orchestrator.builtin import doing, managing, saying
from sottovoce.orchestrator.skills import SkillSet

SKILLS = SkillSet(
    skills=(
        *(doing.reminder, doing.note, doing.timer, doing.delete),
        *(managing.list, managing.cancel, managing.change, managing.time_left),
        *(saying.time, saying.date, saying.repeat, saying.help, saying.goodbye),
    )
)
