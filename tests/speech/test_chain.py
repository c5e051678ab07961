"""Chains of real engines, of which some die, hang or are not there."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import soundfile

from sottovoce.core.breaker import BreakerState
from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.orchestrator.skills import Skills
from sottovoce.speech.base import EngineContext, EngineStatus, Hearing, Recogniser, Synthesiser, Transcript
from sottovoce.speech.chain import Outcome
from sottovoce.speech.chain_hearing import ChainRecogniser
from sottovoce.speech.chain_speaking import ChainSynthesiser
from sottovoce.speech.instant import SENTENCE
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.workers import workers_of

SPEECH = Path(__file__).parents[1] / "data" / "speech" / "austen-0880.wav"
RATE = 16_000
FRAME = 640
CONTEXT = EngineContext(grammars=Skills.installed().grammars, workers=1)
ENGLISH = "I will remind you of the milk. I will remind you of the bread. Nothing else is on the list."


def recording() -> bytes:
    sound, _ = soundfile.read(SPEECH, dtype="int16")
    return bytes(sound.tobytes())


@contextmanager
def stopped() -> Iterator[None]:
    """All workers hang, until the end of the block."""
    hung = workers_of()
    assert hung
    for process in hung:
        process.suspend()
    try:
        yield
    finally:
        for process in hung:
            with suppress(psutil.NoSuchProcess):
                process.resume()


class TcpRecogniser:
    """Hears nothing itself: a server does, which gets the sound and answers with a line. A line that is missing is a
    failure. Small, and real: a connection for each utterance."""

    languages: tuple[str, ...] = ("en",)
    answers_free_text = False

    def __init__(self, port: int, name: str = "tcp") -> None:
        self.port = port
        self.name = name
        self.asked = 0

    async def start(self) -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            raise EngineUnavailable(f"nobody listens on port {self.port}") from None
        writer.close()
        await writer.wait_closed()

    async def close(self) -> None:
        pass

    def status(self) -> EngineStatus:
        return EngineStatus(ready=True)

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:  # noqa: ARG002
        self.asked += 1
        return _TcpHearing(self.port, on_partial)


class _TcpHearing:
    def __init__(self, port: int, on_partial: Callable[[str], None]) -> None:
        self._port = port
        self._sound = bytearray()
        self.on_partial = on_partial

    def feed(self, pcm: bytes) -> None:
        if not self._sound:
            self.on_partial(f"from {self._port}")
        self._sound += pcm

    async def finish(self) -> Transcript:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            raise EngineUnavailable("nobody listens") from None
        try:
            writer.write(len(self._sound).to_bytes(4, "big") + self._sound)
            line = await reader.readline()
        except ConnectionError:
            line = b""
        finally:
            writer.close()
        if not line:
            raise EngineFault("the server broke off")
        return Transcript(line.decode().strip(), 1.0)

    def cancel(self) -> None:
        self._sound.clear()
        self.on_partial("too late")


@asynccontextmanager
async def hearing_server(
    *, port: int = 0, fails: bool = False, slow_s: float = 0.0
) -> AsyncGenerator[tuple[int, list[int]], None]:
    """Its port, and the bytes of sound of each utterance that it has been sent."""
    heard: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            length = int.from_bytes(await reader.readexactly(4), "big")
            heard.append(len(await reader.readexactly(length)))
            await left(reader, slow_s)
            if not fails:
                writer.write(b"heard by tcp\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def left(reader: asyncio.StreamReader, within_s: float) -> None:
    """So long, or until the other side has gone."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await reader.read()


def told() -> tuple[list[tuple[str, str]], Callable[[str, Outcome], None]]:
    outcomes: list[tuple[str, str]] = []
    return outcomes, lambda name, outcome: outcomes.append((name, str(outcome)))


@asynccontextmanager
async def hearing(
    *engines: Recogniser | str, deadline_s: float = 30.0
) -> AsyncIterator[tuple[ChainRecogniser, list[tuple[str, str]]]]:
    outcomes, tell = told()
    made = [make_recogniser(engine, CONTEXT) if isinstance(engine, str) else engine for engine in engines]
    chain = ChainRecogniser(made, deadline_s=deadline_s, told=tell)
    await chain.start()
    try:
        yield chain, outcomes
    finally:
        await chain.close()


async def heard(chain: Recogniser, partials: list[str] | None = None, pcm: bytes | None = None) -> Transcript:
    sound = recording() if pcm is None else pcm
    utterance = chain.hear(language="en", asked=False, on_partial=([] if partials is None else partials).append)
    for first in range(0, len(sound), FRAME):
        utterance.feed(sound[first : first + FRAME])
    return await utterance.finish()


# -- hearing -----------------------------------------------------------------------------------------------------------


