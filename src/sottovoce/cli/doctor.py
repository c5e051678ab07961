"""`sottovoce doctor`."""

import asyncio
import os
import socket
import sys
import time
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sottovoce.cli.exits import ExitCode
from sottovoce.cli.own_voice import ENGINE_TIMEOUT_S, HEARING_RATE, judge, node_with, speak
from sottovoce.client import MicrophoneUnavailable
from sottovoce.client.microphone import devices
from sottovoce.errors import SettingsInvalid, SottovoceError
from sottovoce.settings import CONFIG_VARIABLE, DEFAULT_CONFIG, PREFIX, Settings, read_settings
from sottovoce.vault import lockdown

SENTENCE = "Remind me to buy milk."
QUESTION = "Say the word: yes."
OLDEST_PYTHON = (3, 11)
SILENCE_S = 0.5


class Verdict(StrEnum):
    """Of one thing that was looked at."""

    WELL = "ok"
    NOTE = "note"
    """Something is not there, and only what needs it suffers."""
    MISSING = "missing"
    """The server does not work without it."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, and what to do about it."""

    what: str
    verdict: Verdict
    says: str


class Origin(msgspec.Struct, frozen=True):
    """A setting in force."""

    name: str
    value: Any
    origin: str


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as one JSON object.")] = False,
) -> None:
    """Say what is there, what is missing, and how to get it.

    Tries everything for real: the synthesiser speaks a short sentence, and the recogniser transcribes it; the port is
    opened; the microphone is looked for. Shows every setting in force, and where it comes from.

    **Examples**

    - `sottovoce doctor`
    - `SOTTOVOCE_PORT=9000 sottovoce doctor`
    - `sottovoce doctor --json`

    **Exit codes**: 0 the server can run; 1 something that it needs is missing; 2 the settings cannot be used.
    """
    findings = [_python(), _cores()]
    origins: list[Origin] = []
    code = ExitCode.WELL
    try:
        settings = read_settings()
    except SettingsInvalid as error:
        findings.append(Finding("settings", Verdict.MISSING, error.message))
        code = ExitCode.WRONG_USE
    else:
        origins = list(_origins(settings))
        findings += [_port(settings), *_lockdown(settings), *_engines(settings), _microphone()]
    if code is ExitCode.WELL and any(finding.verdict is Verdict.MISSING for finding in findings):
        code = ExitCode.NOT_WELL
    if as_json:
        report = {"well": code is ExitCode.WELL, "findings": findings, "settings": origins}
        typer.echo(msgspec.json.encode(report))
    else:
        _print(findings, origins)
    raise typer.Exit(code)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        return Finding("Python", Verdict.MISSING, f"{version}; 3.11 or newer is needed")
    return Finding("Python", Verdict.WELL, version)


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("cores", Verdict.WELL, f"{cores} for this process")


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        return Finding(
            "port",
            Verdict.NOTE,
            f"{where} cannot be had ({error.strerror}). Perhaps a server runs there already; for another one, take "
            "another port: sottovoce serve --port 9000",
        )
    return Finding("port", Verdict.WELL, f"{where} is free")


def _lockdown(settings: Settings) -> Iterator[Finding]:
    """What a server started now would give up: tried in a process of its own, since there is no way back."""
    tried = lockdown.try_out() if settings.lockdown != "off" else []
    if not tried:
        yield Finding("lockdown", Verdict.NOTE, "off: the server could write what is said (SOTTOVOCE_LOCKDOWN=on)")
    for part in tried:
        if part.state is lockdown.State.HELD:
            yield Finding(f"lockdown: {part.name}", Verdict.WELL, "held")
        else:
            verdict = Verdict.MISSING if settings.lockdown == "strict" else Verdict.NOTE
            yield Finding(f"lockdown: {part.name}", verdict, f"refused: {part.why}")


def _microphone() -> Finding:
    try:
        heard, played = devices()
    except MicrophoneUnavailable as error:
        return Finding("microphone", Verdict.NOTE, error.message)
    return Finding("microphone", Verdict.WELL, f"{heard}; answers are played by {played}")


# -- engines -----------------------------------------------------------------------------------------------------------


def _engines(settings: Settings) -> list[Finding]:
    """Have one speak what the other hears, each for itself; what fails says itself what to do."""
    sound = b""
    spoken = []
    for url in settings.synthesiser:
        finding, said = _speak(settings.model_copy(update={"synthesiser": (url,)}))
        spoken.append(finding)
        sound = sound or said
    judged = [] if settings.end_of_turn is None else [_judge(settings, sound)]
    heard = [_listen(settings.model_copy(update={"recogniser": (url,)}), sound) for url in settings.recogniser]
    thinks = [] if settings.model is None else [_thinks(settings)]
    return [*_in_a_chain(spoken), *_in_a_chain(heard), *judged, *thinks]


