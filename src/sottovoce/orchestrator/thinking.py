"""One answer of a language model: what it writes becomes sentences, what it calls becomes tasks, in bounds."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

import msgspec

from sottovoce.core.task import Task
from sottovoce.errors import SottovoceError
from sottovoce.orchestrator.base import (
    Call,
    Goodbye,
    LanguageModel,
    Made,
    Message,
    Reply,
    Say,
    Tool,
    Written,
)
from sottovoce.orchestrator.commander import asking
from sottovoce.orchestrator.context import short
from sottovoce.orchestrator.skills import Skill, Skills, Turn
from sottovoce.orchestrator.spoken import Spoken

STALL_S: Final = 10.0
"""How long a model that has begun may be silent."""
ANSWER_S: Final = 180.0
WRITTEN_CHARACTERS: Final = 6_000
"""Of one answer: some six minutes of speech."""
PIECES: Final = 20_000
"""Of one answer, thoughts included: tokens, more or less."""
ROUNDS: Final = 5
"""How often a model may go on from what its tools answered."""
MISTAKES: Final = 2
"""How many calls of an answer may be wrong: a model that is told mends the first."""

UNDER_WAY: Final = "It is under way, and the user will be told when it is done. Say that you are on it."
SPOKEN: Final = "This has been spoken to the user already."
ASKED: Final = "The user has been asked, and will answer."


class Nonsense(Exception):
    """A model's answer is none; the text says why, in words of ours."""


class Thinking:
    """One answer on its way. `put` takes each reply as soon as it is there."""

    def __init__(
        self, model: LanguageModel, skills: Skills, tools: Sequence[Tool], turn: Turn, put: Callable[[Reply], None]
    ) -> None:
        self._model = model
        self._skills = skills
        self._tools = tools
        self._turn = turn
        self._put = put
        self._characters_left = WRITTEN_CHARACTERS
        self._pieces_left = PIECES
        self._mistakes = 0
        self._done: set[tuple[str, str]] = set()
        self._over = False
        """The user is to say something now, or the session ends: the model is not to go on."""

    async def run(self, messages: Sequence[Message], made: list[Made]) -> None:
        """Answer. What is called goes into `made`, also where this is stopped in the middle. Raises EngineFault,
        TimeoutError, Nonsense."""
        context, silent = list(messages), True
        async with asyncio.timeout(ANSWER_S):
            for _ in range(ROUNDS):
                said, calls = await self._write(context)
                silent = silent and not said and not calls
                if silent:
                    raise Nonsense("it has nothing to say")
                begin = len(made)
                for call in calls:
                    await self._call(call, made)
                if not calls or self._over:
                    return
                context.append(Message(role="assistant", text=said, calls=tuple(each.call for each in made[begin:])))
                context += (Message(role="tool", text=each.result, call_id=each.call.id) for each in made[begin:])
        raise Nonsense("it calls tools without an end")

    async def _write(self, messages: Sequence[Message]) -> tuple[str, list[Call]]:
        """One round: what it says, and what it calls."""
        spoken, calls, said = Spoken(), [], []
        async with aclosing(self._model.write(messages, self._tools)) as pieces:
            patience_s = self._model.patience_s
            while (piece := await _next(pieces, patience_s)) is not None:
                patience_s = min(STALL_S, self._model.patience_s)
                if isinstance(piece, Call):
                    calls.append(piece)
                    continue
                self._count(piece)
                said += self._say(spoken.feed(piece.text))
        said += self._say(spoken.end())
        return " ".join(said), calls

    def _say(self, sentences: Iterable[str]) -> list[str]:
        said = []
        for sentence in sentences:
            self._put(Say(sentence))
            said.append(sentence)
        return said

    def _count(self, piece: Written) -> None:
        self._characters_left -= len(piece.text)
        self._pieces_left -= 1
        if self._characters_left < 0 or self._pieces_left < 0:
            raise Nonsense("it writes without an end")

    async def _call(self, call: Call, made: list[Made]) -> None:
        arguments = _read(call.arguments)
        # What is not JSON would come back to the server's own parser in the next round.
        call = call if arguments is not None else msgspec.structs.replace(call, arguments="{}")
        place = len(made)
        made.append(Made(call, short({"state": "under way"})))
        result = await self._called(call, arguments)
        if "error" in result and "state" not in result:
            self._mistakes += 1
            if self._mistakes > MISTAKES:
                raise Nonsense("it calls what cannot be called")
        made[place] = Made(call, short(result))

    async def _called(self, call: Call, arguments: dict[str, Any] | None) -> Mapping[str, Any]:
        """What the model is told came of a call, or what is wrong with it."""
        skill = self._skills.called(call.name)
        if skill is None:
            return {"error": "There is no tool of that name"}
        if arguments is None:
            return {"error": "The arguments are no JSON object"}
        if (call.name, call.arguments) in self._done:
            return {"error": "You have called this already"}
        self._done.add((call.name, call.arguments))
        try:
            return await self._perform(skill, arguments)
        except SottovoceError as error:
            return {"error": error.message}

    async def _perform(self, skill: Skill, arguments: dict[str, Any]) -> Mapping[str, Any]:
        """Do it, and say what it says; what the model is told. Raises SottovoceError."""
        asked, result = await asking(self._turn.talk), dict[str, Any]()
        if skill.is_task:
            update = await self._turn.talk.tasks.start(skill.name, arguments)
            unsaid = skill.says_result and not update.task.pending  # the model is told, and says it
            replies: Sequence[Reply] = [Say(update.say)] if update.say and not unsaid else []
            result = _result(update.task)
        else:
            answer = await skill.run(self._turn, **skill.read(arguments))
            replies = [Say(answer)] if isinstance(answer, str) else answer
        for reply in replies:
            self._put(reply)
        said = " ".join(reply.text for reply in replies if isinstance(reply, Say))
        self._over = self._over or any(isinstance(reply, Goodbye) for reply in replies)
        asks = await asking(self._turn.talk)
        if asks is not None and (asked is None or (asks.id, asks.question) != (asked.id, asked.question)):
            self._over = True
            return {**result, "said": said, "note": ASKED}
        note = SPOKEN if said else UNDER_WAY if result.get("pending") else ""
        return {**result, "said": said, "note": note}


def _result(task: Task) -> dict[str, Any]:
    told: dict[str, Any] = {"state": str(task.state), "pending": task.pending}
    if task.result_available:
        told["result"] = task.result
    if task.error_message:
        told["error"] = task.error_message
    return told


def _read(arguments: str) -> dict[str, Any] | None:
    """The arguments of a call; None if they are no JSON object."""
    try:
        read: object = msgspec.json.decode(arguments or "{}")
        msgspec.json.encode(read)  # halves of characters do not get on
    except (msgspec.DecodeError, UnicodeError):
        return None
    return read if isinstance(read, dict) else None


async def _next(pieces: AsyncGenerator[Written | Call, None], patience_s: float) -> Written | Call | None:
    """The next piece, None at the end. Raises TimeoutError."""
    async with asyncio.timeout(patience_s):
        return await anext(pieces, None)
