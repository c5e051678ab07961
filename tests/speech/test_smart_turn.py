"""Smart Turn's real loading code and process, around small random models of its shape."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.base import EngineContext, TurnJudge
from sottovoce.speech.registry import make_turn_judge
from sottovoce.speech.whisper_mel import log_mel
from tests.speech.test_whisper_mel import recording
from tests.speech.turn_models import save_model
from tests.workers import workers_of

WEIGHTS = np.random.default_rng(7).normal(size=80).astype(np.float32)
BIAS = 0.25


def make(path: Path, *, locked: bool = True) -> TurnJudge:
    return make_turn_judge(f"smart-turn:{path}", EngineContext(grammars={}, lockdown="on" if locked else "off"))


def expected(pcm: bytes) -> float:
    """By hand."""
    logit = float(log_mel(pcm, 8).mean(axis=1) @ WEIGHTS) + BIAS
    return float(1 / (1 + np.exp(-logit)))


@pytest.fixture(params=[True, False], ids=["locked", "free"])
async def judge(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TurnJudge]:
    engine = make(save_model(tmp_path / "model.onnx", weights=WEIGHTS, bias=BIAS), locked=request.param)
    await engine.start()
    yield engine
    await engine.close()
    assert workers_of("smart_turn") == []


async def test_it_says_what_the_model_says(judge: TurnJudge) -> None:
    pcm = recording()
    for sound in (pcm, pcm[: len(pcm) // 2], pcm * 4, b""):
        assert await judge.finished(sound) == pytest.approx(expected(sound), abs=1e-3)
    assert expected(pcm) != pytest.approx(expected(pcm[: len(pcm) // 2]), abs=0.01), "or the test shows nothing"


async def test_many_at_once_each_get_their_own_answer(judge: TurnJudge) -> None:
    pcm = recording()
    sounds = [pcm[: len(pcm) * part // 6] for part in range(1, 7)]
    answers = await asyncio.gather(*(judge.finished(sound) for sound in sounds))
    for sound, answer in zip(sounds, answers, strict=True):
        assert answer is None or answer == pytest.approx(expected(sound), abs=1e-3)
    assert any(answer is not None for answer in answers)


async def test_who_stops_listening_gets_nobody_elses_answer(judge: TurnJudge) -> None:
    pcm = recording()
    for _ in range(5):
        asking = asyncio.create_task(judge.finished(pcm * 4))
        await asyncio.sleep(0.002)
        asking.cancel()
        answer = await judge.finished(pcm)
        assert answer is None or answer == pytest.approx(expected(pcm), abs=1e-3)
    assert judge.status().restarts == 0


async def test_a_worker_that_hangs_holds_up_nobody(judge: TurnJudge) -> None:
    await asyncio.sleep(0.3)  # a locked worker makes the process that will answer
    hung = workers_of("smart_turn")
    for process in hung:
        process.suspend()
    began = time.monotonic()
    assert await judge.finished(recording()) is None
    assert time.monotonic() - began < 3
    for process in hung:
        process.resume()
    async with asyncio.timeout(20):
        while await judge.finished(recording()) is None:
            await asyncio.sleep(0.05)


async def test_a_worker_that_is_killed_is_replaced(judge: TurnJudge) -> None:
    for process in workers_of("smart_turn"):
        process.send_signal(signal.SIGKILL)
    async with asyncio.timeout(30):
        while judge.status().restarts == 0 or not judge.status().ready:
            await asyncio.sleep(0.05)
        while (answer := await judge.finished(recording())) is None:
            await asyncio.sleep(0.05)
    assert answer == pytest.approx(expected(recording()), abs=1e-3)


async def test_closing_answers_whoever_still_asks_and_it_starts_again(judge: TurnJudge) -> None:
    asking = [asyncio.create_task(judge.finished(recording() * 3)) for _ in range(3)]
    await asyncio.sleep(0.01)
    await judge.close()
    await judge.close()
    async with asyncio.timeout(5):
        assert all(answer is None or 0 <= answer <= 1 for answer in await asyncio.gather(*asking))
    assert not judge.status().ready
    assert workers_of("smart_turn") == []
    await judge.start()
    assert await judge.finished(recording()) == pytest.approx(expected(recording()), abs=1e-3)


async def test_what_is_no_such_model_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    other = save_model(tmp_path / "other.onnx", name="audio")
    unfit = {tmp_path / "gone.onnx": "not there", tmp_path / "text.onnx": "no ONNX", other: "Smart Turn"}
    for path, why in unfit.items():
        engine = make(path)
        with pytest.raises(EngineUnavailable, match=why):
            await engine.start()
        assert not engine.status().ready
        assert await engine.finished(recording()) is None
        await engine.close()
    assert workers_of("smart_turn") == []


def test_its_url_holds_a_whole_path() -> None:
    for url in ("smart-turn:", "smart-turn:model.onnx"):
        with pytest.raises(EngineUrlInvalid, match="whole path"):
            make_turn_judge(url, EngineContext(grammars={}))
