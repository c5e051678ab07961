"""The forgetting test: for real, with the default engines."""

import os
import shutil

import msgspec
import pytest

from sottovoce.audit.forgetting import Looked, Report, Scan, Verdict, _scan
from sottovoce.audit.house import why_no_image, why_no_memory, why_no_trace
from sottovoce.audit.needles import Hit
from sottovoce.cli.audit import exit_code
from sottovoce.cli.exits import ExitCode
from tests.cli.conftest import Run, run_process

__all__ = ["run_process"]

HIT = Hit("speech", "PCM, 16 bits", 2)


@pytest.mark.timeout(240)
def test_nothing_that_was_said_is_found_and_every_planted_leak_is(
    run_process: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = run_process("audit", "forgetting", "--json", SOTTOVOCE_ENGINE_WORKERS="1")
    assert ended.out, ended.err
    report = msgspec.json.decode(ended.out, type=Report)
    with capsys.disabled():
        for scan in report.scans:
            print(f"\n{scan.name}: {scan.verdict}, {scan.planted} of planted leaks, {scan.at}{scan.why}", end="")  # noqa: T201 - to be seen
    possible = [not why for why in (why_no_trace(), why_no_image(), why_no_memory())]
    verdicts = [scan.verdict for scan in report.scans]
    assert verdicts.count(Verdict.CLEAN) == 2 + sum(possible), ended.out
    assert verdicts.count(Verdict.NOT_MADE) == 3 - sum(possible)
    assert ended.code == (ExitCode.WELL if all(possible) else ExitCode.NOT_MADE)
    assert {"typed", "heard 1", "speech", "answer", "answer as it was made"} <= set(report.canaries)
    assert report.seconds_after_end < 2


@pytest.mark.parametrize(
    ("clean", "planted", "verdict"),
    [
        (Looked("", []), Looked("", [HIT]), Verdict.CLEAN),
        (Looked("", [HIT]), Looked("", [HIT]), Verdict.FOUND),
        (Looked("", []), Looked("", []), Verdict.BLIND),
        (Looked("", [], whole=False), Looked("", [HIT]), Verdict.BLIND),
    ],
)
def test_a_scan_that_misses_its_leak_shows_nothing(clean: Looked, planted: Looked, verdict: Verdict) -> None:
    assert _scan("log", clean, planted).verdict is verdict


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.CLEAN], ExitCode.WELL),
        ([Verdict.CLEAN, Verdict.NOT_MADE], ExitCode.NOT_MADE),
        ([Verdict.NOT_MADE, Verdict.FOUND], ExitCode.NOT_WELL),
        ([Verdict.BLIND, Verdict.CLEAN], ExitCode.NOT_WELL),
    ],
)
def test_the_worst_verdict_decides(verdicts: list[Verdict], code: ExitCode) -> None:
    assert exit_code(Report([Scan("x", each) for each in verdicts], [], 1.0)) is code


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_a, **_k: None)
    assert "apt-get install strace" in why_no_trace()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "sudo" in why_no_image()
    assert "sudo" in why_no_memory()
