"""`sottovoce mcp`."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from sottovoce.cli.credential import read_credential
from sottovoce.cli.exits import ExitCode, told
from sottovoce.cli.keys import name_hash, read_keys
from sottovoce.client import VoiceClient
from sottovoce.errors import SettingsInvalid
from sottovoce.vault.keys import NamespaceKeys

DEFAULT_URL = "http://127.0.0.1:8765"


def mcp(
    *,
    url: Annotated[str, typer.Option(help="The server, http://host:port.")] = DEFAULT_URL,
    namespace: Annotated[
        str | None, typer.Option(help="Whose sessions they are, unless a call says so. Default: a new one.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="The keys of --namespace, a file made by `sottovoce keys new`.")
    ] = None,
    credential_file: Annotated[
        Path | None, typer.Option(help="A file that holds the API key or token. Default: SOTTOVOCE_CREDENTIAL.")
    ] = None,
) -> None:
    """Offer voice sessions to a program that speaks MCP, over standard input and output.

    Its tools start a voice session on a running server, say something in it in writing, read its transcript, list its
    tasks and end it. Programs that use MCP start this command themselves; it ends when they close its input. Takes the
    extra `mcp`: pip install 'sottovoce[mcp]'.

    **Examples**

    - `sottovoce mcp`
    - `sottovoce mcp --url https://voice.example.org --namespace alice --keys alice.json`

    **Exit codes**: 0 its input was closed; 2 a file or an argument cannot be used, or the extra is missing; 130 Ctrl-C.
    """
    with told(otherwise=ExitCode.WRONG_USE):
        if keys is not None and namespace is None:
            raise SettingsInvalid("--keys needs --namespace: whose keys they are")
        try:
            from sottovoce.cli.voice_tools import VoiceTools, make_server  # noqa: PLC0415 - an extra
        except ImportError:
            raise SettingsInvalid(
                "sottovoce mcp needs the package mcp: install Sottovoce with its extra mcp (pip install "
                "'sottovoce[mcp]')"
            ) from None
        own = read_keys(keys) if keys is not None else NamespaceKeys.generate() if namespace is None else None
        default = namespace or f"mcp-{secrets.token_hex(8)}"
        credential = read_credential(credential_file)

        def client(name: str) -> VoiceClient:
            return VoiceClient(
                url,
                namespace_id=name,
                key_hash=name_hash(name),
                keys=own if name == default else None,
                credential=None if credential is None else credential.get_secret_value(),
                device_type="mcp",
            )

        try:
            make_server(VoiceTools(default, client)).run("stdio")
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
