"""What is said to the server that is audited: words that nobody else says, spoken and typed, in a real session."""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from sottovoce.client import Event, Sound, VoiceClient
from sottovoce.client import server_events as se
from sottovoce.client.talk import Options, Spoken, Talk, Typed
from sottovoce.errors import SottovoceError

SPOKEN = "remind me to feed the purple elephants in ten minutes"
E = TypeVar("E")
_SYLLABLES = ("zor", "vex", "quil", "mab", "dru", "fip", "gax", "hul", "jom", "kev", "wab", "yot")


class NotHeardError(SottovoceError):
    """The server did not understand what was said to it, so that nothing can be looked for."""


class Said(msgspec.Struct):
    """What was said, both ways."""

    words: dict[str, str]
    """Name to what must not be found."""
    answers: list[str]
    """Texts of all answers."""
    answer_sound: bytes
    """16 kHz, 16-bit, mono."""
    ended_at: float
    """By time.monotonic()."""


def nonsense() -> str:
    """A word that is nowhere."""
    return "".join(secrets.choice(_SYLLABLES) for _ in range(5))


async def converse(url: str, sound: bytes, *, leak: bool) -> Said:
    """Say and type it all, in one session, to its end. `sound`: SPOKEN at 16 kHz. `leak`: ask for the planted leaks.

    Raises NotHeardError, and what the client raises.
    """
    typed = nonsense()
    key_hash = "sha256:" + secrets.token_hex(32)
    async with VoiceClient(url, namespace_id=f"audit-{secrets.token_hex(8)}", key_hash=key_hash) as client:
        session = await client.open()
        events: list[Event | Sound] = []
        leaking: list[asyncio.Task[object]] = []

        def show(_raw: str | bytes, message: Event | Sound) -> None:
            events.append(message)
            if leak and isinstance(message, se.InputAudioTranscriptionCompleted) and not leaking:
                leaking.append(asyncio.create_task(session.start_task("leak", {"text": typed})))

        try:
            talk = Talk(session, Options(fast=True, wait_s=2.0 if leak else 0.0), show)
            outcome = await talk.run(
                [Spoken("speech", lambda: [sound]), Typed(f"remind me to call {typed} in an hour")]
            )
            ended_at = time.monotonic()
            await asyncio.gather(*leaking)
        finally:
            await session.close()
    if outcome.failed or outcome.unsaid:
        raise NotHeardError("The server to be audited did not answer what was said to it")
    return _said(events, typed, ended_at)


def _said(events: list[Event | Sound], typed: str, ended_at: float) -> Said:
    heard = _all(events, se.InputAudioTranscriptionCompleted, lambda event: event.transcript)
    answers = _all(events, se.ResponseOutputAudioTranscriptDone, lambda event: event.transcript)
    reminders = [event.task["arguments"].get("text", "") for event in events if isinstance(event, se.TaskCreated)]
    words = {"typed": typed}
    words |= {f"heard {number}": text for number, text in enumerate(heard, 1) if len(text.split()) > 1}
    spoken_of = [text for text in reminders if typed not in text and len(text.split()) > 1]
    words |= {f"reminder {number}": text for number, text in enumerate(spoken_of, 1)}
    if not any(name.startswith("heard") for name in words):
        raise NotHeardError("The recogniser of the server to be audited heard nothing: no canary was spoken")
    words |= {
        f"answer {number}": text for number, text in enumerate(answers, 1) if typed in text or _holds(text, spoken_of)
    }
    sound = b"".join(event.pcm for event in events if isinstance(event, Sound))
    return Said(words=words, answers=answers, answer_sound=sound, ended_at=ended_at)


def _holds(answer: str, texts: list[str]) -> bool:
    return any(text in answer for text in texts)


def _all(events: list[Event | Sound], kind: type[E], text: Callable[[E], str]) -> list[str]:
    return [text(event) for event in events if isinstance(event, kind)]
