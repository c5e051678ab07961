"""A tool of an MCP server as a skill, and what it answers in words that can be spoken."""

import asyncio
import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Final

import msgspec
from mcp.types import Tool

from sottovoce.errors import InvalidArguments
from sottovoce.orchestrator.mcp.base import Answer, Caller, Confirm
from sottovoce.orchestrator.mcp.schema import UnusableSchemaError, misfit, usable
from sottovoce.orchestrator.phrases import Phrases
from sottovoce.orchestrator.skills import Job, Skill, SkillFailed

TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_\-./]{1,128}")
LONGEST_NAME: Final = 64
"""Of a task's type, and of what language models may call."""
DESCRIPTION_CHARACTERS: Final = 1_000
TITLE_CHARACTERS: Final = 60
ASKED_CHARACTERS: Final = 200
SPOKEN_CHARACTERS: Final = 400
ERROR_CHARACTERS: Final = 500
SHORTEST_CUT: Final = 0.5
"""Of what may be spoken: cut at a sentence's end only if so much is left."""
ARGUMENTS_BYTES: Final = 64 * 1024


@dataclasses.dataclass(frozen=True)
class ToolSkill(Skill):
    """A skill that brings a JSON schema."""

    takes: dict[str, Any]
    """A `usable` schema."""
    says_result: ClassVar[bool] = True

    @property
    def schema(self) -> dict[str, Any]:
        """See Skill."""
        return self.takes

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See Skill: as they are."""
        if len(msgspec.json.encode(arguments)) > ARGUMENTS_BYTES:
            raise InvalidArguments(f"{self.name}: the arguments are over {ARGUMENTS_BYTES // 1024} KiB")
        wrong = misfit(self.schema, dict(arguments))
        if wrong is not None:
            raise InvalidArguments(f"{self.name}: {wrong}")
        return dict(arguments)

    def normal(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See Skill: as they are."""
        return self.read(arguments)


def skill_of(tool: Tool, caller: Caller) -> ToolSkill:
    """The tool as a skill named `server.tool`. Raises UnusableSchemaError, also for its name."""
    server = caller.server
    name = f"{server.name}.{tool.name}"
    if TOOL_NAME.fullmatch(tool.name) is None or len(name) > LONGEST_NAME:
        raise UnusableSchemaError(f"its name is over {LONGEST_NAME} letters, digits, _, - and dots")
    schema = usable(tool.input_schema)
    title = _one_line(tool.title or (tool.annotations and tool.annotations.title) or tool.name, TITLE_CHARACTERS)
    title = re.sub(r"[_\-./]+", " ", title)
    description = (tool.description or title)[:DESCRIPTION_CHARACTERS]
    run = _running(tool.name, title, caller, _promised(tool), asks=asks_first(tool, server.confirm))
    return ToolSkill(name, run, is_task=True, description=description, takes=schema)


def asks_first(tool: Tool, confirm: Confirm) -> bool:
    """Whether the user is asked before the tool does anything: where it destroys, or does not say that it does not."""
    if confirm != "destructive":
        return confirm == "always"
    hints = tool.annotations
    if hints is None:
        return True
    return hints.destructive_hint is True or (hints.destructive_hint is None and hints.read_only_hint is not True)


def _promised(tool: Tool) -> dict[str, Any] | None:
    """The schema of its structured answers; None: there is none to hold them to."""
    if tool.output_schema is None:
        return None
    try:
        return usable(tool.output_schema)
    except UnusableSchemaError:
        return None


def _running(
    tool: str, title: str, caller: Caller, promised: Mapping[str, Any] | None, *, asks: bool
) -> Callable[..., Awaitable[Any]]:
    async def run(job: Job, /, **arguments: Any) -> dict[str, Any]:
        phrases = job.phrases
        if asks and not await job.ask(_question(title, arguments, phrases), "yes_no"):
            job.say(phrases.text("tool_not"))
            raise asyncio.CancelledError  # a task that ends itself is a cancelled one
        try:
            answer = await caller.call(tool, arguments, job.progress)
            _check(answer, promised)
        except SkillFailed:
            job.say(phrases.text("tool_failed", tool=title))
            raise
        job.say(spoken(answer.text) or phrases.text("tool_done", tool=title))
        return _result(answer)

    return run


def _check(answer: Answer, promised: Mapping[str, Any] | None) -> None:
    """Raises SkillFailed for an error, and for an answer that is not what its schema promises."""
    if answer.is_error:
        raise SkillFailed(answer.text[:ERROR_CHARACTERS] or "The tool failed, and did not say why")
    if promised is not None and misfit(promised, answer.structured) is not None:
        raise SkillFailed("The tool answered something else than its schema promises")


def _result(answer: Answer) -> dict[str, Any]:
    result: dict[str, Any] = {"text": answer.text}
    if answer.structured is not None:
        result["structured"] = answer.structured
    if answer.left_out:
        result["left_out"] = answer.left_out
    return result


def _question(title: str, arguments: Mapping[str, Any], phrases: Phrases) -> str:
    """With what it is to do, so that it is the right thing that is confirmed."""
    values = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in arguments.items())
    with_ = phrases.piece("tool_with", arguments=_one_line(values, ASKED_CHARACTERS)) if values else ""
    return phrases.text("tool_ask", tool=title, arguments=with_)


def spoken(text: str) -> str:
    """As much of a tool's text as is spoken; empty if it is none for ears: JSON, tables, code."""
    if text.lstrip().startswith(("{", "[", "<", "|", "```")):
        return ""
    return _one_line(text, SPOKEN_CHARACTERS)


def _one_line(text: str, most: int) -> str:
    """Its words, cut at the end of a sentence, or else of a word."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())
    if len(line) <= most:
        return line
    ends = [found.end(1) for found in re.finditer(r"([.!?])\s", line[:most])]
    if ends and ends[-1] >= most * SHORTEST_CUT:
        return line[: ends[-1]]
    return line[:most].rpartition(" ")[0] or line[:most]
