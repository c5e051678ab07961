"""Speaking by a Wyoming server: sound of any format, as it comes, and what can go wrong."""

import asyncio
import time
from collections.abc import Generator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech.registry import make_synthesiser
from tests.peers.wyoming_server import wyoming_server
from tests.peers.wyoming_trouble import SOUND, Script, event, forever, info, is_silent, leaves, misbehaving, says, sound
from tests.servers import new_port
from tests.speech.wyoming_helpers import (
    CONTEXT,
    LONG,
    TEXT,
    be_impatient,
    spoken,
    synthesiser,
    until,
)

KINDS = pytest.mark.parametrize("kind", ["whole", "streams"])


@pytest.fixture(scope="module")
def port() -> Generator[int, None, None]:
    """Of a real server that streams."""
    at = new_port()
    with wyoming_server(at, "streams"):
        yield at


async def test_a_voice_of_the_url_speaks_its_language(port: int) -> None:
    url = f"wyoming://127.0.0.1:{port}"
    async with synthesiser(f"{url}?voice=en-us%2Bf3,de") as named, synthesiser(url) as free:
        assert set(named.languages) == {"en", "de"}
        assert named.voices == ("en-us+f3", "de")
        high = np.frombuffer(await spoken(named), np.int16)
        same = np.frombuffer(await spoken(free, voice="en-us+f3"), np.int16)
        other = np.frombuffer(await spoken(free, voice="en-us+m3"), np.int16)
    assert len(high) == pytest.approx(len(same), rel=0.05)
    assert _pitch(high) == pytest.approx(_pitch(same), rel=0.05)
    assert _pitch(high) > 1.2 * _pitch(other)


def _pitch(samples: np.ndarray[Any, np.dtype[np.int16]]) -> float:
    """The median over loud frames of the fundamental between 70 and 400 Hz, by autocorrelation."""
    frames = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024).astype(float)
    loud = frames[np.std(frames, axis=1) > np.std(frames)]
    likeness = np.fft.irfft(np.abs(np.fft.rfft(loud, 2048)) ** 2)
    shortest, longest = 22_050 // 400, 22_050 // 70
    return float(np.median(22_050 / (shortest + np.argmax(likeness[:, shortest:longest], axis=1))))


async def test_a_voice_that_it_lacks_is_refused_by_naming_some(port: int) -> None:
    async with synthesiser(f"wyoming://127.0.0.1:{port}") as engine:
        with pytest.raises(EngineFault, match="en-us"):
            await spoken(engine, voice="nobody")
        assert await spoken(engine)
    with pytest.raises(EngineUnavailable, match="reports an error, asked to speak with the voice nobody"):
        await make_synthesiser(f"wyoming://127.0.0.1:{port}?voice=nobody&languages=en", CONTEXT).start()


@pytest.mark.parametrize("style", [(44_100, 2, 2), (16_000, 1, 1), (24_000, 4, 3)])
async def test_any_format_becomes_ours(port: int, style: tuple[int, int, int]) -> None:
    at = new_port()
    async with synthesiser(f"wyoming://127.0.0.1:{port}") as plain:
        expected = np.frombuffer(await spoken(plain), np.int16).astype(float)
    with wyoming_server(at, "whole", *style):
        async with synthesiser(f"wyoming://127.0.0.1:{at}") as engine:
            assert engine.sample_rate == style[0]
            got = np.frombuffer(await spoken(engine), np.int16).astype(float)
    assert len(got) / style[0] == pytest.approx(len(expected) / 22_050, rel=0.08)
    assert np.std(got) == pytest.approx(np.std(expected), rel=0.3)
    assert abs(np.mean(got)) < 200


async def test_a_rate_that_changes_is_brought_back_to_the_first() -> None:
    rates = [sound(b"\x10\x00" * 48_000, rate=48_000), sound(b"\x10\x00" * 8_000, rate=8_000), event("audio-stop")]
    async with misbehaving(says(*rates)) as (url, _), synthesiser(url) as engine:
        assert engine.sample_rate == 16_000
        assert len(await spoken(engine)) / 2 == pytest.approx(32_000, abs=40)


