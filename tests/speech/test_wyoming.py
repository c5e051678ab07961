"""`wyoming://`: what a server says of itself, what goes wrong with one, and how it comes back.

Well-behaved servers are real ones, in processes of their own (tests/peers/wyoming_server.py). Those that misbehave are
written here, byte by byte, since no real one would.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sottovoce.errors import EngineFault, EngineUnavailable, EngineUrlInvalid, LanguageNotSupported
from sottovoce.orchestrator.skills import Skills
from sottovoce.speech import wyoming_peer, wyoming_recogniser, wyoming_synthesiser
from sottovoce.speech.base import EngineContext, Recogniser, Synthesiser
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.peers.wyoming_server import wyoming_server
from tests.servers import new_port

SPEECH = Path(__file__).parents[1] / "data" / "speech"
CONTEXT = EngineContext(grammars=Skills.installed().grammars, workers=1)
TEXT = "I will remind you to call the school tomorrow morning."
LONG = " ".join([TEXT] * 12)
SOUND = b"\x01\x02" * 1600
KINDS = pytest.mark.parametrize("kind", ["whole", "streams"])

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def recording() -> bytes:
    sound, _ = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    return bytes(sound.tobytes())


def event(kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> bytes:
    body = json.dumps(data or {}).encode()
    head = {"type": kind, "data_length": len(body), "payload_length": len(payload)}
    return json.dumps(head).encode() + b"\n" + body + payload


def info(*, streams: bool = False, languages: tuple[str, ...] = ("en",), names: tuple[str, ...] = ("one",)) -> bytes:
    offers = [{"name": name, "languages": list(languages), "installed": True} for name in names]
    return event(
        "info",
        {
            "asr": [{"name": "x", "models": offers, "supports_transcript_streaming": streams}],
            "tts": [{"name": "x", "voices": offers, "supports_synthesize_streaming": streams}],
        },
    )


def sound(pcm: bytes = SOUND, rate: int = 16_000, width: int = 2, channels: int = 1) -> bytes:
    return event("audio-chunk", {"rate": rate, "width": width, "channels": channels}, pcm)


GOOD = sound() + event("audio-stop")


class Misbehaving:
    """A server that tells properly what it can do, says the word that the start asks for, and then does as scripted."""

    def __init__(self, script: Script, described: bytes) -> None:
        self._script = script
        self._described = described
        self.asked: list[str] = []
        """The types of the events that came, of all connections."""
        self.gone = asyncio.Event()
        """The other end of a scripted connection was closed."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.gone.set()
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            head = json.loads(line)
            body = await reader.readexactly(head.get("data_length", 0))
            await reader.readexactly(head.get("payload_length", 0))
            self.asked.append(head["type"])
            if head["type"] == "describe":
                writer.write(self._described)
            elif head["type"] == "synthesize" and json.loads(body)["text"] == "Hello.":
                writer.write(GOOD)
            elif head["type"] in {"audio-stop", "synthesize", "synthesize-stop"}:
                await self._script(reader, writer)
                await writer.drain()
        self.gone.set()


@asynccontextmanager
async def misbehaving(script: Script, described: bytes = b"") -> AsyncIterator[tuple[str, Misbehaving]]:
    peer = Misbehaving(script, described or info())
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    try:
        yield f"wyoming://127.0.0.1:{server.sockets[0].getsockname()[1]}", peer
    finally:
        server.close()


def says(*data: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(data))

    return script


def forever(data: bytes) -> Script:
    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0)

    return script


