"""`sottovoce keys`."""

import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer

from sottovoce.cli import api_keys
from sottovoce.cli.exits import ExitCode, told
from sottovoce.errors import InvalidPublicKeys, SettingsInvalid
from sottovoce.vault.keys import NamespaceKeys
from sottovoce.vault.store_key import new_text

app = typer.Typer(
    help="""Make and look at the keys of a namespace: what is sealed to them opens for nobody else.

**Examples**

- `sottovoce keys new alice.keys`
- `sottovoce keys show alice.keys`
- `sottovoce keys store store.key`

**Exit codes**: 0 done; 2 the file cannot be written, or holds no keys.
""",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(api_keys.app, name="api")
OWNER_ONLY = 0o600


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="Where to write the keys: a new file, for its owner's eyes only.")],
) -> None:
    """Make the keys of a namespace: one to seal to it (X25519), one to prove to be it (Ed25519).

    Keep the file: whoever has it can act as the namespace and open what was sealed to it, and nobody can without.

    **Examples**

    - `sottovoce keys new alice.keys`
    - `sottovoce talk --namespace alice --keys alice.keys question.wav`

    **Exit codes**: 0 made; 2 the file is there already, or cannot be written.
    """
    keys = NamespaceKeys.generate()
    _write_new(file, keys.to_text())
    typer.echo(f"Made {file}. Its fingerprint (key_hash) is {keys.public.key_hash}")


@app.command()
def store(
    file: Annotated[Path, typer.Argument(help="Where to write the key: a new file, for its owner's eyes only.")],
) -> None:
    """Make the key that all nodes of a shared store (Valkey) need: what they keep there is sealed under it.

    Give the same file to each node (store_key_file). A new key makes what is in the store unreadable, and its sessions
    end with their nodes.

    **Examples**

    - `sottovoce keys store store.key`
    - `SOTTOVOCE_STORE=valkey://127.0.0.1:6379/0 SOTTOVOCE_STORE_KEY_FILE=store.key sottovoce serve`

    **Exit codes**: 0 made; 2 the file is there already, or cannot be written.
    """
    _write_new(file, new_text())
    typer.echo(f"Made {file}. Each node of the store needs a copy; nobody else does")


@app.command()
def show(file: Annotated[Path, typer.Argument(help="A file that `keys new` made.")]) -> None:
    """Show what of a namespace's keys may be shown: the fingerprint and the public halves.

    **Examples**

    - `sottovoce keys show alice.keys`

    **Exit codes**: 0 shown; 2 it is no file of keys.
    """
    public = read_keys(file).public
    view = public.view()
    typer.echo(f"key_hash     {public.key_hash}")
    typer.echo(f"sealing      {view['sealing']} (X25519)")
    typer.echo(f"proof        {view['proof']['key']} ({view['proof']['alg']})")


def _write_new(file: Path, text: str) -> None:
    """A file for its owner's eyes only; where it is there already, says so and ends the command."""
    with told(ExitCode.WRONG_USE):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        except FileExistsError:
            raise SettingsInvalid(f"{file} is there already, and is not overwritten: take another name") from None
        except OSError as error:
            raise SettingsInvalid(f"{file} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)


def read_keys(file: Path) -> NamespaceKeys:
    """The keys in a file; where there are none, says so and ends the command."""
    with told(ExitCode.WRONG_USE):
        try:
            return NamespaceKeys.from_text(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsInvalid(
                f"{file}, the file of keys, cannot be read: {error.strerror}. One is made by: sottovoce keys new"
            ) from None
        except (UnicodeDecodeError, InvalidPublicKeys):
            raise SettingsInvalid(f"{file} is no file of keys. One is made by: sottovoce keys new") from None


def name_hash(namespace: str) -> str:
    """A namespace shows the same fingerprint every time. One that is used without its keys has none: its name has to
    do."""
    return "sha256:" + hashlib.sha256(f"sottovoce namespace {namespace}".encode()).hexdigest()
