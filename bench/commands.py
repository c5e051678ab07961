"""What is understood: 60 commands and 40 unrelated sentences in four voices, through the whole server.

Each sentence is spoken by our own synthesiser, at the speed of speech, into a session of its own: WebSocket, detector,
recogniser, skills. What counts is what the client sees. Prints a line of JSON for each sentence that went wrong, then
the shares.

usage: python -m bench.commands [--at-once 3] [--voices en-us,en-gb] [--only timer] [--typed] [--url http://127.0.0.1:8765]
"""

import argparse
import asyncio
import contextlib
import secrets
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bench.judging import Command, Seen, is_answer_of, judge, moment
from bench.processes import sottovoce
from bench.speech import FRAME_BYTES, FRAME_MS
from bench.voices import speak_all

LINES = Path(__file__).parent / "commands.toml"
ANSWER_S = 15.0
"""How long an answer may take."""
GIVEN_S = 1.0
"""How long a task that REST started may take to say something."""
QUIET_S = 0.4
"""So long after an answer nothing more belongs to it."""


class Case(msgspec.Struct, frozen=True):
    """One sentence in one voice; no command: an unrelated one."""

    text: str
    voice: str
    command: Command | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case."""

    text: str
    voice: str
    skill: str = ""
    skill_right: bool = False
    values_right: bool = False
    started: bool = False
    """A task was started."""
    answered_as_command: bool = False
    seen: Seen


class Conversation:
    """One session: what the server says in it."""

    def __init__(self, stream: ClientConnection) -> None:
        self._stream = stream
        self.heard = ""
        self.answers: list[str] = []
        self.tasks: list[tuple[str, dict[str, Any]]] = []

    async def send(self, type_: str, **fields: Any) -> None:
        """One event."""
        await self._stream.send(msgspec.json.encode({"type": type_, **fields}).decode())

    async def answer(self, patience_s: float = ANSWER_S) -> None:
        """Take in what comes until an answer is complete and nothing follows it, or the session ends."""
        complete = False
        with contextlib.suppress(TimeoutError, ConnectionClosed):
            while True:
                async with asyncio.timeout(QUIET_S if complete else patience_s):
                    message = await self._stream.recv()
                if isinstance(message, str):
                    complete = self._take(msgspec.json.decode(message)) or complete

    def _take(self, event: dict[str, Any]) -> bool:
        """Whether this completes an answer."""
        kind: str = event["type"]
        if kind == "conversation.item.input_audio_transcription.completed":
            self.heard = event["transcript"]
        elif kind in {"response.output_text.done", "response.output_audio_transcript.done"}:
            self.answers.append(event.get("text") or event.get("transcript", ""))
        elif kind.startswith("task."):
            self.tasks.append((kind, event["task"]))
        return kind == "response.done"

    async def type(self, text: str) -> None:
        """Say it in writing."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.send("conversation.item.create", item=item)
        await self.send("response.create")

    async def speak(self, sound: bytes) -> None:
        """Send sound at real speed."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number, start in enumerate(range(0, len(sound), FRAME_BYTES)):
            await asyncio.sleep(max(0.0, begin + number * FRAME_MS / 1000 - loop.time()))
            await self._stream.send(sound[start : start + FRAME_BYTES])


@contextlib.asynccontextmanager
async def conversation(client: httpx.AsyncClient) -> AsyncIterator[tuple[str, Conversation]]:
    """A new session, answered in text; deleted in the end."""
    body = {
        "namespace_id": "bench." + secrets.token_hex(8),
        "key_hash": "sha256:" + secrets.token_hex(32),
        "device_type": "bench",
        "client_version": "1",
    }
    session = (await client.post("/api/v1/sessions", json=body)).raise_for_status().json()
    try:
        async with connect(session["websocket_url"], compression=None) as stream:
            talk = Conversation(stream)
            await talk.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
            yield session["id"], talk
    finally:
        await client.delete(f"/api/v1/sessions/{session['id']}")


async def prepare(command: Command, session: str, talk: Conversation, client: httpx.AsyncClient) -> None:
    """What has to be there before the sentence is said."""
    for task in command.given:
        arguments = dict(task["arguments"])
        if "due" in arguments:
            arguments["due"] = moment(arguments["due"], datetime.now().astimezone())
        answer = await client.post(
            f"/api/v1/sessions/{session}/tasks", json={"type": task["type"], "arguments": arguments}
        )
        answer.raise_for_status()
        await talk.answer(GIVEN_S)
    if command.after:
        await talk.type(command.after)
        await talk.answer()


async def try_one(case: Case, sound: bytes | None, client: httpx.AsyncClient) -> Outcome:
    """Say it (or type it, where there is no sound), and judge."""
    async with conversation(client) as (session, talk):
        if case.command is not None:
            await prepare(case.command, session, talk, client)
        before = talk.answers[-1] if talk.answers else ""
        talk.answers.clear()
        talk.tasks.clear()
        listening = asyncio.create_task(talk.answer())
        with contextlib.suppress(ConnectionClosed):
            await (talk.type(case.text) if sound is None else talk.speak(sound))
        await listening
    seen = Seen(heard=talk.heard, answers=talk.answers, before=before, tasks=talk.tasks)
    started = any(kind == "task.created" for kind, _ in seen.tasks)
    told = [answer for answer in seen.answers if not is_answer_of("not understood", answer)]
    outcome = Outcome(text=case.text, voice=case.voice, started=started, answered_as_command=bool(told), seen=seen)
    if case.command is None:
        return outcome
    verdict = judge(case.command, seen, datetime.now().astimezone())
    return msgspec.structs.replace(
        outcome, skill=case.command.skill, skill_right=verdict.skill, values_right=verdict.values
    )


def cases(voices: Sequence[str] | None, only: str | None) -> Iterator[Case]:
    """Every sentence in every voice."""
    lines = tomllib.loads(LINES.read_text(encoding="utf-8"))
    commands = msgspec.convert(lines["commands"], list[Command])
    for voice in voices or lines["voices"]:
        yield from (Case(each.text, voice, each) for each in commands if only in {None, each.skill})
        yield from (Case(text, voice, None) for text in lines["unrelated"]["sentences"] if only in {None, "unrelated"})


async def run(base: str, wanted: Sequence[Case], at_once: int, *, typed: bool) -> list[Outcome]:
    """Try them all, so many at a time."""
    sounds = {} if typed else await speak_all({(case.text, case.voice) for case in wanted})
    waiting = list(reversed(wanted))
    outcomes: list[Outcome] = []
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:

        async def work() -> None:
            while waiting:
                case = waiting.pop()
                outcome = await try_one(case, sounds.get((case.text, case.voice)), client)
                outcomes.append(outcome)
                if outcome.started if case.command is None else not outcome.values_right:
                    write({"bench": "commands", "wrong": outcome})

        await asyncio.gather(*(work() for _ in range(at_once)))
    return outcomes


def write(line: dict[str, Any]) -> None:
    """As JSON, at once."""
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def shares(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures, in percent."""
    commands = [each for each in outcomes if each.skill]
    others = [each for each in outcomes if not each.skill]
    return {
        "commands": len(commands),
        "right_skill_percent": percent([each.skill_right for each in commands]),
        "right_values_percent": percent([each.values_right for each in commands]),
        "unrelated": len(others),
        "started_a_task_percent": percent([each.started for each in others]),
        "answered_as_command_percent": percent([each.answered_as_command for each in others]),
    }


