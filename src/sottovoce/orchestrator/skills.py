"""Skills: typed Python functions that answer at once, or run as tasks.

    from sottovoce.orchestrator.skills import Job, SkillSet, task_skill

    @task_skill
    async def tea(job: Job, seconds: Seconds = 240) -> dict[str, int]:
        job.say("I'll tell you when the tea is ready.")
        await job.until(job.now() + timedelta(seconds=seconds))
        job.say("The tea is ready.")
        return {"seconds": seconds}

    SKILLS = SkillSet(skills=(tea,), templates={"en": YAML})

A package offers its SkillSet by an entry point of the group `sottovoce.skills`. The intents in its templates have the
names of its skills, and their slots the names of the skills' parameters. Arguments are checked against the function's
annotations, so that the skill sees only what it declared.
"""

import copy
import dataclasses
import functools
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol, get_type_hints, overload

import msgspec

from sottovoce.errors import InvalidArguments, SettingsInvalid, UnknownTaskType
from sottovoce.orchestrator.base import Reply, Talk, Tasks
from sottovoce.orchestrator.grammar import compile_jsgf
from sottovoce.orchestrator.phrases import Phrases
from sottovoce.orchestrator.templates import Templates, languages, load

ENTRY_POINTS = "sottovoce.skills"
FALLBACK_LANGUAGE = "en"
LONGEST_TEXT = 2_000
LONGEST_SECONDS = 366 * 86_400
EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Of moments: beyond them, some time zone has no date."""

Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
"""Free words."""
Seconds = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)]
"""An amount of time."""
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment; in JSON an RFC 3339 text with its offset."""

ANSWERS: Mapping[str, Any] = {"yes_no": bool, "text": Text, "duration": Seconds, "moment": Moment}
"""What a question may expect (`Task.expects`), and the type of its answer."""


class Job(Protocol):
    """A running task, as its skill sees it."""

    language: str
    """"en", "de"."""
    phrases: Phrases
    ends_at: datetime
    """When the session's time is over."""
    tasks: Tasks
    """All tasks of the session, this one among them."""
    task_id: str

    def now(self) -> datetime:
        """The present in the user's time zone."""

    def say(self, text: str) -> None:
        """Say it as soon as the user is silent."""

    @overload
    async def ask(self, question: str, expects: Literal["yes_no"]) -> bool: ...
    @overload
    async def ask(self, question: str, expects: Literal["text"], *, argument: str | None = None) -> str: ...
    @overload
    async def ask(self, question: str, expects: Literal["duration"], *, argument: str | None = None) -> int: ...
    @overload
    async def ask(self, question: str, expects: Literal["moment"], *, argument: str | None = None) -> datetime: ...
    async def ask(self, question: str, expects: str, *, argument: str | None = None) -> Any:
        """Put a question, as soon as the user is silent, and wait for its answer (seconds for a duration).

        With `argument`, the answer becomes that argument of the task, as if it had been given at the start. A question
        that nobody answers in time ends the task, and so does "no" where something else was expected.
        """

    async def progress(self, done: float | None, message: str | None = None) -> None:
        """Tell the client how far the task has come, 0 to 1, if that is known, and what it is doing. More often than
        twice a second is left out."""

    async def until(self, moment: datetime) -> None:
        """Wait for a moment. A task that waits takes no place of one that runs."""


@dataclasses.dataclass(frozen=True)
class Turn:
    """What a skill that answers at once has to go by."""

    talk: Talk
    now: datetime
    """The present in the user's time zone."""
    phrases: Phrases


Answer = str | Sequence[Reply]


_NOT_IN_CALLS: Final = re.compile(r"[^A-Za-z0-9_-]")


class SkillFailed(Exception):
    """A task's skill gives up. `why` becomes the task's `error_message`: it is for the client only and may hold what
    was said, so it is no part of the exception's own text."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


@dataclasses.dataclass(frozen=True)
class Skill(ABC):
    """One skill: a typed function, or a tool that brings a JSON schema."""

    name: str
    run: Callable[..., Awaitable[Any]]
    """Takes a Job or a Turn, by position, and the arguments that `read` returns, by name."""
    is_task: bool
    description: str
    """What it does, in a sentence or a few."""
    says_result: ClassVar[bool] = False
    """What it says in the end is its result: a language model that called it says it in words of its own."""

    @property
    def call_name(self) -> str:
        """What language models call it: letters, digits, _ and - are all that some know."""
        return _NOT_IN_CALLS.sub("_", self.name)

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON schema of its arguments, an object without references."""

    @abstractmethod
    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as `run` takes them; those not given are missing. Raises InvalidArguments, naming the
        argument."""

    @abstractmethod
    def normal(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as JSON values in one form. Raises InvalidArguments."""


@dataclasses.dataclass(frozen=True)
class FunctionSkill(Skill):
    """A typed function: made by `task_skill` or `immediate_skill`."""

    arguments: type[msgspec.Struct]
    """What it takes, as a struct."""

    @functools.cached_property
    def schema(self) -> dict[str, Any]:
        """See Skill."""
        schema = msgspec.json.schema(self.arguments)
        parts: dict[str, Any] = schema.pop("$defs", {})
        whole = _inlined(schema, parts)
        whole.pop("title", None)
        return {**whole, "additionalProperties": False}

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See Skill: as typed values."""
        fields = self.arguments.__struct_fields__
        unknown = [name for name in arguments if name not in fields]
        if unknown:
            raise InvalidArguments(f"{self.name} takes {_listed(fields)}, not {shown(unknown[0])}")
        try:
            values = msgspec.convert(dict(arguments), self.arguments)
        except msgspec.ValidationError as error:
            raise InvalidArguments(_explain(self.name, str(error))) from None
        read = {name: value for name in fields if (value := getattr(values, name)) is not msgspec.UNSET}
        for name, value in read.items():
            if isinstance(value, datetime) and not EARLIEST <= value <= LATEST:
                raise InvalidArguments(f"{self.name}: {name}: Expected a moment between the years 2 and 9998")
        return read

    def normal(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """See Skill: moments in UTC."""
        values = self.read(arguments)
        utc = {name: v.astimezone(UTC) if isinstance(v, datetime) else v for name, v in values.items()}
        built = msgspec.to_builtins(utc)
        return {name: value for name, value in built.items() if value is not None}


def task_skill(run: Callable[..., Awaitable[Any]]) -> FunctionSkill:
    """Make a function `async def name(job: Job, …) -> result` a skill that runs as a task of the type `name`."""
    return _skill(run, is_task=True)


def immediate_skill(run: Callable[..., Awaitable[Answer]]) -> FunctionSkill:
    """Make a function `async def name(turn: Turn, …) -> Answer` a skill that answers at once."""
    return _skill(run, is_task=False)


def _skill(run: Callable[..., Awaitable[Any]], *, is_task: bool) -> FunctionSkill:
    name = run.__name__
    hints = get_type_hints(run, include_extras=True)
    parameters = list(inspect.signature(run).parameters.values())[1:]
    fields = [
        (p.name, hints[p.name]) if p.default is p.empty else (p.name, hints[p.name] | msgspec.UnsetType, msgspec.UNSET)
        for p in parameters
    ]
    description = " ".join((inspect.getdoc(run) or "").split("\n\n")[0].split())
    return FunctionSkill(name, run, is_task, description, msgspec.defstruct(name, fields, kw_only=True))


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    """The schema with the parts it refers to in their places: some models' servers know no references."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
        return {name: _inlined(value, parts) for name, value in schema.items()}
    return [_inlined(value, parts) for value in schema] if isinstance(schema, list) else schema


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "no arguments"


def shown(name: object) -> str:
    """A client's own word, if it is one: nothing that may be a sentence goes into an error."""
    return repr(name) if isinstance(name, str) and re.fullmatch(r"\w{1,32}", name) else "an argument of another name"


def _explain(skill: str, error: str) -> str:
    """What msgspec says, the argument first: "Expected `int`, got `str` - at `$.seconds`" is its order."""
    what, _, where = error.partition(" - at `$.")
    name = where.rstrip("`").partition(".")[0]
    return f"{skill}: {name}: {what}" if name else f"{skill}: {what}"


@dataclasses.dataclass(frozen=True)
class SkillSet:
    """The skills that one package brings, and how they are called: YAML of templates by language."""

    skills: tuple[FunctionSkill, ...]
    templates: Mapping[str, str] = dataclasses.field(default_factory=dict)


class Skills:
    """All skills there are."""

    def __init__(self, sets: Sequence[SkillSet]) -> None:
        self._sets = tuple(sets)
        self._by_name: dict[str, Skill] = {}
        self._tools: Mapping[str, Skill] = {}
        for skill in (skill for each in self._sets for skill in each.skills):
            if skill.name in self._by_name:
                raise ValueError(f"Two skills are named {skill.name}")
            self._by_name[skill.name] = skill
        self.languages = languages()
        self._templates = functools.cache(self._load)
        self._phrases = functools.cache(lambda language: Phrases(self._templates(language)))

    @classmethod
    @functools.cache
    def installed(cls) -> "Skills":
        """Those of every installed package, ours first. Raises SettingsInvalid if there are none."""
        points = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: (point.name != "builtin", point.name))
        if not points:
            raise SettingsInvalid("No skills are installed, not even ours: install the package, by `make setup`")
        return cls([point.load() for point in points])

    def together_with(self, tools: Mapping[str, Skill]) -> "Skills":
        """These, and the tools that stand in a mapping, by their names. That may change at any time; whoever holds a
        skill of it may go on with it."""
        both = copy.copy(self)
        both._tools = tools  # noqa: SLF001 - it is one of us
        return both

    @property
    def all(self) -> tuple[Skill, ...]:
        """Those there are now: in the order of their sets, then the tools."""
        return (*self._by_name.values(), *self._tools.values())

    @property
    def task_types(self) -> tuple[str, ...]:
        """The names of those that run as tasks."""
        return tuple(sorted(skill.name for skill in self.all if skill.is_task))

    def get(self, name: str) -> Skill | None:
        """The skill of that name."""
        return self._by_name.get(name) or self._tools.get(name)

    def called(self, call_name: str) -> Skill | None:
        """The skill that language models call so; of several, the first."""
        return next((skill for skill in self.all if skill.call_name == call_name), None)

    def task(self, type_: str) -> Skill:
        """The skill that runs as tasks of this type. Raises UnknownTaskType, naming the types there are."""
        skill = self.get(type_)
        if skill is None or not skill.is_task:
            raise UnknownTaskType(f"No task is of that type; there are {', '.join(self.task_types)}")
        return skill

    def templates(self, language: str) -> Templates:
        """How they are called in a language. Raises LanguageNotSupported."""
        return self._templates(language)

    def phrases(self, language: str) -> Phrases:
        """What is said in a language, in English if it is none of ours."""
        return self._phrases(language if language in self.languages else FALLBACK_LANGUAGE)

    @functools.cached_property
    def grammars(self) -> Mapping[str, str]:
        """The JSGF grammar of each language, for recognisers."""
        return {language: compile_jsgf(self._templates(language)) for language in self.languages}

    def _load(self, language: str) -> Templates:
        templates = load(language, [each.templates[language] for each in self._sets if language in each.templates])
        unknown = [name for name in templates.intents.intents if name not in self._by_name]
        if unknown:
            raise ValueError(f"Sentences call a skill that is not there: {', '.join(unknown)}")
        return templates