async def leaves(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def is_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    assert await reader.read() == b""


async def spoken(engine: Synthesiser, text: str = TEXT, voice: str | None = None) -> bytes:
    return b"".join([chunk async for chunk in engine.speak(text, language="en", voice=voice, speed=1.0)])


async def heard(engine: Recogniser, pcm: bytes = SOUND, partials: list[str] | None = None) -> str:
    told = [] if partials is None else partials
    hearing = engine.hear(language="en", asked=False, on_partial=told.append)
    hearing.feed(pcm)
    return (await hearing.finish()).text


@asynccontextmanager
async def recogniser(url: str) -> AsyncIterator[Recogniser]:
    engine = make_recogniser(url, CONTEXT)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def synthesiser(url: str) -> AsyncIterator[Synthesiser]:
    engine = make_synthesiser(url, CONTEXT)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_peer, "DESCRIBE_S", 0.5)
    monkeypatch.setattr(wyoming_peer, "SOONEST_S", 0.1)
    monkeypatch.setattr(wyoming_peer, "LATEST_S", 0.2)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, watchful: None) -> None:  # noqa: ARG001
    monkeypatch.setattr(wyoming_recogniser, "ANSWER_S", 0.5)
    monkeypatch.setattr(wyoming_synthesiser, "ANSWER_S", 0.5)
    monkeypatch.setattr(wyoming_synthesiser, "FIRST_ANSWER_S", 0.5)


@pytest.fixture(scope="module")
def port() -> Generator[int, None, None]:
    """Of a real server that streams."""
    at = new_port()
    with wyoming_server(at, "streams"):
        yield at


# -- its URL -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "wyoming:",
        "wyoming://",
        "wyoming://host",
        "wyoming://:10300",
        "wyoming://host:0",
        "wyoming://host:70000",
        "wyoming://host:x",
        "wyoming://host:10300/path",
        "wyoming://me@host:10300",
        "wyoming://[::1:10300",
        "wyoming://host:10300?nonsense=1",
        "wyoming://host:10300?languages=",
        "wyoming://host:10300?languages=en,,de",
        "wyoming://host:10300?voice=a",
        "wyoming://host:10300?model=a,b",
    ],
)
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(EngineUrlInvalid):
        make_recogniser(url, CONTEXT)


def test_a_model_is_no_matter_of_a_synthesiser() -> None:
    with pytest.raises(EngineUrlInvalid, match="languages, voice"):
        make_synthesiser("wyoming://host:10300?model=x", CONTEXT)


async def test_an_address_of_ipv6_is_shown_as_it_was_named() -> None:
    with pytest.raises(EngineUnavailable, match=r"\[::1\]:9 "):
        await make_recogniser("wyoming://[::1]:9", CONTEXT).start()


# -- what it says of itself --------------------------------------------------------------------------------------------


async def test_languages_and_voices_are_the_servers(port: int) -> None:
    async with synthesiser(f"wyoming://127.0.0.1:{port}") as engine:
        assert engine.languages == ("en", "de")
        assert {"en-us", "en-gb", "de+f2"} <= set(engine.voices)
        assert engine.sample_rate == 22_050
    async with recogniser(f"wyoming://127.0.0.1:{port}") as engine:
        assert engine.languages == ("en",)


async def test_languages_can_be_chosen(port: int) -> None:
    async with synthesiser(f"wyoming://127.0.0.1:{port}?language=de") as engine:
        assert engine.languages == ("de",)
        assert all(voice.startswith("de") for voice in engine.voices)
        with pytest.raises(LanguageNotSupported):
            await spoken(engine)


async def test_a_voice_of_the_url_speaks_its_language(port: int) -> None:
    url = f"wyoming://127.0.0.1:{port}"
    async with synthesiser(f"{url}?voice=en-us%2Bf3,de") as named, synthesiser(url) as free:
        assert set(named.languages) == {"en", "de"}
        high = np.frombuffer(await spoken(named), np.int16)
        same = np.frombuffer(await spoken(free, voice="en-us+f3"), np.int16)
        other = np.frombuffer(await spoken(free, voice="en-us+m3"), np.int16)
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
    with pytest.raises(EngineUnavailable, match="reports an error"):
        await make_synthesiser(f"wyoming://127.0.0.1:{port}?voice=nobody&languages=en", CONTEXT).start()