async def test_samples_cut_in_half_are_put_together() -> None:
    pieces = [sound(SOUND[first : first + 3]) for first in range(0, len(SOUND), 3)]
    async with misbehaving(says(*pieces, event("audio-stop"))) as (url, _), synthesiser(url) as engine:
        assert await spoken(engine) == SOUND


async def test_a_server_that_streams_is_given_the_text_in_pieces_over_one_connection() -> None:
    answer = sound() + event("audio-stop") + sound() + event("audio-stop") + event("synthesize-stopped")
    async with misbehaving(says(answer), info(streams=True)) as (url, peer), synthesiser(url) as engine:
        peer.asked.clear()
        assert await spoken(engine, LONG) == SOUND * 2
        chunks = peer.asked[1:-1]
        assert peer.asked == ["synthesize-start", *chunks, "synthesize-stop"]
        assert set(chunks) == {"synthesize-chunk"}
        assert len(chunks) > 2


@KINDS
async def test_sound_is_passed_on_before_the_rest_is_made(kind: str) -> None:
    more = asyncio.Event()

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sound())
        await more.wait()
        writer.write(sound() + event("audio-stop") + event("synthesize-stopped"))

    described = info(streams=kind == "streams")
    async with misbehaving(script, described) as (url, _), synthesiser(url) as engine:
        speaking = engine.speak(TEXT, language="en", voice=None, speed=1.0)
        async with aclosing(speaking), asyncio.timeout(5):
            assert await anext(speaking) == SOUND
            more.set()
            assert [chunk async for chunk in speaking] == [SOUND]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        pytest.param(leaves, "broke off", id="nothing"),
        pytest.param(says(sound(), event("error", {"text": "the secret"})), "reports an error", id="an error"),
        pytest.param(says(sound(), b"nonsense\n"), "no Wyoming event", id="nonsense"),
        pytest.param(says(sound(b"abc", width=3)), "format", id="24 bits"),
        pytest.param(says(sound(b"ab", rate=10)), "format", id="ten hertz"),
        pytest.param(says(sound(b"ab", channels=0)), "format", id="no channel"),
        pytest.param(says(event("audio-chunk", {}, b"ab")), "no Wyoming event", id="no format"),
        pytest.param(says(b'{"type": "audio-chunk", "payload_length": 9000000000}\n'), "more at once", id="huge"),
        pytest.param(forever(sound(SOUND * 10)), "more sound than", id="endless"),
    ],
)
async def test_a_wrong_answer_costs_one_text_and_tells_nothing(wrong: Script, why: str) -> None:
    async with misbehaving(wrong) as (url, peer), synthesiser(url) as engine:
        for _ in range(2):
            with pytest.raises(EngineFault, match=why) as caught:
                await spoken(engine)
            assert not isinstance(caught.value, EngineUnavailable)
            assert "secret" not in caught.value.message
        await until(lambda: peer.connections == 0)
        await asyncio.sleep(0.1)
        assert engine.status().ready


@pytest.mark.parametrize("script", [is_silent, forever(event("audio-start"))], ids=["silent", "off the point"])
async def test_no_sound_in_time_is_a_fault(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)
    async with misbehaving(script) as (url, _), synthesiser(url) as engine:
        began = time.monotonic()
        with pytest.raises(EngineFault, match="silent"):
            await spoken(engine)
        assert time.monotonic() - began < 3


async def test_closing_the_iterator_closes_the_connection() -> None:
    async with misbehaving(forever(sound())) as (url, peer), synthesiser(url) as engine:
        speaking = engine.speak(LONG, language="en", voice=None, speed=1.0)
        await anext(speaking)
        assert peer.connections >= 1
        await speaking.aclose()
        await until(lambda: peer.connections == 0)


async def test_who_does_not_listen_is_not_sent_everything() -> None:
    sent = 0

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _ in range(2_000):
            writer.write(sound())
            await writer.drain()
            sent += 1

    described = info(streams=True)
    async with misbehaving(script, described) as (url, _):
        engine = make_synthesiser(url, CONTEXT)
        await engine.start()
        speaking = engine.speak(LONG, language="en", voice=None, speed=1.0)
        await anext(speaking)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        # Half a minute ahead, and what the system's buffers hold.
        assert 300 <= sent < 2_000
        await speaking.aclose()
        await engine.close()
