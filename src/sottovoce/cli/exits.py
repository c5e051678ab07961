"""Exit codes, the same for every command, and how an error of ours is told."""

from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum

import typer

from sottovoce.client import ServerUnreachable
from sottovoce.errors import SettingsInvalid, SottovoceError


class ExitCode(IntEnum):
    """What a command ends with."""

    WELL = 0
    NOT_WELL = 1
    """It worked, and found something wanting: no speech in a recording, something missing on this machine."""
    WRONG_USE = 2
    """Arguments, settings or files that cannot be used; a taken port."""
    NO_SERVER = 3
    """No server answers, or it takes no session."""
    CUT_SHORT = 4
    """The conversation began and could not be held to its end."""
    NOT_MADE = 5
    """All that could be looked at is well, and something could not be looked at: no root, a program that is missing."""
    INTERRUPTED = 130
    TERMINATED = 143
    """As the system has it for SIGTERM."""


def exit_code(error: SottovoceError) -> ExitCode:
    """Of an error that was not foreseen by the command."""
    if isinstance(error, SettingsInvalid):
        return ExitCode.WRONG_USE
    return ExitCode.NO_SERVER if isinstance(error, ServerUnreachable) else ExitCode.NOT_WELL


@contextmanager
def told(otherwise: ExitCode | None = None) -> Generator[None, None, None]:
    """Tell an error of ours in a sentence, and exit with its code; anything else is a bug, and has its traceback."""
    try:
        yield
    except SottovoceError as error:
        typer.echo(f"sottovoce: {error.message}", err=True)
        raise typer.Exit(otherwise if otherwise is not None else exit_code(error)) from None