async def test_a_model_that_it_lacks_is_refused_by_naming_those_it_has(port: int) -> None:
    with pytest.raises(EngineUnavailable, match="it has sphinx"):
        await make_recogniser(f"wyoming://127.0.0.1:{port}?model=whisper", CONTEXT).start()


DESCRIBED = {
    "nothing": (event("info", {}), "hears nothing|does not speak"),
    "no language": (info(languages=()), "does not tell its languages"),
    "numbers": (event("info", {"asr": 3, "tts": 3}), "no Wyoming event"),
    "an error": (event("error", {"text": "the secret"}), "reports an error"),
    "another protocol": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no Wyoming event"),
    "huge": (b'{"type": "info", "data_length": 99999999999}\n', "more at once"),
    "infinite": (b'{"type": "info", "data_length": 1e999}\n', "more at once"),
    "a length of letters": (b'{"type": "info", "data_length": "x"}\n', "no Wyoming event"),
    "half a byte": (b'{"type": "info", "data_length": 1.5}\n{}', "no Wyoming event"),
    "a number for a type": (b'{"type": 7, "data": {}}\n', "no Wyoming event"),
    "no data": (b'{"type": "info", "data": null}\n', "no Wyoming event"),
    "a list": (b"[]\n", "no Wyoming event"),
    "deep": (b"[" * 60_000 + b"\n", "no Wyoming event"),
    "no text": (b"\xff\xfe\n", "no Wyoming event"),
    "a line without end": (b"a" * 200_000, "more at once"),
}


@pytest.mark.parametrize(("described", "why"), DESCRIBED.values(), ids=DESCRIBED)
async def test_a_server_that_cannot_be_used_keeps_us_from_starting(described: bytes, why: str) -> None:
    async with misbehaving(is_silent, described) as (url, _):
        for make in (make_recogniser, make_synthesiser):
            engine: Recogniser | Synthesiser = make(url, CONTEXT)
            with pytest.raises(EngineUnavailable, match=why) as caught:
                await engine.start()
            assert "secret" not in str(caught.value)
            assert not engine.status().ready
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_a_server_that_says_nothing_of_itself_keeps_us_from_starting(impatient: None) -> None:  # noqa: ARG001
    async with misbehaving(is_silent, b" ") as (url, _):
        with pytest.raises(EngineUnavailable, match="is it a Wyoming server"):
            await make_recogniser(url, CONTEXT).start()


async def test_where_nobody_listens_the_error_says_where_and_what_to_do() -> None:
    at = new_port()
    for make in (make_recogniser, make_synthesiser):
        with pytest.raises(EngineUnavailable, match=rf"127\.0\.0\.1:{at} .*start it"):
            await make(f"wyoming://127.0.0.1:{at}", CONTEXT).start()


# -- hearing -----------------------------------------------------------------------------------------------------------


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
        async with asyncio.timeout(5):
            await peer.gone.wait()


@pytest.mark.parametrize("script", [is_silent, forever(event("ping"))], ids=["silent", "off the point"])
async def test_no_transcript_in_time_is_a_fault(script: Script, impatient: None) -> None:  # noqa: ARG001
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
        hearing.cancel()
        async with asyncio.timeout(1):
            await peer.gone.wait()


async def test_a_server_that_takes_no_sound_holds_up_nobody(impatient: None) -> None:  # noqa: ARG001
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if json.loads(await reader.readline())["type"] == "describe":
            writer.write(info())
            await reader.readline()
        else:
            await asyncio.sleep(5)
        writer.close()

    server = await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1024)
    async with recogniser(f"wyoming://127.0.0.1:{server.sockets[0].getsockname()[1]}") as engine:
        began = time.monotonic()
        with pytest.raises(EngineFault):
            await heard(engine, SOUND * 10_000)  # of which a minute is kept
        assert time.monotonic() - began < 3
    server.close()


