"""espeak-ng's worker processes: pace and voices, and what happens when one dies."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import pytest
import uvloop

from sottovoce.errors import EngineFault
from sottovoce.speech import espeak, espeak_worker, speaking_worker
from sottovoce.speech.espeak import EspeakSynthesiser

TEXT = "I will remind you to call the school tomorrow morning."
LONG = " ".join([TEXT] * 12)
LOOPS = pytest.mark.parametrize(
    "loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
Scenario = Callable[[EspeakSynthesiser], Coroutine[Any, Any, None]]


@pytest.fixture
async def synthesiser() -> AsyncIterator[EspeakSynthesiser]:
    engine = EspeakSynthesiser()
    await engine.start()
    yield engine
    await engine.close()


async def spoken(engine: EspeakSynthesiser, text: str = TEXT, voice: str | None = None, speed: float = 1.0) -> bytes:
    return b"".join([chunk async for chunk in engine.speak(text, language="en", voice=voice, speed=speed)])


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / 22_050


def pid(engine: EspeakSynthesiser, number: int = 0) -> int:
    return engine._workers[number].process.pid


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("speed", [0.25, 0.35, 0.5, 0.75, 1.25, 1.5])
async def test_speed_is_as_asked(synthesiser: EspeakSynthesiser, speed: float) -> None:
    ratio = seconds(await spoken(synthesiser)) / seconds(await spoken(synthesiser, speed=speed))
    assert ratio == pytest.approx(speed, rel=0.2)


async def test_a_speed_beyond_the_range_counts_as_the_nearest_in_it(synthesiser: EspeakSynthesiser) -> None:
    for beyond, within in [(9.0, 1.5), (0.01, 0.25)]:
        lengths = [seconds(await spoken(synthesiser, speed=speed)) for speed in (beyond, within)]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.03)


def pitch(pcm: bytes) -> float:
    """The median over loud frames of the fundamental between 70 and 400 Hz, by autocorrelation."""
    frames = np.frombuffer(pcm[: len(pcm) // 2048 * 2048], np.int16).reshape(-1, 1024).astype(float)
    loud = frames[np.std(frames, axis=1) > np.std(frames)]
    likeness = np.fft.irfft(np.abs(np.fft.rfft(loud, 2048)) ** 2)
    shortest, longest = 22_050 // 400, 22_050 // 70
    return float(np.median(22_050 / (shortest + np.argmax(likeness[:, shortest:longest], axis=1))))


async def test_voices_differ(synthesiser: EspeakSynthesiser) -> None:
    assert pitch(await spoken(synthesiser, voice="en-us+f3")) > 1.2 * pitch(await spoken(synthesiser, voice="en-us+m3"))


@pytest.mark.parametrize(
    "voice", ["../../etc/passwd", "en-us+../m1", "en+zz", "fr", "EN", "en\x00", "en us", "de-at+", "e" * 64]
)
async def test_a_voice_that_is_none_is_refused_by_naming_some(synthesiser: EspeakSynthesiser, voice: str) -> None:
    with pytest.raises(EngineFault, match=r"en-us, en-us\+f3") as caught:
        await spoken(synthesiser, voice=voice)
    assert voice not in caught.value.message


async def test_a_voice_that_espeak_does_not_have_costs_one_request(synthesiser: EspeakSynthesiser) -> None:
    with pytest.raises(EngineFault, match="does not have this voice"):
        await spoken(synthesiser, voice="en-atlantis")
    assert seconds(await spoken(synthesiser)) > 2
    assert synthesiser.status().restarts == 0


async def test_marks_for_the_engine_are_read_as_text(synthesiser: EspeakSynthesiser) -> None:
    plain = seconds(await spoken(synthesiser, "go fast now"))
    assert seconds(await spoken(synthesiser, "go \x01+400s fast now")) > plain
    assert seconds(await spoken(synthesiser, "go <break time='9s'/> fast now")) < 9
    assert seconds(await spoken(synthesiser, "go [[fast]] now")) == pytest.approx(plain, rel=0.1)


async def test_the_library_is_in_no_process_but_the_workers(synthesiser: EspeakSynthesiser) -> None:
    def loaded(process: psutil.Process) -> bool:
        return any("libespeak" in mapped.path for mapped in process.memory_maps())

    assert loaded(psutil.Process(pid(synthesiser)))
    assert not loaded(psutil.Process())


async def test_an_idle_worker_that_dies_is_replaced(synthesiser: EspeakSynthesiser) -> None:
    dead = pid(synthesiser)
    os.kill(dead, signal.SIGKILL)
    await until(lambda: pid(synthesiser) != dead)
    assert synthesiser.status().ready
    assert synthesiser.status().restarts == 1
    assert seconds(await spoken(synthesiser)) > 2


@LOOPS
@pytest.mark.parametrize("scenario", ["nothing given out", "something given out", "it hangs"])
def test_a_worker_that_dies_over_a_sentence(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], scenario: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenarios = {
        "nothing given out": _nothing_given_out,
        "something given out": _something_given_out,
        "it hangs": _hangs,
    }
    if scenario == "it hangs":
        monkeypatch.setattr(espeak, "_PROGRAM", msgspec.structs.replace(espeak._PROGRAM, answer_s=0.5))

    async def run() -> None:
        before = psutil.Process().children()
        engine = EspeakSynthesiser()
        await engine.start()
        await scenarios[scenario](engine)
        assert seconds(await spoken(engine)) > 2
        assert engine.status().restarts >= 1
        await engine.close()
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == 1
        assert psutil.Process().children() == before

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(run())


async def _nothing_given_out(engine: EspeakSynthesiser) -> None:
    """The sentence is run again, and nobody notices."""
    os.kill(pid(engine), signal.SIGSTOP)
    speaking = asyncio.create_task(spoken(engine))
    await until(lambda: bool(engine._speaking))
    os.kill(pid(engine), signal.SIGKILL)
    assert seconds(await speaking) > 2


async def _something_given_out(engine: EspeakSynthesiser) -> None:
    """A sentence half said is not said twice."""
    sound = engine.speak(LONG, language="en", voice=None, speed=0.25)
    await anext(sound)
    os.kill(pid(engine), signal.SIGKILL)
    with pytest.raises(EngineFault, match="broke off"):
        async for _ in sound:
            pass


async def _hangs(engine: EspeakSynthesiser) -> None:
    os.kill(pid(engine), signal.SIGSTOP)
    assert seconds(await spoken(engine)) > 2


@LOOPS
def test_closing_while_it_speaks_leaves_nothing(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def run() -> None:
        before = psutil.Process().children()
        engine = EspeakSynthesiser(workers=2)
        await engine.start()
        assert engine.status().workers == 2
        speaking = [asyncio.create_task(spoken(engine, LONG)) for _ in range(5)]
        await asyncio.sleep(0.02)
        await engine.close()
        outcomes = await asyncio.gather(*speaking, return_exceptions=True)
        assert any(isinstance(outcome, EngineFault) for outcome in outcomes)
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == 1
        assert psutil.Process().children() == before

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    counts = []
    for _ in range(3):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(run())
        counts.append(descriptors())
    assert counts[1] == counts[2]


ORPHAN = """
import asyncio
from sottovoce.speech.espeak import EspeakSynthesiser

