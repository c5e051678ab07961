"""What a Wyoming server offers; that it goes, and comes back."""

import asyncio
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
import soundfile

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.peers.wyoming_server import wyoming_server
from tests.peers.wyoming_trouble import SOUND, is_silent, misbehaving
from tests.servers import new_port
from tests.speech.wyoming_helpers import (
    CONTEXT,
    LONG,
    be_impatient,
    be_watchful,
    heard,
    recogniser,
    spoken,
    synthesiser,
    until,
)

SPEECH = Path(__file__).parents[1] / "data" / "speech"
KINDS = pytest.mark.parametrize("kind", ["whole", "streams"])


def recording() -> bytes:
    sound, _ = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    return bytes(sound.tobytes())


@pytest.fixture(scope="module")
def port() -> Generator[int, None, None]:
    """Of a real server that streams."""
    at = new_port()
    with wyoming_server(at, "streams"):
        yield at


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


async def test_a_model_that_it_lacks_is_refused_by_naming_those_it_has(port: int) -> None:
    with pytest.raises(EngineUnavailable, match="it has sphinx"):
        await make_recogniser(f"wyoming://127.0.0.1:{port}?model=whisper", CONTEXT).start()


@KINDS
async def test_a_server_killed_in_the_middle_is_told_and_used_again_when_it_is_back(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_watchful(monkeypatch)
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


async def test_a_server_that_hangs_is_told_and_used_again_when_it_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)
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
