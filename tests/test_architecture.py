"""Who may import whom: docs/explanation/architecture.md, held.

The rules are pure functions over `{module: modules it imports}`, so that each can be shown to catch what it is for.
Imports inside functions and under TYPE_CHECKING count like any other.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "sottovoce"
SOURCE = Path(__file__).parent.parent / "src" / PACKAGE

Imports = Mapping[str, frozenset[str]]

BELOW_HTTP = frozenset({"core", "wire", "vault", "store", "speech", "orchestrator", "tasks"})
ARROWS: Mapping[str, frozenset[str]] = {
    "core": frozenset(),
    "wire": frozenset({"core"}),
    "vault": frozenset({"core"}),
    "store": frozenset({"core", "vault"}),
    "speech": frozenset({"core", "vault.lockdown"}),
    "orchestrator": frozenset({"core", "speech.base", "speech.openai_url"}),
    "tasks": frozenset({"core", "store", "vault", "orchestrator"}),
    "live": BELOW_HTTP | {"logs"},
    "http": frozenset({"live", "wire", "core", "vault", "logs"}),
    "client": frozenset({"wire", "vault"}),
    "errors": frozenset(),
    "logs": frozenset(),
    "settings": frozenset({"core.addresses"}),
    "app": BELOW_HTTP | {"live", "http", "logs", "settings"},
    "audit": frozenset({"client", "orchestrator.skills", "speech.detector"}),
    "cli": frozenset(
        {"app", "audit", "settings", "client", "vault.api_keys", "vault.keys", "vault.lockdown", "vault.store_key"}
    ),
    "__main__": frozenset({"cli"}),
    "__init__": frozenset(),
}
"""Room to what it may import besides itself and errors. A dotted name lets in that one module only."""

PURE_ROOMS = frozenset({"core", "wire"})
IMPURE = frozenset({"asyncio", "logging", "random", "secrets", "socket", "structlog", "threading", "time"})


def room_of(module: str) -> str:
    """`sottovoce.core.task` is in `core`, `sottovoce.errors` in `errors`, `sottovoce` itself in `__init__`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def ours(module: str) -> bool:
    return module == PACKAGE or module.startswith(PACKAGE + ".")


def may_import(importer: str, imported: str) -> bool:
    room, target = room_of(importer), room_of(imported)
    inside = imported.removeprefix(PACKAGE + ".")
    # The package itself runs before any of its modules anyway, and imports nothing.
    return target in {room, "errors", "__init__"} or any(
        inside == arrow or inside.startswith(arrow + ".") for arrow in ARROWS.get(room, frozenset())
    )


def forbidden_arrows(imports: Imports) -> list[str]:
    return sorted(
        f"{importer} -> {imported}"
        for importer, many in imports.items()
        for imported in many
        if ours(imported) and not may_import(importer, imported)
    )


def impurities(imports: Imports) -> list[str]:
    return sorted(
        f"{importer} -> {imported}"
        for importer, many in imports.items()
        for imported in many
        if room_of(importer) in PURE_ROOMS and imported.split(".")[0] in IMPURE
    )