def _in_a_chain(findings: list[Finding]) -> list[Finding]:
    """Of several engines of a role: it is enough if one works."""
    if len(findings) == 1:
        return findings
    works = any(finding.verdict is not Verdict.MISSING for finding in findings)
    return [
        msgspec.structs.replace(
            finding,
            what=f"{finding.what} {number} of {len(findings)}",
            verdict=Verdict.NOTE if works and finding.verdict is Verdict.MISSING else finding.verdict,
        )
        for number, finding in enumerate(findings, start=1)
    ]


def _speak(settings: Settings) -> tuple[Finding, bytes]:
    try:
        name, _, sound = asyncio.run(speak(settings, SENTENCE))
    except (SottovoceError, TimeoutError) as error:
        return Finding("synthesiser", Verdict.MISSING, _why(settings.synthesiser[0], error)), b""
    return Finding("synthesiser", Verdict.WELL, f"{name} spoke for {len(sound) / 2 / HEARING_RATE:.1f} s"), sound


def _listen(settings: Settings, sound: bytes) -> Finding:
    try:
        return asyncio.run(_hear(settings, sound))
    except (SottovoceError, TimeoutError) as error:
        return Finding("recogniser", Verdict.MISSING, _why(settings.recogniser[0], error))


def _thinks(settings: Settings) -> Finding:
    """Whether the language model answers; what it says is of no interest."""
    from sottovoce.app import model_answers  # noqa: PLC0415 - other commands need not load the server

    async def asked() -> str:
        async with asyncio.timeout(ENGINE_TIMEOUT_S):
            return await model_answers(settings, QUESTION)

    began = time.monotonic()
    try:
        answer = asyncio.run(asked())
    except (SottovoceError, TimeoutError) as error:
        return Finding("model", Verdict.MISSING, _why("The language model", error))
    if not answer:
        return Finding("model", Verdict.MISSING, "the language model answers nothing")
    return Finding("model", Verdict.WELL, f"the language model answered within {time.monotonic() - began:.1f} s")


def _judge(settings: Settings, sound: bytes) -> Finding:
    try:
        name, probability = asyncio.run(judge(settings, sound))
    except (SottovoceError, TimeoutError) as error:
        return Finding("end of turn", Verdict.MISSING, _why(settings.end_of_turn or "", error))
    if probability is None:
        return Finding("end of turn", Verdict.NOTE, f"{name} starts, but takes too long to answer")
    return Finding("end of turn", Verdict.WELL, f"{name} takes the sentence for finished by {probability:.0%}")


def _why(url: str, error: Exception) -> str:
    return error.message if isinstance(error, SottovoceError) else f"{url} did nothing for {ENGINE_TIMEOUT_S:.0f} s"


def _heard(name: str, text: str, *, spoke: bool) -> Finding:
    if not spoke:
        return Finding("recogniser", Verdict.NOTE, f"{name} starts; there was nothing spoken to try it on")
    if not text:
        return Finding("recogniser", Verdict.MISSING, f'{name} starts, but heard nothing in "{SENTENCE}"')
    return Finding("recogniser", Verdict.WELL, f'{name} heard "{text}" where "{SENTENCE}" was spoken')


async def _hear(settings: Settings, sound: bytes) -> Finding:
    recogniser = node_with(settings, "recogniser").recogniser
    silence = bytes(2 * int(SILENCE_S * HEARING_RATE))
    text = ""
    async with asyncio.timeout(ENGINE_TIMEOUT_S):
        await recogniser.start()
        try:
            if sound:
                hearing = recogniser.hear(language="en", asked=False, on_partial=lambda _text: None)
                hearing.feed(silence + sound + silence)
                text = (await hearing.finish()).text
        finally:
            await recogniser.close()
    return _heard(recogniser.name, text, spoke=bool(sound))


# -- settings ----------------------------------------------------------------------------------------------------------


def _origins(settings: Settings) -> Iterator[Origin]:
    """Where each setting comes from: the same order as they are read in."""
    environment = {name.upper() for name in os.environ}
    path = Path(os.environ.get(CONFIG_VARIABLE, DEFAULT_CONFIG))
    in_file = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name, value in settings.model_dump(mode="json").items():
        variable = PREFIX + name.upper()
        elsewhere = str(path) if name in in_file else "default"
        yield Origin(name, value, variable if variable in environment else elsewhere)


def _print(findings: list[Finding], origins: list[Origin]) -> None:
    console = Console(highlight=False)
    styles = {Verdict.WELL: "green", Verdict.NOTE: "yellow", Verdict.MISSING: "bold red"}
    found = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        found.add_row(Text(finding.verdict, styles[finding.verdict]), finding.what, Text(finding.says))
    console.print(found)
    if not origins:
        return
    settings = Table(box=None, padding=(0, 2, 0, 0), title="Settings in force", title_justify="left")
    for column in ("setting", "value", "from"):
        settings.add_column(column)
    for each in origins:
        settings.add_row(each.name, Text(_shown(each.value)), each.origin)
    console.print()
    console.print(settings)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