async def test_the_first_engine_hears_and_the_others_are_left_in_peace() -> None:
    async with hearing_server() as (port, sounds), hearing(TcpRecogniser(port), "instant:") as (chain, outcomes):
        assert (await heard(chain)).text == "heard by tcp"
        assert sounds == [len(recording())]
        assert outcomes == [("tcp", "served")]
        assert [link.served for link in chain.status().links] == [1, 0]


async def test_what_one_engine_cannot_hear_the_next_hears_whole() -> None:
    async with hearing_server(fails=True) as (bad, lost), hearing_server() as (good, got):
        first, second = TcpRecogniser(bad), TcpRecogniser(good)
        async with hearing(first, second) as (chain, outcomes):
            partials: list[str] = []
            assert (await heard(chain, partials)).text == "heard by tcp"
            assert lost == got == [len(recording())]
            assert partials == [f"from {bad}", f"from {good}"], "of the engine in charge, and no other"
            assert outcomes == [("tcp", "failed"), ("tcp-2", "served")]


async def test_an_engine_that_is_slow_is_not_waited_for() -> None:
    async with (
        hearing_server(slow_s=60.0) as (port, _),
        hearing(TcpRecogniser(port), "instant:", deadline_s=0.2) as (chain, outcomes),
    ):
        async with asyncio.timeout(5):
            assert (await heard(chain, pcm=bytes(RATE))).text == SENTENCE
        assert outcomes == [("tcp", "slow"), ("instant", "served")]


async def test_the_last_engine_may_be_slower_than_the_others() -> None:
    async with (
        hearing_server(fails=True) as (bad, _),
        hearing_server(slow_s=1.0) as (slow, _),
        hearing(TcpRecogniser(bad), TcpRecogniser(slow), deadline_s=0.1) as (chain, _outcomes),
    ):
        assert (await heard(chain, pcm=bytes(640))).text == "heard by tcp"


async def test_workers_that_hang_cost_a_deadline_and_not_the_turn() -> None:
    async with hearing("pocketsphinx:", "instant:", deadline_s=0.5) as (chain, outcomes):
        utterance = chain.hear(language="en", asked=False, on_partial=lambda _: None)
        with stopped():
            utterance.feed(recording()[:RATE])
            assert (await utterance.finish()).text == SENTENCE
        assert outcomes == [("pocketsphinx", "slow"), ("instant", "served")]


