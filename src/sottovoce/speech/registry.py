"""Engines by URL: `espeak:`, `instant:`, `wyoming://host:port`, … The scheme is the name of an entry point in the group
`sottovoce.engines`, through which built-in engines come like anyone's.

An entry point names a provider: an object with one or more of `recogniser(url, context)`, `synthesiser(url, context)`
and `end_of_turn(url, context)`, each returning an engine not yet started. Language models have a group of their own,
`sottovoce.models`, and are made by `model(url, context)`: they belong to the orchestrator, and may share a scheme with
an engine that hears or speaks.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, cast

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser, TurnJudge

Role = Literal["recogniser", "synthesiser", "end_of_turn", "model"]

GROUPS: Mapping[Role, str] = {
    "recogniser": "sottovoce.engines",
    "synthesiser": "sottovoce.engines",
    "end_of_turn": "sottovoce.engines",
    "model": "sottovoce.models",
}


def make_recogniser(url: str, context: EngineContext) -> Recogniser:
    """The recogniser that `url` names. Raises EngineUrlInvalid, EngineUnavailable when it cannot be loaded."""
    return cast("Recogniser", make_engine(url, "recogniser", context))


def make_synthesiser(url: str, context: EngineContext) -> Synthesiser:
    """The synthesiser that `url` names. Raises EngineUrlInvalid, EngineUnavailable when it cannot be loaded."""
    return cast("Synthesiser", make_engine(url, "synthesiser", context))


def make_turn_judge(url: str, context: EngineContext) -> TurnJudge:
    """Who says whether a turn is over. Raises EngineUrlInvalid, EngineUnavailable when it cannot be loaded."""
    return cast("TurnJudge", make_engine(url, "end_of_turn", context))


def engines(role: Role) -> tuple[str, ...]:
    """The names of all engines installed for a role, in alphabetical order."""
    return tuple(sorted(point.name for point in entry_points(group=GROUPS[role]) if _serves(point, role)))


def make_engine(url: str, role: Role, context: EngineContext) -> Any:
    """What `url` names for a role. Raises EngineUrlInvalid, EngineUnavailable when it cannot be loaded."""
    name, colon, _ = url.partition(":")
    name = name.lower()
    if not colon:
        raise EngineUrlInvalid(
            f"An engine is named by a URL, {_shown(name) or 'espeak'}: with a colon; {_choice(role)}"
        )
    provider = _load(_find(name, role))
    if not hasattr(provider, role):
        raise EngineUrlInvalid(f"{name} is no {role}; {_choice(role)}")
    try:
        return getattr(provider, role)(url, context)
    except ImportError as error:
        raise _missing(name, error) from error


def _find(name: str, role: Role) -> EntryPoint:
    points = entry_points(group=GROUPS[role], name=name)
    if not points:
        raise EngineUrlInvalid(f"There is no engine named {_shown(name)}; {_choice(role)}")
    if len(points) > 1:
        # Which of them is meant would depend on the order of installation.
        packages = ", ".join(sorted(point.dist.name for point in points if point.dist is not None))
        raise EngineUrlInvalid(f"Several packages have an engine named {name}: {packages}")
    (point,) = points
    return point


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except ImportError as error:
        raise _missing(point.name, error) from error
    except AttributeError:
        raise EngineUnavailable(f"The engine {point.name} cannot be loaded: {point.value} is not there") from None


def _missing(name: str, error: ImportError) -> EngineUnavailable:
    why = f"the module {error.name} is missing" if error.name else "one of its modules is broken"
    return EngineUnavailable(f"The engine {name} cannot be loaded: {why}")


def _serves(point: EntryPoint, role: Role) -> bool:
    try:
        return hasattr(_load(point), role)
    except EngineUnavailable:
        return False


def _choice(role: Role) -> str:
    return f"for the {role} there are " + ", ".join(f"{name}:" for name in engines(role))


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)