# -- speaking ----------------------------------------------------------------------------------------------------------


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
    async with misbehaving(script, described) as (url, _):
        more.set()  # for the word at the start
        async with synthesiser(url) as engine:
            more.clear()
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
        async with asyncio.timeout(5):
            await peer.gone.wait()
        await asyncio.sleep(0.1)
        assert engine.status().ready


@pytest.mark.parametrize("script", [is_silent, forever(event("audio-start"))], ids=["silent", "off the point"])
async def test_no_sound_in_time_is_a_fault(script: Script, impatient: None) -> None:  # noqa: ARG001
    async with misbehaving(script) as (url, _), synthesiser(url) as engine:
        began = time.monotonic()
        with pytest.raises(EngineFault, match="silent"):
            await spoken(engine)
        assert time.monotonic() - began < 3


async def test_closing_the_iterator_closes_the_connection() -> None:
    async with misbehaving(forever(sound())) as (url, peer), synthesiser(url) as engine:
        peer.gone.clear()
        speaking = engine.speak(LONG, language="en", voice=None, speed=1.0)
        await anext(speaking)
        await speaking.aclose()
        async with asyncio.timeout(1):
            await peer.gone.wait()


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
        sent = 0
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


# -- when it goes, and comes back --------------------------------------------------------------------------------------


@KINDS
async def test_a_server_killed_in_the_middle_is_told_and_used_again_when_it_is_back(
    kind: str,
    watchful: None,  # noqa: ARG001
) -> None:
    at = new_port()
    with wyoming_server(at, kind) as process:
        async with recogniser(f"wyoming://127.0.0.1:{at}") as hears, synthesiser(f"wyoming://127.0.0.1:{at}") as speaks:
            hearing = hears.hear(language="en", asked=False, on_partial=lambda _: None)
            hearing.feed(SOUND)
            speaking = speaks.speak(LONG * 20, language="en", voice=None, speed=1.0)
            await anext(speaking)
            process.kill()
            with pytest.raises(EngineFault, match="broke off"):
                await hearing.finish()
            with pytest.raises(EngineFault, match=f"broke off|No Wyoming server answers at 127.0.0.1:{at}"):
                _ = [chunk async for chunk in speaking]
            await until(lambda: not hears.status().ready and not speaks.status().ready)
            with pytest.raises(EngineUnavailable, match=f"127.0.0.1:{at} .*start it"):
                await heard(hears)
            with pytest.raises(EngineUnavailable, match=f"127.0.0.1:{at} .*start it"):
                await spoken(speaks)
            with wyoming_server(at, kind):
                await until(lambda: hears.status().ready and speaks.status().ready)
                assert await heard(hears, recording())
                assert await spoken(speaks)


async def test_a_server_that_hangs_is_told_and_used_again_when_it_wakes(impatient: None) -> None:  # noqa: ARG001
    at = new_port()
    with wyoming_server(at, "streams") as process:
        async with recogniser(f"wyoming://127.0.0.1:{at}") as hears, synthesiser(f"wyoming://127.0.0.1:{at}") as speaks:
            process.send_signal(signal.SIGSTOP)
            with pytest.raises(EngineFault, match="no transcript"):
                await heard(hears)
            with pytest.raises(EngineFault, match="silent"):
                await spoken(speaks)
            await until(lambda: not hears.status().ready and not speaks.status().ready)
            process.send_signal(signal.SIGCONT)
            await until(lambda: hears.status().ready and speaks.status().ready)
            assert await spoken(speaks)


async def test_closing_tells_who_waits() -> None:
    async with misbehaving(is_silent) as (url, _):
        hears, speaks = make_recogniser(url, CONTEXT), make_synthesiser(url, CONTEXT)
        await hears.start()
        await speaks.start()
        waiting = [asyncio.create_task(heard(hears)), asyncio.create_task(spoken(speaks))]
        await asyncio.sleep(0.1)
        await hears.close()
        await speaks.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [EngineUnavailable, EngineUnavailable]