async def test_the_real_recogniser_takes_over_in_the_middle_of_a_turn() -> None:
    async with hearing_server() as (port, _), hearing("pocketsphinx:") as (alone, _outcomes):
        expected = (await heard(alone)).text
        await alone.close()
        async with hearing(TcpRecogniser(port), "pocketsphinx:") as (chain, outcomes):
            utterance = chain.hear(language="en", asked=False, on_partial=lambda _: None)
            pcm = recording()
            utterance.feed(pcm[: len(pcm) // 2])
            chain.links[0].engine.port = unused()  # type: ignore[attr-defined]
            utterance._hearing._port = chain.links[0].engine.port  # type: ignore[attr-defined]
            utterance.feed(pcm[len(pcm) // 2 :])
            assert (await utterance.finish()).text == expected, "all of it, from its beginning"
            assert outcomes == [("tcp", "failed"), ("pocketsphinx", "served")]


async def test_after_three_failures_an_engine_is_left_alone() -> None:
    async with hearing_server(fails=True) as (port, sounds):
        engine = TcpRecogniser(port)
        async with hearing(engine, "instant:") as (chain, _outcomes):
            for _ in range(6):
                assert (await heard(chain, pcm=bytes(640))).text == SENTENCE
            assert len(sounds) == 3
            first, second = chain.status().links
            assert (first.breaker, first.failures, first.served) == (BreakerState.OPEN, 3, 0)
            assert (second.breaker, second.failures, second.served) == (BreakerState.CLOSED, 0, 6)
            assert chain.status().ready


async def test_when_all_fail_the_last_says_why_and_every_one_is_asked_though_all_breakers_are_open() -> None:
    async with hearing_server(fails=True) as (port, sounds), hearing(TcpRecogniser(port)) as (chain, _outcomes):
        for count in range(1, 6):
            with pytest.raises(EngineFault, match="broke off"):
                await heard(chain, pcm=bytes(640))
            assert len(sounds) == count
        assert not chain.status().ready


async def test_an_engine_that_is_down_at_the_start_joins_when_it_is_up() -> None:
    port = unused()
    async with hearing(TcpRecogniser(port), "instant:") as (chain, _outcomes):
        assert [link.ready for link in chain.status().links] == [False, True]
        assert (await heard(chain)).text == SENTENCE
        async with hearing_server(port=port), asyncio.timeout(10):
            while not chain.status().links[0].ready:
                await asyncio.sleep(0.05)
            assert (await heard(chain)).text == "heard by tcp"


async def test_without_any_engine_the_start_fails_and_says_of_each_why() -> None:
    first, second = unused(), unused()
    chain = ChainRecogniser([TcpRecogniser(first, "one"), TcpRecogniser(second, "two")])
    with pytest.raises(EngineUnavailable, match=f"one: nobody listens on port {first}; two: .* {second}"):
        await chain.start()
    with pytest.raises(EngineUnavailable):
        chain.hear(language="en", asked=False, on_partial=lambda _: None)


async def test_each_engine_is_asked_for_its_own_languages() -> None:
    async with hearing_server() as (port, _), hearing(TcpRecogniser(port), "instant:") as (chain, outcomes):
        assert set(chain.languages) == {"en", "de"}
        utterance = chain.hear(language="de", asked=False, on_partial=lambda _: None)
        utterance.feed(bytes(640))
        assert (await utterance.finish()).text == SENTENCE
        assert outcomes == [("instant", "served")]
        with pytest.raises(LanguageNotSupported, match="de, en"):
            chain.hear(language="fr", asked=False, on_partial=lambda _: None)


async def test_after_its_end_an_utterance_holds_no_sound_and_hears_no_more() -> None:
    async with hearing_server() as (port, _), hearing(TcpRecogniser(port), "instant:") as (chain, _outcomes):
        for end in ("finish", "cancel"):
            partials: list[str] = []
            utterance = chain.hear(language="en", asked=False, on_partial=partials.append)
            utterance.feed(recording())
            engines = utterance._hearing  # type: ignore[attr-defined]
            if end == "finish":
                await utterance.finish()
            else:
                utterance.cancel()
            told_before = list(partials)
            engines.on_partial("afterwards")
            utterance.feed(recording())
            assert partials == told_before
            assert not utterance._sound  # type: ignore[attr-defined]
            assert not engines._sound


# -- speaking ----------------------------------------------------------------------------------------------------------


class TcpSynthesiser:
    """Says what a server sends: a number of bytes, then the end or a break. 8 kHz."""

    name = "tcp"
    languages: tuple[str, ...] = ("en",)
    voices: tuple[str, ...] = ("line",)
    sample_rate = 8_000

    def __init__(self, port: int) -> None:
        self._port = port
        self._ready = False
        self.said: list[str] = []

    async def start(self) -> None:
        self._ready = True

    async def close(self) -> None:
        self._ready = False

    def status(self) -> EngineStatus:
        return EngineStatus(ready=self._ready)

    async def speak(
        self,
        text: str,
        *,
        language: str,  # noqa: ARG002
        voice: str | None,
        speed: float,  # noqa: ARG002
    ) -> AsyncGenerator[bytes, None]:
        if voice not in {None, "line"}:
            raise EngineFault("there is no such voice")
        self.said.append(text)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(text.encode() + b"\n")
            while True:
                chunk = await reader.readexactly(800)
                if not any(chunk):
                    return
                yield chunk
        except asyncio.IncompleteReadError:
            raise EngineFault("the server broke off") from None
        finally:
            writer.close()


@asynccontextmanager
async def speaking_server(*, chunks: int = 5, breaks_at: str = "", slow_s: float = 0.0) -> AsyncGenerator[int, None]:
    """Sends so many chunks of 50 ms a text; within texts that hold `breaks_at`, it breaks off after half of them."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            text = (await reader.readline()).decode()
            await left(reader, slow_s)
            broken = bool(breaks_at) and breaks_at in text
            writer.write(b"\x00\x10" * 400 * (chunks // 2 if broken else chunks) + (b"" if broken else bytes(800)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def speaking(
    *engines: Synthesiser | str, deadline_s: float = 30.0
) -> AsyncIterator[tuple[ChainSynthesiser, list[tuple[str, str]]]]:
    outcomes, tell = told()
    made = [make_synthesiser(engine, CONTEXT) if isinstance(engine, str) else engine for engine in engines]
    chain = ChainSynthesiser(made, deadline_s=deadline_s, told=tell)
    await chain.start()
    try:
        yield chain, outcomes
    finally:
        await chain.close()


async def spoken(
    chain: Synthesiser, text: str = ENGLISH, voice: str | None = None, chunks: list[bytes] | None = None
) -> list[bytes]:
    heard = [] if chunks is None else chunks
    async for chunk in chain.speak(text, language="en", voice=voice, speed=1.0):
        heard.append(chunk)
    return heard


def seconds(chain: Synthesiser, chunks: list[bytes]) -> float:
    return sum(map(len, chunks)) / 2 / chain.sample_rate


TONE_S = 1.0
"""What `instant:` says of every sentence."""


async def test_a_sentence_that_could_not_be_begun_is_said_by_the_next_engine_at_one_rate() -> None:
    async with (
        speaking_server(chunks=1, breaks_at=" ") as port,
        speaking(TcpSynthesiser(port), "instant:") as (chain, outcomes),
    ):
        assert chain.sample_rate == 16_000
        assert seconds(chain, await spoken(chain, "Hello over there.")) == pytest.approx(TONE_S, abs=0.01)
        assert outcomes == [("tcp", "failed"), ("instant", "served")]


async def test_of_a_sentence_that_breaks_off_nothing_is_said_twice_and_the_next_one_is_said() -> None:
    async with speaking_server(breaks_at="bread", chunks=10) as port:
        engine = TcpSynthesiser(port)
        async with speaking(engine, "instant:") as (chain, outcomes):
            chunks = await spoken(chain)
            assert engine.said == ["I will remind you of the milk.", "I will remind you of the bread."]
            assert seconds(chain, chunks) == pytest.approx(0.5 + 0.25 + TONE_S, abs=0.05)
            assert outcomes == [("tcp", "served"), ("tcp", "broke_off"), ("instant", "served")]
            assert max(map(len, chunks)) <= 2 * chain.sample_rate // 10


async def test_when_the_last_sentence_breaks_off_whoever_listens_is_told() -> None:
    async with (
        speaking_server(breaks_at="list") as port,
        speaking(TcpSynthesiser(port), "instant:") as (chain, outcomes),
    ):
        chunks: list[bytes] = []
        with pytest.raises(EngineFault, match="broke off"):
            await spoken(chain, chunks=chunks)
        assert chunks
        assert outcomes[-1] == ("tcp", "broke_off")


async def test_a_synthesiser_that_gives_no_sound_in_time_is_not_waited_for() -> None:
    async with (
        speaking_server(slow_s=60.0) as port,
        speaking(TcpSynthesiser(port), "espeak:", deadline_s=0.2) as (chain, outcomes),
    ):
        async with asyncio.timeout(10):
            assert seconds(chain, await spoken(chain)) > 2
        assert outcomes[0] == ("tcp", "slow")
        assert outcomes[1:] == [("espeak", "served")] * 3


async def test_who_listens_slowly_is_no_fault_of_the_engine() -> None:
    async with (
        speaking_server() as port,
        speaking(TcpSynthesiser(port), "instant:", deadline_s=0.2) as (chain, outcomes),
    ):
        async for _ in chain.speak("Hello over there.", language="en", voice=None, speed=1.0):
            await asyncio.sleep(0.3)
        assert outcomes == [("tcp", "served")]


async def test_a_real_synthesiser_that_hangs_before_its_first_sound_is_replaced_by_another() -> None:
    async with speaking("espeak:", "instant:", deadline_s=0.5) as (chain, outcomes):
        assert chain.sample_rate == 22_050
        with stopped():
            assert seconds(chain, await spoken(chain, "Hello over there.")) == pytest.approx(TONE_S, abs=0.02)
        assert outcomes == [("espeak", "slow"), ("instant", "served")]


async def test_a_real_synthesiser_whose_worker_is_killed_costs_no_answer() -> None:
    async with speaking("espeak:", "instant:") as (chain, outcomes):
        for process in workers_of():
            process.send_signal(signal.SIGKILL)
        assert seconds(chain, await spoken(chain)) > 2
        assert {outcome for _, outcome in outcomes} <= {"served", "failed"}
        assert sum(outcome == "served" for _, outcome in outcomes) == 3


async def test_voices_go_to_who_has_them_and_a_wrong_one_opens_no_breaker() -> None:
    async with speaking_server() as port:
        engine = TcpSynthesiser(port)
        async with speaking(engine, "espeak:") as (chain, outcomes):
            assert chain.voices[0] == "line"
            assert await spoken(chain, "Hello over there.", "line")
            assert await spoken(chain, "Hello over there.", "en-gb+f2")
            for _ in range(5):
                assert await spoken(chain, "Hello over there.", "nobody's")
            assert len(engine.said) == 2
            assert chain.status().links[0].breaker is BreakerState.CLOSED
            assert outcomes[:3] == [("tcp", "served"), ("tcp", "served"), ("tcp", "failed")]
        assert outcomes[-1] == ("espeak", "served")


async def test_closing_the_iterator_of_a_trial_leaves_the_breaker_able_to_close() -> None:
    async with (
        speaking_server(breaks_at="bread", chunks=1) as port,
        speaking(TcpSynthesiser(port), "instant:") as (chain, _outcomes),
    ):
        link = chain.links[0]
        for _ in range(3):
            await spoken(chain, "I will remind you of the bread.")
        assert link.breaker.state == "open"
        link.breaker._due = 0.0
        sound = chain.speak(ENGLISH, language="en", voice=None, speed=1.0)
        assert await anext(sound)
        assert link.breaker.state == "half_open"
        await sound.aclose()
        assert link.breaker.state == "open"
        assert await spoken(chain, "Hello over there.")
        assert link.breaker.state == "closed"


def unused() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
