"""The orchestrator with a language model: commands by the grammar, which costs no model; the model for all else."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final

import msgspec
import structlog

from sottovoce.core.events import Item, Role
from sottovoce.errors import EngineFault
from sottovoce.orchestrator.base import LanguageModel, Memory, Message, Prompt, Reply, Say, Talk, Tool, Written
from sottovoce.orchestrator.commander import CommandOrchestrator
from sottovoce.orchestrator.context import Context, build, oldest, tokens
from sottovoce.orchestrator.skills import Skills, Turn
from sottovoce.orchestrator.thinking import Nonsense, Thinking

FULL: Final = 0.75
"""When the conversation fills this part of its room, the oldest of it is summarised ..."""
KEPT: Final = 0.5
"""... so that the rest fills this part."""
TOOLS: Final = 0.4
"""The part of the model's context that descriptions of tools may fill."""
SUMMARY_S: Final = 60.0
CHARACTERS_A_TOKEN: Final = 2
"""Rather too few: what is to be summed up has to fit in, whatever its language."""
SUMMARY_CHARACTERS: Final = 1_500
NOT_FOR_MODELS: Final = frozenset({"help", "repeat"})
"""Skills that answer with what the grammar understands, or with what was said last: a model knows better."""

SUMMARISE: Final = """\
Sum up the beginning of this conversation for the assistant who goes on with it: what the user is after, has told and \
decided, names and numbers exactly, what was promised. At most 120 words of plain text, in the conversation's \
language; nothing but the summary."""

log = structlog.get_logger()


class ModelOrchestrator:
    """Implements orchestrator.base.Orchestrator.

    `context_tokens`: what the model can take in. `failed` gets the code of whatever kept it from answering.
    """

    def __init__(
        self,
        commander: CommandOrchestrator,
        model: LanguageModel,
        skills: Skills,
        *,
        context_tokens: int,
        failed: Callable[[str], None],
    ) -> None:
        self._commander = commander
        self._model = model
        self._skills = skills
        self._context_tokens = context_tokens
        self._failed = failed

    async def close(self) -> None:
        """See Orchestrator."""
        await self._model.close()

    def examples(self, language: str) -> dict[str, str]:
        """See Orchestrator."""
        return self._commander.examples(language)

    async def reply(self, prompt: Prompt, talk: Talk) -> AsyncGenerator[Reply, None]:
        """See Orchestrator."""
        known = await self._commander.command(prompt, talk)
        if known is not None:
            for reply in known:
                yield reply
        elif not prompt.text.strip() and not talk.instructions:
            async with aclosing(self._commander.reply(prompt, talk)) as greeting:
                async for reply in greeting:
                    yield reply
        else:
            async with aclosing(self._ask(prompt, talk)) as replies:
                async for reply in replies:
                    yield reply

    async def _ask(self, prompt: Prompt, talk: Talk) -> AsyncGenerator[Reply, None]:
        """The model's answer. It is read as fast as it comes, however slowly it is spoken: what the model calls begins
        at once, and its server is done with it."""
        replies: asyncio.Queue[Reply | None] = asyncio.Queue()
        thinking = asyncio.create_task(self._think(prompt, talk, replies.put_nowait))
        thinking.add_done_callback(lambda _: replies.put_nowait(None))
        try:
            while (reply := await replies.get()) is not None:
                yield reply
            await thinking
        finally:
            thinking.cancel()
            await asyncio.gather(thinking, return_exceptions=True)

    async def _think(self, prompt: Prompt, talk: Talk, put: Callable[[Reply], None]) -> None:
        turn = self._commander.turn(talk)
        tools = _tools(self._skills, self._context_tokens)
        context = build(prompt, turn, tools, await talk.tasks.all(), self._context_tokens)
        made = talk.memory.calls.setdefault(prompt.item_id, []) if prompt.item_id is not None else []
        try:
            await Thinking(self._model, self._skills, tools, turn, put).run(context.messages, made)
        except TimeoutError:
            self._apologise("model_stalled", "it fell silent", turn, put)
        except Nonsense as error:
            self._apologise("model_nonsense", str(error), turn, put)
        except EngineFault as error:
            self._apologise(error.code, error.message, turn, put)
        self._make_room(context, talk)

    def _apologise(self, code: str, reason: str, turn: Turn, put: Callable[[Reply], None]) -> None:
        """Say that it failed, once; `reason` is a sentence of ours, for the log."""
        self._failed(code)
        log.warning("model_failed", code=code, reason=reason)
        put(Say(turn.phrases.text("model_failed")))

    # -- when the context is full --------------------------------------------------------------------------------------

    def _make_room(self, context: Context, talk: Talk) -> None:
        """Beside the conversation: nobody waits for it."""
        memory = talk.memory
        if context.tokens <= context.room * FULL or (memory.work is not None and not memory.work.done()):
            return
        items = oldest(context, memory, KEPT)
        if items:
            memory.work = asyncio.create_task(self._summarise(items, memory))

    async def _summarise(self, items: Sequence[Item], memory: Memory) -> None:
        """Of what the model cannot be given any more, the sum; where that fails, nothing."""
        said = [f"{'Assistant' if item.role is Role.ASSISTANT else 'User'}: {item.text}" for item in items]
        text = "\n".join([*([memory.summary] if memory.summary else []), *said]).encode("utf-8", "replace").decode()
        fits = text[-CHARACTERS_A_TOKEN * self._context_tokens :]
        asked = [Message(role="system", text=SUMMARISE), Message(role="user", text=fits)]
        try:
            async with asyncio.timeout(SUMMARY_S), aclosing(self._model.write(asked, ())) as pieces:
                written = [piece.text async for piece in pieces if isinstance(piece, Written)]
            memory.summary = _without_thoughts("".join(written))[:SUMMARY_CHARACTERS]
        except (EngineFault, TimeoutError):
            self._failed("model_summary")
            log.warning("model_failed", code="model_summary")
        memory.summarised |= {item.id for item in items}
        for item in items:
            memory.calls.pop(item.id, None)


def _without_thoughts(text: str) -> str:
    return text.rpartition("</think>")[2].strip()


def _tools(skills: Skills, context_tokens: int) -> list[Tool]:
    """What the model may call now: our own skills and, as far as they leave room, the tools of others."""
    tools: dict[str, Tool] = {}
    room = context_tokens * TOOLS
    for skill in skills.all:
        tool = Tool(name=skill.call_name, description=skill.description, parameters=skill.schema)
        room -= tokens(msgspec.json.encode(tool).decode())
        if skill.name not in NOT_FOR_MODELS and (room >= 0 or not skill.says_result):
            tools.setdefault(tool.name, tool)
    return list(tools.values())
