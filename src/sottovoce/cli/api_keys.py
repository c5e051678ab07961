"""`sottovoce keys api`: the credentials of callers."""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sottovoce.cli.exits import ExitCode, told
from sottovoce.errors import SettingsInvalid
from sottovoce.vault import api_keys
from sottovoce.vault.api_keys import ApiKey

app = typer.Typer(
    help="""Make, list and withdraw API keys: what callers show to a server that others can reach.

The file holds hashes only; the server reads it again when it changes.

**Examples**

- `sottovoce keys api new api-keys.json --name clinic-app --namespace 'clinic.*'`
- `sottovoce keys api list api-keys.json`
- `sottovoce keys api withdraw api-keys.json clinic-app`
- `sottovoce serve --host 0.0.0.0 --public-url https://voice.example.org --api-keys api-keys.json`

**Exit codes**: 0 done; 2 the file cannot be read or written, there is no such key, or one of that name already.
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
File = Annotated[Path, typer.Argument(help="The file of API keys; `new` makes it if it is not there.")]
DAYS = 365
MOST_DAYS = 3650


@app.command()
def new(
    file: File,
    *,
    name: Annotated[str, typer.Option(help="What to call the key in logs, and to withdraw it by.")],
    namespace: Annotated[
        list[str], typer.Option(help="A namespace that it is for; * stands for any characters. May be given again.")
    ],
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="How long it is good for.")] = DAYS,
) -> None:
    """Make a key, show it once, and add its hash to the file.

    **Examples**

    - `sottovoce keys api new api-keys.json --name clinic-app --namespace 'clinic.*'`
    - `sottovoce keys api new api-keys.json --name alice --namespace alice --days 30`

    **Exit codes**: 0 made; 2 the file cannot be read or written, there is a key of that name, or a name is malformed.
    """
    with told(ExitCode.WRONG_USE), _alone(file):
        keys = api_keys.read(file) if file.exists() else []
        if any(key.name == name for key in keys):
            raise SettingsInvalid(f"{file} has a key named {name} already: take another name, or withdraw that one")
        expires_at = (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)
        text, key = api_keys.issue(name, namespace, expires_at)
        _write(file, [*keys, key])
    typer.echo(text)
    typer.echo(
        f"This is the key {name}, shown this once: callers send it as `Authorization: Bearer`. It is good for "
        f"{', '.join(namespace)} until {expires_at:%Y-%m-%d}; {file} holds its hash.",
        err=True,
    )


@app.command("list")
def list_(file: File) -> None:
    """Show which keys there are, for which namespaces, until when.

    **Examples**

    - `sottovoce keys api list api-keys.json`

    **Exit codes**: 0 shown; 2 it is no file of API keys.
    """
    with told(ExitCode.WRONG_USE):
        keys = api_keys.read(file)
    table = Table("name", "namespaces", "good until")
    now = datetime.now(UTC)
    for key in keys:
        until = f"{key.expires_at:%Y-%m-%d %H:%M} UTC"
        table.add_row(key.name, ", ".join(key.namespaces), until if key.expires_at > now else f"{until} (over)")
    Console().print(table)


@app.command()
def withdraw(file: File, name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """Take a key out of the file: within a second it opens nothing more. Sessions that it opened go on.

    **Examples**

    - `sottovoce keys api withdraw api-keys.json clinic-app`

    **Exit codes**: 0 withdrawn; 2 there is no such key, or the file cannot be read or written.
    """
    with told(ExitCode.WRONG_USE), _alone(file):
        keys = api_keys.read(file)
        left = [key for key in keys if key.name != name]
        if len(left) == len(keys):
            raise SettingsInvalid(f"{file} has no key named {name}; those there are: sottovoce keys api list {file}")
        _write(file, left)
    typer.echo(f"Withdrawn: {name}.")


@contextmanager
def _alone(file: Path) -> Generator[None, None, None]:
    """No other command changes the file meanwhile: it would bring a key back that is being withdrawn.

    Raises SettingsInvalid.
    """
    try:
        folder = os.open(file.resolve().parent, os.O_RDONLY)
    except OSError as error:
        raise SettingsInvalid(f"{file} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # the file itself is another one after each change
        yield
    finally:
        os.close(folder)


def _write(file: Path, keys: list[ApiKey]) -> None:
    """In one step, so that a server never reads half of it; whoever could read it can read it still.

    Raises SettingsInvalid.
    """
    try:
        before = file.stat() if file.exists() else None
        mode = before.st_mode & 0o777 if before is not None else 0o600
        with tempfile.NamedTemporaryFile("w", dir=file.resolve().parent, delete=False, encoding="utf-8") as out:
            out.write(api_keys.to_text(keys))
        if before is not None and (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(out.name, before.st_uid, before.st_gid)
        os.chmod(out.name, mode)  # noqa: PTH101 - of a name, not of an open file
        os.replace(out.name, file.resolve())  # noqa: PTH105
    except OSError as error:
        raise SettingsInvalid(f"{file} cannot be written: {error.strerror}") from None