def circle(imports: Imports) -> list[str]:
    """The modules of one circle of imports; empty where there is none."""
    graph = {importer: {imported for imported in many if ours(imported)} for importer, many in imports.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        cycle: list[str] = found.args[1]
        return cycle
    return []


def unknown_rooms(imports: Imports) -> list[str]:
    return sorted({room_of(module) for module in imports} - set(ARROWS))


def imported_by(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[str]:
    """Names as they are written, made absolute; `from a import b` gives `a.b`, a module or a name in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def read_imports(files: Mapping[str, tuple[str, bool]]) -> dict[str, frozenset[str]]:
    """From `{module: (source, is_package)}`; names in our modules become the modules that hold them."""

    def to_module(name: str) -> str:
        return name if name in files or not ours(name) else name.rpartition(".")[0]

    return {
        module: frozenset(map(to_module, imported_by(ast.parse(source), module, is_package=is_package)))
        for module, (source, is_package) in files.items()
    }


def files_of_package() -> dict[str, tuple[str, bool]]:
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = [PACKAGE, *path.relative_to(SOURCE).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        found[".".join(parts[:-1] if is_package else parts)] = (path.read_text(encoding="utf-8"), is_package)
    return found


@pytest.fixture(scope="module")
def imports() -> Imports:
    return read_imports(files_of_package())


def test_the_whole_package_is_read(imports: Imports) -> None:
    assert {"sottovoce", "sottovoce.errors", "sottovoce.core.task", "sottovoce.speech.base"} <= set(imports)


def test_every_room_has_its_line_in_the_table(imports: Imports) -> None:
    assert unknown_rooms(imports) == []


def test_every_import_follows_an_arrow(imports: Imports) -> None:
    assert forbidden_arrows(imports) == []


def test_no_import_runs_in_a_circle(imports: Imports) -> None:
    assert circle(imports) == []


def test_the_pure_rooms_are_pure(imports: Imports) -> None:
    assert impurities(imports) == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("core.turn", "wire.events"),
        ("wire.decode", "store.base"),
        ("vault.tickets", "store.base"),
        ("store.memory", "live.hub"),
        ("speech.silero", "orchestrator.grammar"),
        ("orchestrator.skills", "speech.espeak"),
        ("orchestrator.skills", "speech"),
        ("tasks.local", "speech.base"),
        ("live.runner", "http.stream"),
        ("http.sessions", "store.base"),
        ("http.sessions", "app"),
        ("client.talk", "core.audio"),
        ("cli", "live.hub"),
        ("cli", "vault.tickets"),
        ("speech.espeak_worker", "vault.sealing"),
        ("audit.plants", "live.hub"),
        ("app", "audit.forgetting"),
        ("errors", "core.task"),
        ("core.turn", "settings"),
        ("live.hub", "app"),
        ("app", "cli"),
    ],
)
def test_a_forbidden_arrow_is_caught(importer: str, imported: str) -> None:
    planted = {f"sottovoce.{importer}": frozenset({f"sottovoce.{imported}"})}
    assert forbidden_arrows(planted) == [f"sottovoce.{importer} -> sottovoce.{imported}"]


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("orchestrator.skills", "speech.base"),
        ("live.runner", "wire.decode"),
        ("core.turn", "core.events"),
        ("http.problems", "errors"),
        ("core.task", "errors"),
        ("cli", "client.talk"),
        ("cli", "audit.forgetting"),
        ("speech.espeak_worker", "vault.lockdown"),
    ],
)
def test_an_arrow_of_the_table_is_let_through(importer: str, imported: str) -> None:
    assert forbidden_arrows({f"sottovoce.{importer}": frozenset({f"sottovoce.{imported}"})}) == []


@pytest.mark.parametrize("library", sorted(IMPURE))
def test_an_impurity_is_caught(library: str) -> None:
    planted = {
        "sottovoce.core.turn": frozenset({f"{library}.part"}),
        "sottovoce.wire.decode": frozenset({library}),
        "sottovoce.live.hub": frozenset({library}),
    }
    assert impurities(planted) == [f"sottovoce.core.turn -> {library}.part", f"sottovoce.wire.decode -> {library}"]


def test_a_circle_is_caught() -> None:
    planted = {
        "sottovoce.core.a": frozenset({"sottovoce.core.b"}),
        "sottovoce.core.b": frozenset({"sottovoce.core.c", "math"}),
        "sottovoce.core.c": frozenset({"sottovoce.core.a"}),
    }
    assert set(circle(planted)) == set(planted)


def test_a_room_without_a_line_is_caught() -> None:
    assert unknown_rooms({"sottovoce.cellar.wine": frozenset()}) == ["cellar"]


HUB = """
import asyncio as a, sottovoce.core.audio
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from sottovoce.core.task import Task
def lazily():
    from sottovoce import core
    from ..core import audio
    from . import runner
"""


def test_imports_are_found_wherever_and_however_they_are_written() -> None:
    files = {
        "sottovoce.core": ("", True),
        "sottovoce.core.task": ("Task = 1", False),
        "sottovoce.core.audio": ("", False),
        "sottovoce.live": ("from . import hub", True),
        "sottovoce.live.hub": (HUB, False),
        "sottovoce.live.runner": ("", False),
    }
    found = read_imports(files)
    assert found["sottovoce.live"] == {"sottovoce.live.hub"}
    assert found["sottovoce.live.hub"] == {
        "asyncio",
        "sottovoce.core.audio",
        "typing.TYPE_CHECKING",
        "sottovoce.core.task",
        "sottovoce.core",
        "sottovoce.live.runner",
    }
