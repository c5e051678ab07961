"""The orchestrator that needs no model: it knows commands, and calls skills."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from sottovoce.core.end_of_turn import Opinion
from sottovoce.core.task import Task, TaskState
from sottovoce.errors import InvalidArguments, TaskConflict, TaskNotFound
from sottovoce.orchestrator.base import Prompt, Reply, Say, Talk
from sottovoce.orchestrator.endings import ending
from sottovoce.orchestrator.phrases import Phrases
from sottovoce.orchestrator.skills import Skill, Skills, Turn
from sottovoce.orchestrator.understanding import Understanding, Understood
from sottovoce.orchestrator.zone import local_zone

EXAMPLES_WHEN_NOT_UNDERSTOOD = 3


class CommandOrchestrator:
    """Implements orchestrator.base.Orchestrator.

    `clock`: seconds since the epoch. `zone`: where the users are; None is where the machine is. `answers_free_text`:
    what is no command is said back, for recognisers that hear no commands.
    """

    def __init__(
        self,
        skills: Skills,
        *,
        clock: Callable[[], float] = time.time,
        zone: tzinfo | None = None,
        answers_free_text: bool = False,
    ) -> None:
        self._skills = skills
        self._clock = clock
        self._zone = zone or local_zone()
        self._answers_free_text = answers_free_text
        self._understandings = {name: self._ready(Understanding(skills.templates(name))) for name in skills.languages}

    def _ready(self, understanding: Understanding) -> Understanding:
        """Have it make now what it would make at the first sentence, while a user waits."""
        understanding.understand("hello", datetime.fromtimestamp(self._clock(), self._zone))
        return understanding

    def examples(self, language: str) -> dict[str, str]:
        """See Orchestrator."""
        return self._skills.templates(language).examples

    async def close(self) -> None:
        """See Orchestrator."""

    def ending(self, text: str, language: str, *, asked: bool) -> Opinion:
        """See Endings."""
        understanding = self._understandings.get(language)
        if understanding is None:
            return Opinion.UNSURE
        return ending(text, understanding, language, datetime.fromtimestamp(self._clock(), self._zone), asked=asked)

    async def reply(self, prompt: Prompt, talk: Talk) -> AsyncGenerator[Reply, None]:
        """See Orchestrator."""
        replies = await self.command(prompt, talk)
        for reply in [Say(self._otherwise(prompt, talk))] if replies is None else replies:
            yield reply

    async def command(self, prompt: Prompt, talk: Talk) -> list[Reply] | None:
        """Do what the sentence asks for, and what there is to say about it; None if it is no command."""
        language = _plain(talk.language)
        talk.tasks.know(language=language, ends_at=talk.ends_at)
        if language not in self._skills.languages or not prompt.text.strip():
            return None
        turn, understanding = self.turn(talk), self._understandings[language]
        try:
            answered = await self._answer_question(prompt, turn, understanding)
            if answered is not None:
                return [Say(answered)] if answered else []
            understood = understanding.understand(prompt.text, turn.now, typed=not prompt.spoken)
            return None if understood is None else await self._perform(understood, turn)
        except (TaskConflict, TaskNotFound):
            return [Say(turn.phrases.text("too_late"))]
        except InvalidArguments:
            return [Say(turn.phrases.text("not_possible"))]

    def turn(self, talk: Talk) -> Turn:
        """What skills have to go by now."""
        now = datetime.fromtimestamp(self._clock(), self._zone)
        return Turn(talk=talk, now=now, phrases=self._skills.phrases(_plain(talk.language)))

    def _otherwise(self, prompt: Prompt, talk: Talk) -> str:
        """What is answered to no command."""
        phrases = self._skills.phrases(_plain(talk.language))
        if _plain(talk.language) not in self._skills.languages:
            return phrases.text("language_unknown", languages=", ".join(self._skills.languages))
        if not prompt.text.strip():
            return phrases.text("greeting")
        return phrases.text("you_said", text=prompt.text) if self._answers_free_text else _not_understood(phrases)

    async def _answer_question(self, prompt: Prompt, turn: Turn, understanding: Understanding) -> str | None:
        """Give what was said to the task that asked last; None if nobody asks, or it is no answer."""
        task = await asking(turn.talk)
        if task is None or task.expects is None:
            return None
        value: Any = understanding.answer(prompt.text)
        if value is None and task.expects != "yes_no":
            understood = understanding.understand(prompt.text, turn.now, typed=not prompt.spoken)
            if understood is None or not understood.exact:
                value = understanding.value(prompt.text, task.expects, turn.now)
        elif value is True and task.expects != "yes_no":
            return turn.phrases.text("not_that_answer", question=task.question)
        if value is None:
            return None
        update = await turn.talk.tasks.answer(task.id, value)
        dropped = update.task.state is TaskState.CANCELLED and not update.say
        return turn.phrases.text("dropped") if dropped else update.say

    async def _perform(self, understood: Understood, turn: Turn) -> list[Reply]:
        skill = self._skills.get(understood.skill)
        if skill is None:
            raise InvalidArguments(f"There is no skill {understood.skill}")
        if skill.is_task:
            return [Say(await self._start(skill, understood.arguments, turn))]
        answer = await skill.run(turn, **skill.read(understood.arguments))
        return [Say(answer)] if isinstance(answer, str) else list(answer)

    async def _start(self, skill: Skill, arguments: Mapping[str, Any], turn: Turn) -> str:
        update = await turn.talk.tasks.start(skill.name, dict(arguments))
        fixed = {TaskState.REJECTED: "rejected", TaskState.FAILED: "failed"}.get(update.task.state, "started")
        return update.say or turn.phrases.text(fixed)


async def asking(talk: Talk) -> Task | None:
    """The task that asked last and waits for its answer."""
    open_ = [task for task in await talk.tasks.all() if task.state is TaskState.INPUT_REQUIRED]
    return max(open_, key=lambda task: task.updated_at, default=None)


def _plain(language: str) -> str:
    """Of "en-GB", "en"."""
    return language.partition("-")[0].lower()


def _not_understood(phrases: Phrases) -> str:
    examples = list(phrases.examples.values())[:EXAMPLES_WHEN_NOT_UNDERSTOOD]
    return phrases.text("not_understood", examples="; ".join(examples))
