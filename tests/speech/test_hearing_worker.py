"""The process of a recogniser: what it gives up before anything is said."""

import asyncio
from pathlib import Path

import pytest

from sottovoce.speech.hearing_pool import HearingPool, Program
from tests.speech.probe_worker import Setup


class ProbeRecogniser(HearingPool):
    name = "probe"
    languages: tuple[str, ...] = ("en",)


async def heard(setup: Setup, lockdown: str, times: int = 1) -> tuple[set[str], set[str]]:
    """What came of it, and in which processes."""
    program = Program(module="tests.speech.probe_worker", setup=setup, library="msgspec", install="")
    engine = ProbeRecogniser(program, 1, lockdown)
    await engine.start()
    outcomes, processes = set(), set()
    for _ in range(times):
        transcript = await engine.hear(language="en", asked=False, on_partial=lambda _: None).finish()
        outcome, process = transcript.text.split()
        outcomes.add(outcome)
        processes.add(process)
        await asyncio.sleep(0.1)
    assert engine.status().restarts == 0
    await engine.close()
    return outcomes, processes


@pytest.fixture(autouse=True)
def _probe_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


@pytest.mark.parametrize("in_thread", [True, False], ids=["in a thread", "in no thread"])
@pytest.mark.parametrize(("lockdown", "outcome"), [("on", "refused"), ("off", "written")])
async def test_no_file_can_be_written_not_even_by_a_thread_that_a_model_brought(
    tmp_path: Path, lockdown: str, outcome: str, *, in_thread: bool
) -> None:
    file = tmp_path / "kept"
    outcomes, _ = await heard(Setup(str(file), in_thread), lockdown)
    assert outcomes == {outcome}
    assert file.exists() == (outcome == "written")


@pytest.mark.parametrize(("in_thread", "count"), [(False, 3), (True, 1)], ids=["no thread", "a thread"])
async def test_who_has_no_thread_dies_between_two_utterances(tmp_path: Path, count: int, *, in_thread: bool) -> None:
    _, processes = await heard(Setup(str(tmp_path / "kept"), in_thread), "on", times=3)
    assert len(processes) == count
