"""`sottovoce audit`."""

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sottovoce.cli.exits import ExitCode, told
from sottovoce.settings import Settings, read_settings

app = typer.Typer(name="audit", help="Show that a server keeps nothing.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    pass


@app.command()
def forgetting(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Speak to a server, end the session, and look for what was said everywhere it could be.

    Starts a server of its own, with the settings of the environment, under strace and with one small file system as the
    only place that it could write to. Says and types words that nobody else says; ends the session; stops every process
    within 2 s, and looks for the words (UTF-8, UTF-16, UTF-32, base64, hex) and the sound of both sides (16-bit and
    float samples) in the memory of each, the raw file system, all writes, the log and the metrics.

    Does the same with a server in which leaks are planted: a scan that misses its leak fails the audit.

    Memory and the file system take root, writes take strace. It takes a minute.

    **Examples**

    - `sudo sottovoce audit forgetting`
    - `sudo sottovoce audit forgetting --json`

    **Exit codes**: 0 nothing was found; 1 something was, or a scan missed what was planted for it; 2 settings that
    cannot be used; 3 the server did not start; 4 it did not understand what was said; 5 nothing was found, but some
    scans could not be made.
    """
    with told(otherwise=ExitCode.WRONG_USE):
        settings = read_settings()
    raise typer.Exit(_audit(settings, as_json=as_json))


def _audit(settings: Settings, *, as_json: bool) -> ExitCode:
    from sottovoce.audit import conversation, house  # noqa: PLC0415 - other commands need not load it
    from sottovoce.audit import forgetting as test  # noqa: PLC0415
    from sottovoce.cli.own_voice import speak  # noqa: PLC0415

    progress = Console(stderr=True, highlight=False)

    def say(text: str) -> tuple[bytes, bytes]:
        _, made, heard = asyncio.run(speak(settings, text))
        return made, heard

    with told():
        try:
            with progress.status("auditing") as status:

                def tell(what: str) -> None:
                    status.update(what.strip())
                    if not progress.is_terminal:
                        progress.print(what)

                report = test.audit(say, say(conversation.SPOKEN)[1], tell)
        except house.NotStartedError as error:
            typer.echo(f"sottovoce: {error.message}", err=True)
            return ExitCode.NO_SERVER
        except conversation.NotHeardError as error:
            typer.echo(f"sottovoce: {error.message}", err=True)
            return ExitCode.CUT_SHORT
    code = exit_code(report)
    if as_json:
        typer.echo(msgspec.json.encode({"well": code is ExitCode.WELL, **msgspec.structs.asdict(report)}))
    else:
        _print(report)
    return code


def exit_code(report: "test.Report") -> ExitCode:  # type: ignore[name-defined]  # noqa: F821 - as above
    """Of what was found."""
    verdicts = {str(scan.verdict) for scan in report.scans}
    if verdicts & {"found", "blind"}:
        return ExitCode.NOT_WELL
    return ExitCode.NOT_MADE if "not made" in verdicts else ExitCode.WELL


def _print(report: "test.Report") -> None:  # type: ignore[name-defined]  # noqa: F821 - as above
    console = Console(highlight=False)
    styles = {"clean": "green", "found": "bold red", "blind": "bold red", "not made": "yellow"}
    table = Table(box=None, padding=(0, 2, 0, 0), title="What was said, after the session", title_justify="left")
    for column in ("scan", "", "found", "of planted leaks", "looked at"):
        table.add_column(column)
    for scan in report.scans:
        found, planted = str(sum(hit.count for hit in scan.found)), str(scan.planted)
        verdict = Text(str(scan.verdict), styles[str(scan.verdict)])
        if str(scan.verdict) == "not made":
            found = planted = ""
        table.add_row(scan.name, verdict, found, planted, Text(scan.why or scan.at))
    console.print(table)
    for scan in report.scans:
        for hit in scan.found:
            console.print(f"{scan.name}: {hit.canary} as {hit.form}, {hit.count} times", style="red", markup=False)
    console.print(
        f"{len(report.canaries)} canaries; every process was stopped {report.seconds_after_end} s after the end of the "
        "session."
    )
