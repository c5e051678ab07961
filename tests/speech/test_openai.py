"""`openai+http:` against a real server: what it asks for, and every kind of trouble."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported, SottovoceError
from sottovoce.speech.base import HEARING_RATE, EngineContext, EngineStatus, Recogniser, Synthesiser, Transcript
from sottovoce.speech.openai_hearing import words
from sottovoce.speech.openai_url import read_url
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.peers.processes import Peer, openai_peer
from tests.servers import ROOT, environment, free_port, serving

__all__ = ["free_port"]

SAID = "he was not an ill disposed young man"
KEY = "sk-canary-0123456789"
CANARIES = ("canary", "sk-", "secret words")


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with openai_peer() as server:
        yield server


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="module")
def sound() -> bytes:
    pcm, rate = soundfile.read(Path(__file__).parents[1] / "data" / "speech" / "austen-0880.wav", dtype="int16")
    assert rate == HEARING_RATE
    return bytes(pcm.tobytes())


@asynccontextmanager
async def hearing(url: str) -> AsyncIterator[Recogniser]:
    engine = make_recogniser(url, EngineContext(grammars={}))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def speaking(url: str) -> AsyncIterator[Synthesiser]:
    engine = make_synthesiser(url, EngineContext(grammars={}))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def heard(
    engine: Recogniser, sound: bytes, partials: list[str] | None = None, language: str = "en"
) -> Transcript:
    told = [] if partials is None else partials
    utterance = engine.hear(language=language, asked=False, on_partial=told.append)
    utterance.feed(sound)
    return await utterance.finish()


async def spoken(
    engine: Synthesiser, text: str = "Good morning.", voice: str | None = None, speed: float = 1.0
) -> bytes:
    return b"".join([chunk async for chunk in engine.speak(text, language="en", voice=voice, speed=speed)])


async def asked(peer: Peer) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer: dict[str, Any] = (await client.get(f"http://127.0.0.1:{peer.port}/asked")).json()
        return answer


async def becomes(state: bool, engine: Recogniser | Synthesiser) -> EngineStatus:
    async with asyncio.timeout(30):
        while engine.status().ready is not state:
            await asyncio.sleep(0.02)
    return engine.status()


def says_nothing_of_theirs(error: SottovoceError) -> bool:
    shown = f"{error!s} {error!r} {error.message} {error.__cause__!r}"
    return not any(canary in shown for canary in CANARIES)


# -- hearing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "streams"), [("words", True), ("plain", False), ("chunks", True), ("segments", True)]
)
async def test_servers_of_every_kind_are_understood(peer: Peer, sound: bytes, model: str, streams: bool) -> None:
    partials: list[str] = []
    async with hearing(peer.url(model=model)) as engine:
        transcript = await heard(engine, sound, partials)
    assert len(set(transcript.text.split()) & set(SAID.split())) >= 4
    assert transcript.text == words(transcript.text)
    assert (len(partials) > 1) is streams
    assert not streams or partials[-1] == transcript.text
    assert not transcript.is_command
    assert transcript.confidence == (pytest.approx(np.exp(-0.1)) if model == "words" else 1.0)


async def test_the_language_the_model_and_what_is_of_use_are_asked_for(peer: Peer, sound: bytes) -> None:
    async with hearing(peer.url(model="words", languages="de,fr")) as engine:
        await heard(engine, sound[:20_000], language="fr")
        with pytest.raises(LanguageNotSupported, match="de, fr"):
            engine.hear(language="en", asked=False, on_partial=print)
    fields = (await asked(peer))["asked"][-1]
    assert fields == {
        "model": "words",
        "language": "fr",
        "response_format": "json",
        "stream": "true",
        "include[]": "logprobs",
    }


async def test_a_server_that_refuses_to_stream_is_asked_plainly_and_from_then_on(peer: Peer, sound: bytes) -> None:
    before = len((await asked(peer))["asked"])
    async with hearing(peer.url(model="old")) as engine:
        for _ in range(2):
            assert (await heard(engine, sound[:40_000])).confidence == 1.0
        assert engine.status().ready
    ways = [("stream" in fields, "include[]" in fields) for fields in (await asked(peer))["asked"][before:]]
    assert ways == [(True, True), (True, False), (False, False), (False, False)]


async def test_too_little_sound_for_a_word_is_not_sent(peer: Peer) -> None:
    before = len((await asked(peer))["asked"])
    async with hearing(peer.url(model="broken")) as engine:
        assert await heard(engine, bytes(3_000)) == Transcript("", 0.0)
    assert len((await asked(peer))["asked"]) == before


async def test_an_utterance_without_an_end_is_kept_up_to_two_minutes(peer: Peer) -> None:
    async with hearing(peer.url(model="plain")) as engine:
        utterance = engine.hear(language="en", asked=False, on_partial=print)
        for _ in range(200):
            utterance.feed(bytes(2 * HEARING_RATE))
        assert len(utterance._sound) == 2 * HEARING_RATE * 120  # type: ignore[attr-defined]
        utterance.cancel()
        assert len(utterance._sound) == 0  # type: ignore[attr-defined]


# -- speaking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "sound_format"), [("espeak", "pcm"), ("espeak", "wav"), ("wav-anyway", "pcm")])
async def test_pcm_and_wav_of_any_shape_are_the_same_speech(peer: Peer, model: str, sound_format: str) -> None:
    async with speaking(peer.url(model="espeak", voice="en-us")) as engine:
        plain = np.frombuffer(await spoken(engine), np.int16).astype(float)
    async with speaking(peer.url(model=model, voice="en-us", format=sound_format)) as engine:
        other = np.frombuffer(await spoken(engine), np.int16).astype(float)
    assert abs(len(plain) - len(other)) < 0.02 * len(plain)
    assert abs(np.std(plain) - np.std(other)) < 0.1 * np.std(plain)


async def test_voice_and_speed_are_passed_on(peer: Peer) -> None:
    async with speaking(peer.url(model="espeak", voice="en-us+f3", voice_de="de+f2")) as engine:
        assert engine.voices == ("en-us+f3", "de+f2")
        await spoken(engine, "One.")
        await spoken(engine, "Two.", voice="en-gb", speed=1.25)
        await spoken(engine, "Two.", speed=9)
        _ = [chunk async for chunk in engine.speak("Drei.", language="de", voice=None, speed=1.0)]
    requests = (await asked(peer))["asked"][-4:]
    assert [(request["voice"], request.get("speed")) for request in requests] == [
        ("en-us+f3", None),
        ("en-gb", 1.25),
        ("en-us+f3", 1.5),
        ("de+f2", None),
    ]
    assert {request["model"] for request in requests} == {"espeak"}


async def test_the_first_sound_does_not_wait_for_the_last(peer: Peer) -> None:
    async with speaking(peer.url(model="slow", timeout="30")) as engine:
        sound = engine.speak("Good morning.", language="en", voice=None, speed=1.0)
        async with asyncio.timeout(5):
            assert await anext(sound)
        await sound.aclose()


async def test_closing_the_iterator_breaks_the_request_off(peer: Peer) -> None:
    before = (await asked(peer))["broken_off"]
    async with speaking(peer.url(model="espeak", voice="en-us")) as engine:
        sound = engine.speak("A long story. " * 200, language="en", voice=None, speed=1.0)
        assert await anext(sound)
        await sound.aclose()
        async with asyncio.timeout(10):
            while (await asked(peer))["broken_off"] == before:
                await asyncio.sleep(0.05)
        assert engine.status() == EngineStatus(ready=True)


async def test_a_voice_that_the_client_invents_says_nothing_of_the_server(peer: Peer) -> None:
    async with speaking(peer.url(model="espeak", voice="en-us")) as engine:
        with pytest.raises(EngineFault, match="no such model or voice") as caught:
            await spoken(engine, "secret words", voice="xx")
        assert says_nothing_of_theirs(caught.value)
        assert engine.status().ready


async def test_a_voice_that_is_set_wrongly_makes_it_not_ready(peer: Peer) -> None:
    async with speaking(peer.url(model="espeak", voice="xx")) as engine:
        with pytest.raises(EngineFault, match="no such model or voice"):
            await spoken(engine, "secret words")
        assert not engine.status().ready
        assert await spoken(engine, voice="en-us")
        assert engine.status().ready


# -- trouble -----------------------------------------------------------------------------------------------------------

HEARING_TROUBLE = {
    "slow": (EngineUnavailable, "did not answer within 0.5 s"),
    "garbage": (EngineFault, "does not answer as OpenAI's API does"),
    "deep": (EngineFault, "does not answer as OpenAI's API does"),
    "html": (EngineFault, "does not answer as OpenAI's API does"),
    "zipped": (EngineFault, "does not answer as OpenAI's API does"),
    "endless": (EngineFault, "without an end|does not answer as"),
    "busy": (EngineUnavailable, "no more requests now"),
    "broken": (EngineUnavailable, "fails .500."),
    "reports": (EngineFault, "reports a fault"),
    "elsewhere": (EngineFault, "refuses the request .307."),
    "none-of-the-kind": (EngineFault, "no such model"),
}
PASSES = {"busy", "reports", "elsewhere"}
"""Troubles of one request: the server is as ready as before."""


@pytest.mark.parametrize("model", HEARING_TROUBLE)
async def test_whatever_goes_wrong_while_hearing_is_said_and_nothing_of_the_answer(
    peer: Peer, sound: bytes, model: str
) -> None:
    kind, says = HEARING_TROUBLE[model]
    async with hearing(peer.url(model=model, timeout="0.5" if model == "slow" else "20")) as engine:
        with pytest.raises(EngineFault, match=says) as caught:
            await heard(engine, sound)
        assert type(caught.value) is kind
        assert f"http://127.0.0.1:{peer.port}/v1" in caught.value.message
        assert says_nothing_of_theirs(caught.value)
        assert caught.value.retry_after_s == (7 if model == "busy" else None)
        assert engine.status().ready is (model in PASSES)


SPEAKING_TROUBLE = HEARING_TROUBLE | {
    "garbage": (EngineFault, "does not answer as OpenAI's API does"),
    "deep": (EngineFault, "does not answer as OpenAI's API does"),
    "endless": (EngineFault, "answers without an end"),
    "reports": (EngineFault, "does not answer as OpenAI's API does"),
}


@pytest.mark.parametrize("model", SPEAKING_TROUBLE)
async def test_whatever_goes_wrong_while_speaking_is_said_and_nothing_of_the_answer(peer: Peer, model: str) -> None:
    kind, says = SPEAKING_TROUBLE[model]
    async with speaking(peer.url(model=model, voice="en-us", timeout="0.5" if model == "slow" else "20")) as engine:
        with pytest.raises(EngineFault, match=says) as caught:
            await spoken(engine, "secret words")
        assert type(caught.value) is kind
        assert says_nothing_of_theirs(caught.value)


async def test_a_server_that_dies_in_an_answer_and_comes_back_is_found_again(sound: bytes, free_port: int) -> None:
    with openai_peer(port=free_port) as peer:
        url = peer.url(model="dies", voice="en-us")
        async with hearing(url) as hears, speaking(url) as speaks:
            partials: list[str] = []
            broken = heard(hears, sound, partials), spoken(speaks, "secret words")
            faults = await asyncio.gather(*broken, return_exceptions=True)
            assert all(isinstance(fault, EngineFault) and "broke off" in fault.message for fault in faults)
            assert partials == ["canary"]
            assert not hears.status().ready
            assert not speaks.status().ready
            with pytest.raises(EngineUnavailable, match="Nothing answers at"):
                await heard(hears, sound)
            with openai_peer(port=free_port):
                assert (await becomes(True, hears)).waiting == 0
                await becomes(True, speaks)


async def test_cancelling_breaks_the_request_off_at_once(peer: Peer, sound: bytes) -> None:
    async with hearing(peer.url(model="slow")) as engine:
        partials: list[str] = []
        utterance = engine.hear(language="en", asked=False, on_partial=partials.append)
        utterance.feed(sound)
        finishing = asyncio.create_task(utterance.finish())
        async with asyncio.timeout(10):
            while not partials:
                await asyncio.sleep(0.01)
        assert engine.status().waiting == 1
        utterance.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await finishing
        assert time.monotonic() - started < 1
        assert engine.status() == EngineStatus(ready=True)


async def test_closing_ends_what_is_waited_for(peer: Peer, sound: bytes) -> None:
    async with hearing(peer.url(model="slow")) as hears, speaking(peer.url(model="slow")) as speaks:
        waiting = [asyncio.create_task(each) for each in (heard(hears, sound), spoken(speaks))]
        await asyncio.sleep(0.3)
        await hears.close()
        await speaks.close()
        async with asyncio.timeout(2):
            faults = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(fault) for fault in faults] == [EngineUnavailable] * 2
        assert all("was closed" in str(fault) for fault in faults)


# -- starting ----------------------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_named_with_what_to_do(free_port: int) -> None:
    engine = make_recogniser(f"openai+http://127.0.0.1:{free_port}/v1?model=x", EngineContext(grammars={}))
    with pytest.raises(
        EngineUnavailable, match=f"Nothing answers at http://127.0.0.1:{free_port}/v1: start the server"
    ):
        await engine.start()
    assert not engine.status().ready
    await engine.close()


async def test_a_server_without_a_list_of_models_will_do(peer: Peer, sound: bytes) -> None:
    async with hearing(peer.url(path="/v2", model="words")) as engine:
        assert engine.status().ready
        with pytest.raises(EngineFault, match="most servers want /v1"):
            await heard(engine, sound)


async def test_a_model_that_is_not_listed_is_said_in_the_log(peer: Peer, capsys: pytest.CaptureFixture[str]) -> None:
    async with hearing(peer.url(model="words")):
        assert "model_not_listed" not in capsys.readouterr().out
    async with hearing(peer.url(model="other")):
        assert "model_not_listed" in capsys.readouterr().out


# -- served ------------------------------------------------------------------------------------------------------------


def test_a_server_with_these_engines_is_locked_down_and_takes_a_spoken_reminder(peer: Peer) -> None:
    # By a name, which has to be looked up: that must leave no thread that could still write.
    hears, speaks = (
        peer.url(model=name, voice="en-us").replace("127.0.0.1", "localhost") for name in ("words", "espeak")
    )
    with serving("--log-level", "error", "--recogniser", hears, "--synthesiser", speaks) as url:
        ready = httpx.get(f"{url}/ready").json()
        assert ready["status"] == "ready"
        assert "thread" not in ready["lockdown"]["no_file_writes"]
        run = subprocess.run(
            [sys.executable, "-m", "sottovoce", "talk", "--json", "--fast", "--url", url, "examples/reminder.wav"],
            env=environment({}),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
    events = [json.loads(line) for line in run.stdout.splitlines()]
    assert [event["task"]["type"] for event in events if event["type"] == "task.created"] == ["reminder"]
    assert any(event["type"].endswith("transcription.delta") for event in events)
    assert any(event["type"] == "response.output_audio.done" for event in events)


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict_peer() -> Iterator[Peer]:
    with openai_peer(key=KEY) as server:
        yield server


async def test_the_key_comes_from_the_environment_or_a_file(
    strict_peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sound: bytes
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    async with hearing(strict_peer.url(model="words", key_file=str(file))) as engine:
        assert (await heard(engine, sound)).text
    monkeypatch.setenv("VOICE_KEY", KEY)
    async with speaking(strict_peer.url(model="espeak", voice="en-us", key_env="VOICE_KEY")) as speaks:
        assert await spoken(speaks)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # that one is for OpenAI, and for nobody else who is not told it
    with pytest.raises(EngineUnavailable, match="wants a key"):
        await make_recogniser(strict_peer.url(model="words"), EngineContext(grammars={})).start()


async def test_a_wrong_key_and_a_missing_one_are_told_apart_and_never_shown(
    strict_peer: Peer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = make_recogniser(strict_peer.url(model="words"), EngineContext(grammars={}))
    with pytest.raises(EngineUnavailable, match="wants a key: name its environment variable"):
        await engine.start()
    monkeypatch.setenv("VOICE_KEY", "sk-wrong-canary")
    engine = make_recogniser(strict_peer.url(model="words", key_env="VOICE_KEY"), EngineContext(grammars={}))
    with pytest.raises(EngineUnavailable, match="refuses the key from the environment variable") as caught:
        await engine.start()
    assert says_nothing_of_theirs(caught.value)
    said = capsys.readouterr()
    assert "sk-" not in said.out + said.err + repr(engine.status()) + repr(read_url(strict_peer.url(model="words")))
