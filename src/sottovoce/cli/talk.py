"""`sottovoce talk`."""

import asyncio
import secrets
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from pydantic import SecretStr

from sottovoce.cli.credential import read_credential
from sottovoce.cli.exits import ExitCode, told
from sottovoce.cli.keys import name_hash, read_keys
from sottovoce.cli.own_server import own_server
from sottovoce.cli.show import EXPECTED_ENDS, Events, Transcript
from sottovoce.client import (
    CredentialUnusable,
    Event,
    MicrophoneUnavailable,
    Sound,
    SoundUnreadable,
    StreamClosed,
    VoiceClient,
    VoiceSession,
)
from sottovoce.client.microphone import Speaker, devices, record
from sottovoce.client.sound import SoundWriter, check_readable, read_sound
from sottovoce.client.talk import NoAnswer, Options, Outcome, Spoken, Talk, Typed
from sottovoce.vault.keys import NamespaceKeys

Show = Callable[[str | bytes, Event | Sound], None]


class _Request(msgspec.Struct, kw_only=True):
    """What was asked for on the command line."""

    things: list[Spoken | Typed]
    url: str | None
    options: Options
    out: Path | None
    as_json: bool
    namespace: str | None
    keys: NamespaceKeys | None
    credential: SecretStr | None


def talk(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Recordings, said one after another in one session. None: the microphone.", show_default=False
        ),
    ] = None,
    *,
    text: Annotated[
        list[str] | None, typer.Option("--text", help="Type this (after the recordings). May be given several times.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The server, http://host:port. Without it, one is started.")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Send recordings as fast as the server takes them, not at speaking speed.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Keep the answers' sound in this .wav, .flac or .ogg.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the server's events, one a line, and nothing else.")
    ] = False,
    mute: Annotated[bool, typer.Option("--mute", help="Have answers written, not spoken.")] = False,
    language: Annotated[str | None, typer.Option(help="What is spoken and typed: en, de.")] = None,
    namespace: Annotated[
        str | None, typer.Option(help="Whose session it is. Default: a new one for this talk.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="The namespace's keys, a file made by `sottovoce keys new`.")
    ] = None,
    credential_file: Annotated[
        Path | None,
        typer.Option(
            help="A file with the API key or the JWT that the server wants. Without it, SOTTOVOCE_CREDENTIAL counts."
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait, in the end, for tasks that are still at work.")
    ] = 3.0,
) -> None:
    """Talk to a server: play recordings to it, type, or speak into the microphone.

    Takes any WAV, FLAC or OGG, at any rate. Each recording is answered before the next one is played; the silence that
    ends a turn is added. What was heard, what is answered and the tasks that come of it are shown as they come. In the
    end the session is closed, and the server forgets it.

    Without --url it starts a server of its own, and stops it in the end. The settings of the environment hold for it:
    SOTTOVOCE_RECOGNISER and so on.

    **Examples**

    - `sottovoce talk question.wav`
    - `sottovoce talk question.wav answer.wav --out reply.wav`
    - `sottovoce talk *.flac --fast --json | grep transcription.completed`
    - `sottovoce talk --text "remind me to buy milk in ten minutes"`
    - `sottovoce talk --url http://127.0.0.1:8765` (with the microphone, until Ctrl-C)
    - `sottovoce talk --url https://voice.example.org --credential-file key.txt question.wav`

    **Exit codes**: 0 all went well; 1 no speech was found in a recording; 2 a file, an argument or the
    microphone cannot be used; 3 no server answers, or it takes no session; 4 the conversation was cut short, or
    something in it failed; 130 Ctrl-C (with the microphone: 0).
    """
    things: list[Spoken | Typed] = []
    with told(otherwise=ExitCode.WRONG_USE):
        credential = read_credential(credential_file)
        for path in files or []:
            check_readable(path)
            things.append(Spoken(str(path), partial(read_sound, path)))
    things += [Typed(each) for each in text or []]
    request = _Request(
        things=things,
        url=url,
        options=Options(fast=fast, mute=mute, language=language, wait_s=wait),
        out=out,
        as_json=as_json,
        namespace=namespace,
        keys=None if keys is None else read_keys(keys),
        credential=credential,
    )
    raise typer.Exit(_run(request))


def _run(request: _Request) -> ExitCode:
    try:
        with told(otherwise=ExitCode.NO_SERVER):
            try:
                return asyncio.run(_talk(request))
            except (SoundUnreadable, MicrophoneUnavailable, CredentialUnusable) as error:
                _tell(error.message)
                return ExitCode.WRONG_USE
            except (StreamClosed, NoAnswer) as error:
                _tell(error.message)
                return ExitCode.CUT_SHORT
    except (KeyboardInterrupt, asyncio.CancelledError):
        return ExitCode.INTERRUPTED if request.things else ExitCode.WELL


def _tell(what: str) -> None:
    typer.echo(f"sottovoce: {what}", err=True)


async def _talk(request: _Request) -> ExitCode:
    this = asyncio.current_task()
    assert this is not None  # noqa: S101 - we run in it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    with ExitStack() as open_:
        view: Events | Transcript = Events() if request.as_json else Transcript()
        open_.enter_context(view)
        writer = open_.enter_context(SoundWriter(request.out)) if request.out is not None else None

        def show(raw: str | bytes, message: Event | Sound) -> None:
            view.show(raw, message)
            if writer is not None and isinstance(message, Sound):
                writer.write(message.pcm)

        if not request.things:
            await _live(request, show)
            return ExitCode.WELL
        async with _session(request) as session:
            outcome = await Talk(session, request.options, show).run(request.things)
    return _verdict(outcome)


async def _live(request: _Request, show: Show) -> None:
    """With the microphone, until Ctrl-C or the session's end."""
    devices()
    reports: set[asyncio.Task[None]] = set()
    with Speaker() as speaker:
        async with _session(request) as session:

            def show_and_play(raw: str | bytes, message: Event | Sound) -> None:
                show(raw, message)
                heard = speaker.receive(message)
                if heard is not None:
                    report = asyncio.create_task(session.report_playback(*heard))
                    reports.add(report)
                    report.add_done_callback(reports.discard)

            typer.echo("Speak now; Ctrl-C ends it. With headphones, you can interrupt the answers.", err=True)
            await Talk(session, request.options, show_and_play).run_live(record())


@asynccontextmanager
async def _session(request: _Request) -> AsyncGenerator[VoiceSession, None]:
    """A session, on a server of our own if none is named."""
    namespace = request.namespace or f"talk-{secrets.token_hex(8)}"
    # A namespace for this talk alone has keys for this talk alone.
    keys = request.keys or (NamespaceKeys.generate() if request.namespace is None else None)
    async with AsyncExitStack() as stack:
        url = request.url if request.url is not None else await stack.enter_async_context(own_server())
        client = VoiceClient(
            url,
            namespace_id=namespace,
            key_hash=name_hash(namespace),
            keys=keys,
            credential=None if request.credential is None else request.credential.get_secret_value(),
            device_type="cli",
        )
        await stack.enter_async_context(client)
        yield await stack.enter_async_context(client.session())


def _verdict(outcome: Outcome) -> ExitCode:
    if outcome.still_at_work:
        _tell(f"{outcome.still_at_work} task(s) were still at work, and went with the session (see --wait).")
    for name in outcome.silent:
        _tell(f"No speech was found in {name}.")
    if outcome.unsaid:
        _tell(f"The session ended ({outcome.ended}) before {outcome.unsaid} thing(s) could be said.")
    if outcome.unsaid or outcome.failed or outcome.ended not in EXPECTED_ENDS:
        return ExitCode.CUT_SHORT
    return ExitCode.NOT_WELL if outcome.silent else ExitCode.WELL