def percent(truths: Sequence[bool]) -> float | None:
    """How many are true; None of none."""
    return round(100 * sum(truths) / len(truths), 1) if truths else None


def main() -> None:
    """As the usage says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--at-once", type=int, default=3, help="sessions that speak at the same time")
    parser.add_argument(
        "--voices", type=lambda text: text.split(","), help="of espeak-ng; default: as in commands.toml"
    )
    parser.add_argument("--only", help='one skill, or "unrelated"')
    parser.add_argument("--typed", action="store_true", help="type instead: what skills and sentences do, without ears")
    parser.add_argument("--url", help="of a server that runs; default: one of its own")
    options = parser.parse_args()
    wanted = list(cases(options.voices, options.only))
    with contextlib.ExitStack() as stack:
        base = options.url
        if base is None:
            base, _ = stack.enter_context(sottovoce(core=None, recogniser="pocketsphinx:", synthesiser="espeak:"))
        outcomes = asyncio.run(run(base, wanted, options.at_once, typed=options.typed))
    voices = {case.voice for case in wanted}
    for voice in sorted(voices):
        write({"bench": "commands", "voice": voice, **shares([each for each in outcomes if each.voice == voice])})
    write({"bench": "commands", "voice": "all", **shares(outcomes)})


if __name__ == "__main__":
    main()