async def main():
    engine = EspeakSynthesiser()
    await engine.start()
    print(engine._workers[0].process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        assert worker.is_running()
        parent.kill()
        parent.wait()
        worker.wait(timeout=10)
        assert not worker.is_running()


def test_data_too_deep_for_espeak_are_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 25) / ("deeper" * 10)
    (deep / "espeakng_loader").mkdir(parents=True)
    (deep / "espeakng_loader" / "__init__.py").touch()
    monkeypatch.syspath_prepend(deep)
    with pytest.raises(speaking_worker.NotThereError, match=r"lies too deep for espeak-ng: .* and may have 159"):
        espeak_worker._bundled()


def test_without_the_loader_the_systems_library_serves_or_what_to_install_is_said() -> None:
    package = Path(espeak_worker.__file__).parents[2]
    worker = subprocess.run(
        [sys.executable, "-S", "-m", "sottovoce.speech.espeak_worker"],
        env={"PYTHONPATH": str(package)},
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    kind, length = speaking_worker.FRAME_HEAD.unpack_from(worker.stdout)
    said = worker.stdout[speaking_worker.FRAME_HEAD.size :]
    assert len(said) == length
    try:
        ctypes.CDLL("libespeak-ng.so.1")
    except OSError:
        assert kind == speaking_worker.FAULT
        assert b"pip install 'sottovoce[espeak]'" in said
        assert b"apt-get install libespeak-ng1" in said
    else:
        assert kind == speaking_worker.HELLO
