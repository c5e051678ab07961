"""Every command in general: its help, its page in the docs, its errors."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from sottovoce import __version__
from sottovoce.cli import app
from sottovoce.cli.exits import ExitCode
from tests.cli.conftest import Run
from tests.servers import ROOT

TOP: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def commands(of: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Name and command, of groups those below them."""
    for name, command in of.items():
        if hasattr(command, "commands"):
            yield from commands(command.commands, f"{above}{name} ")
        else:
            yield above + name, command


COMMANDS: dict[str, Any] = dict(commands(TOP))
"""Name to command; those of a group have two words or more."""
PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


def test_the_version_is_the_packages(run_process: Run) -> None:
    answer = run_process("--version")
    assert (answer.code, answer.out) == (0, f"sottovoce {__version__}\n")


def test_alone_it_lists_its_commands(run: Run) -> None:
    listed = run().out
    assert [name for name in TOP if f" {name} " not in listed] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_has_examples_and_exit_codes(name: str) -> None:
    told = COMMANDS[name].help
    assert re.search(rf"- `(sudo )?sottovoce {name}", told)
    assert "**Exit codes**: 0 " in told


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_documented(name: str) -> None:
    part = PAGE.partition(f"\n## sottovoce {name}\n")[2].partition("\n## ")[0]
    options = [option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")]
    assert len(part) > 100
    assert [option for option in options if f"`{option}" not in part] == []


def test_every_exit_code_is_documented() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert listed == {code.value for code in ExitCode}


@pytest.mark.parametrize("arguments", [("fly",), ("serve", "--port", "many"), ("talk", "--wait", "-1")])
def test_wrong_use_is_2(run: Run, arguments: tuple[str, ...]) -> None:
    answer = run(*arguments)
    assert answer.code == ExitCode.WRONG_USE
    assert "Traceback" not in answer.err
