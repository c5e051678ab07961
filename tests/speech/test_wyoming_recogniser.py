"""Hearing by a Wyoming server: word for word, and what can go wrong."""

import asyncio
import json
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import soundfile

from sottovoce.errors import EngineFault, EngineUnavailable
from tests.peers.wyoming_server import wyoming_server
from tests.peers.wyoming_trouble import SOUND, Script, event, forever, info, is_silent, leaves, misbehaving, says
from tests.servers import new_port
from tests.speech.wyoming_helpers import (
    be_impatient,
    heard,
    recogniser,
    until,
)

SPEECH = Path(__file__).parents[1] / "data" / "speech"


def recording() -> bytes:
    sound, _ = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    return bytes(sound.tobytes())


@pytest.fixture(scope="module")
def port() -> Generator[int, None, None]:
    """Of a real server that streams."""
    at = new_port()
    with wyoming_server(at, "streams"):
        yield at


async def test_sound_is_passed_on_as_it_comes_and_words_come_back_meanwhile(port: int) -> None:
    partials: list[str] = []
    async with recogniser(f"wyoming://127.0.0.1:{port}") as engine:
        hearing = engine.hear(language="en", asked=False, on_partial=partials.append)
        pcm = recording()
        for first in range(0, len(pcm), 6400):
            hearing.feed(pcm[first : first + 6400])
            await asyncio.sleep(0.02)
        await until(lambda: bool(partials))  # it has not been told of the end
        text = (await hearing.finish()).text
    assert text.endswith(".")
    assert all(partial == " ".join(partial.lower().split()) for partial in partials)


@pytest.mark.parametrize(
    ("answer", "text", "partials"),
    [
        ([event("transcript", {"text": "  Hello\n World. "})], "hello world.", []),
        ([event("transcript", {"text": ""})], "", []),
        (
            [
                event("transcript-start"),
                event("transcript-chunk", {"text": "One"}),
                event("ping", {"x": 1}),
                event("transcript-chunk", {"text": " "}),
                event("transcript-chunk", {"text": "two"}),
                event("transcript", {"text": "One, two."}),
                event("transcript-stop"),
            ],
            "one, two.",
            ["one", "one two"],
        ),
        (
            [event("transcript-start"), event("transcript-chunk", {"text": "One"}), event("transcript-stop")],
            "one",
            ["one"],
        ),
    ],
    ids=["whole", "nothing", "pieces", "pieces only"],
)
async def test_transcripts_come_whole_or_in_pieces(answer: list[bytes], text: str, partials: list[str]) -> None:
    told: list[str] = []
    async with misbehaving(says(*answer)) as (url, peer), recogniser(url) as engine:
        assert await heard(engine, partials=told) == text
    assert told == partials
    assert peer.asked == ["describe", "transcribe", "audio-start", "audio-chunk", "audio-stop"]


WRONG = {
    "nothing": leaves,
    "an error": says(event("error", {"text": "the secret"})),
    "nonsense": says(b"\x00\xff\x00\n"),
    "half an event": lambda r, w: _all(says(b'{"type": "transcript", "data_length": 50}\n{"te'), leaves, r, w),
    "a transcript of numbers": says(event("transcript", {"text": 7}), event("audio-chunk", {"rate": "x"}, b"ab")),
    "a huge header": forever(b"a" * 10_000),
    "a huge payload": says(b'{"type": "audio-chunk", "payload_length": 9000000000}\n'),
}


async def _all(one: Script, other: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await one(reader, writer)
    await other(reader, writer)


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_answer_costs_one_utterance_and_tells_nothing(wrong: str) -> None:
    async with misbehaving(WRONG[wrong]) as (url, _), recogniser(url) as engine:
        for _ in range(2):
            with pytest.raises(EngineFault) as caught:
                await heard(engine)
            assert not isinstance(caught.value, EngineUnavailable)
            assert "secret" not in caught.value.message
        await asyncio.sleep(0.1)
        assert engine.status().ready


async def test_a_transcript_without_end_is_cut() -> None:
    endless = forever(event("transcript-chunk", {"text": "word " * 100}))
    async with misbehaving(endless) as (url, peer), recogniser(url) as engine:
        with pytest.raises(EngineFault, match="too long"):
            await heard(engine)
        await until(lambda: peer.connections == 0)


@pytest.mark.parametrize("script", [is_silent, forever(event("ping"))], ids=["silent", "off the point"])
async def test_no_transcript_in_time_is_a_fault(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)
    async with misbehaving(script) as (url, _), recogniser(url) as engine:
        began = time.monotonic()
        with pytest.raises(EngineFault, match="no transcript"):
            await heard(engine)
        assert time.monotonic() - began < 3


async def test_cancelling_closes_the_connection() -> None:
    async with misbehaving(is_silent) as (url, peer), recogniser(url) as engine:
        hearing = engine.hear(language="en", asked=False, on_partial=lambda _: None)
        hearing.feed(SOUND)
        await until(lambda: "audio-chunk" in peer.asked)
        assert peer.connections >= 1
        hearing.cancel()
        await until(lambda: peer.connections == 0)


async def test_a_server_that_takes_no_sound_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if json.loads(await reader.readline())["type"] == "describe":
            writer.write(info())
            await writer.drain()
        else:
            await over.wait()
        writer.close()

    over = asyncio.Event()
    server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1024)
    async with recogniser(f"wyoming://127.0.0.1:{server.sockets[0].getsockname()[1]}") as engine:
        began = time.monotonic()
        with pytest.raises(EngineFault):
            await heard(engine, SOUND * 10_000)  # of which a minute is kept
        assert time.monotonic() - began < 3
    over.set()
    server.close()
    await until(lambda: len(asyncio.all_tasks()) == 1)
