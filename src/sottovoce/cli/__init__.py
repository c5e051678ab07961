"""The command line. Every command says in its `--help` what it does, with examples, and what its exit codes mean."""

from typing import Annotated

import typer

from sottovoce import __version__
from sottovoce.cli import audit, keys
from sottovoce.cli.doctor import doctor
from sottovoce.cli.mcp import mcp
from sottovoce.cli.serve import serve
from sottovoce.cli.talk import talk

app = typer.Typer(
    name="sottovoce",
    help="A voice-session server that keeps nothing: serve it, talk to it, check what it needs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # Tracebacks of a bug stay plain: a pretty one shows the values of variables, and with them what was said.
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(talk)
app.command()(doctor)
app.command()(mcp)
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sottovoce {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass
