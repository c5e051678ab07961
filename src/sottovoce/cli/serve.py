"""`sottovoce serve`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sottovoce.cli.exits import ExitCode, told
from sottovoce.settings import read_settings
from sottovoce.vault import lockdown

LISTENS = "Sottovoce listens on "


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Off loopback: also --public-url and --api-keys.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one and says which.")] = None,
    public_url: Annotated[str | None, typer.Option(help="Where clients reach the server, if not there.")] = None,
    api_keys: Annotated[
        Path | None, typer.Option(help="File of API keys that callers must have (see: sottovoce keys api).")
    ] = None,
    recogniser: Annotated[str | None, typer.Option(help="The engine that hears, by URL; several: with spaces.")] = None,
    synthesiser: Annotated[
        str | None, typer.Option(help="The engine that speaks, by URL; several: with spaces.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The language model that answers what is no command, by URL.")
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="The least that is logged.")
    ] = None,
) -> None:
    """Serve voice sessions until stopped with Ctrl-C (or SIGTERM).

    What is not said here is taken from the environment (SOTTOVOCE_PORT=9000), then from sottovoce.toml, then from the
    defaults: http://127.0.0.1:8765, for this machine only. Logs go to standard error and hold nothing that was said.

    **Examples**

    - `sottovoce serve`
    - `sottovoce serve --port 9000`
    - `sottovoce serve --host 0.0.0.0 --public-url https://voice.example.org --api-keys api-keys.json`
    - `sottovoce serve --recogniser instant: --synthesiser instant:` (no speech at all, for load tests)

    **Exit codes**: 0 stopped; 143 stopped by SIGTERM; 2 settings that cannot be used, a taken port, an engine that is
    not there, a part of the lockdown that is refused while lockdown is `strict`.
    """
    with told(otherwise=ExitCode.WRONG_USE):
        settings = read_settings(
            host=host,
            port=port,
            public_url=public_url,
            api_keys=api_keys,
            recogniser=recogniser,
            synthesiser=synthesiser,
            model=model,
            log_level=log_level,
        )
        if settings.lockdown != "off":
            lockdown.start_again()
        from sottovoce.app import serve as run  # noqa: PLC0415 - nothing else needs to load the server

        try:
            run(
                settings,
                lambda url: typer.echo(f"{LISTENS}{url} — talk to it there in a browser; stop with Ctrl-C", err=True),
            )
        except KeyboardInterrupt:
            typer.echo("Stopped.", err=True)
