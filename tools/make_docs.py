"""Writes what is made from code: parts of docs/, each between its two marker lines, and the JavaScript client's types.

usage: python -m tools.make_docs
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from pydantic_core import PydanticUndefined

from sottovoce import errors
from sottovoce.core import session, task
from sottovoce.settings import PREFIX, Settings
from sottovoce.wire import client_events, server_events
from tools.js_events import js_events

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src"

T = TypeVar("T")
S = TypeVar("S", bound=StrEnum)
G = TypeVar("G", bound=StrEnum)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def first_sentence(thing: object) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((thing.__doc__ or "").split("\n\n")[0].split())


def every_subclass(root: type[T]) -> Iterator[type[T]]:
    """In the order in which they are written, parents first."""
    for child in root.__subclasses__():
        yield child
        yield from every_subclass(child)


def settings_table() -> str:
    """Every setting."""

    def rows() -> Iterator[tuple[str, ...]]:
        for name, field in Settings.model_fields.items():
            fixed = field.default is not PydanticUndefined and field.default not in (None, (), {})
            default = f"`{_written(field.default)}`" if fixed else ""
            yield f"`{name}`", f"`{PREFIX}{name.upper()}`", default, field.description or ""

    return table(("setting", "in the environment", "default", "what it does"), rows())


def _written(value: object) -> str:
    """A setting's value as the environment has it."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def errors_table() -> str:
    """Every error that has a code of its own."""
    tree: list[type[errors.SottovoceError]] = [errors.SottovoceError, *every_subclass(errors.SottovoceError)]

    def rows() -> Iterator[tuple[str, ...]]:
        for error in tree:
            if "code" in vars(error) and error is not errors.BadMessage:
                # A branch of the tree is for what has no code of its own: its docstring is about its leaves.
                when = error.detail if error.__subclasses__() else first_sentence(error)
                yield f"`{error.code}`", str(error.status), "yes" if error.passes else "no", when

    return table(("code", "status", "worth trying again", "when"), rows())


def message_reasons() -> set[str]:
    """The codes that a wrong stream message can be answered with: every `reason` that the code gives a BadMessage."""
    calls = (
        node
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "BadMessage"
    )
    given = [word.value for call in calls for word in call.keywords if word.arg == "reason"]
    return {value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)}


def events_table(root: type[msgspec.Struct]) -> str:
    """Every event of one direction."""

    def rows() -> Iterator[tuple[str, ...]]:
        for event in every_subclass(root):
            fields = [field.name for field in msgspec.structs.fields(event) if field.name != "event_id"]
            yield f"`{event.__struct_config__.tag}`", ", ".join(f"`{name}`" for name in fields), first_sentence(event)

    return table(("type", "fields besides `event_id`", "says"), rows())


def state_diagram(transitions: Mapping[tuple[S, G], S], first: S, last: frozenset[S] | set[S]) -> str:
    """Mermaid's form of a table of states; signals between the same two states share an arrow."""
    arrows: dict[tuple[S, S], list[str]] = {}
    for (before, signal), after in transitions.items():
        arrows.setdefault((before, after), []).append(signal.value)
    lines = [f"    [*] --> {first.value}"]
    lines += [f"    {before.value} --> {after.value}: {', '.join(by)}" for (before, after), by in arrows.items()]
    lines += [f"    {state.value} --> [*]" for state in type(first) if state in last]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def session_states() -> str:
    """The life of a session."""
    return state_diagram(session.TRANSITIONS, session.Status.CREATED, session.ENDED)


def task_states() -> str:
    """The life of a task."""
    return state_diagram(task.TRANSITIONS, task.TaskState.SUBMITTED, set(task.TaskState) - task.PENDING)


MADE: Mapping[tuple[str, str], Callable[[], str]] = {
    ("reference/settings.md", "settings"): settings_table,
    ("reference/errors.md", "errors"): errors_table,
    ("reference/stream.md", "client events"): lambda: events_table(client_events.ClientEvent),
    ("reference/stream.md", "server events"): lambda: events_table(server_events.ServerEvent),
    ("reference/session-states.md", "states"): session_states,
    ("reference/task-states.md", "states"): task_states,
}
"""A file under docs/ and the name of a part of it, to what makes the part."""

FILES: Mapping[Path, Callable[[], str]] = {ROOT / "clients" / "js" / "src" / "events.js": js_events}
"""Files that are made as a whole."""


def with_part(page: str, name: str, made: str) -> str:
    """The page with this part made anew. Raises ValueError where the page has no such markers."""
    begin, end = f"<!-- made by `make docs`: {name} -->\n", "<!-- made -->\n"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no markers of the part {name!r}")
    return f"{before}{begin}\n{made}\n\n{end}{after}"


def pages() -> dict[Path, str]:
    """Everything that is made or has made parts, as it should read."""
    made: dict[Path, str] = {path: make() for path, make in FILES.items()}
    for (place, name), make in MADE.items():
        path = DOCS / place
        made[path] = with_part(made.get(path) or path.read_text(encoding="utf-8"), name, make())
    return made


def main() -> None:
    """Write what is not current."""
    for path, page in pages().items():
        if path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
