"""The forgetting test: nothing that was said in a session is to be found anywhere once it is over.

The same scans are made twice: of a server as it is, where they must find nothing, and of one with planted leaks
(plants.py), where each must find them. A scan that finds nothing in both has shown nothing.
"""

import asyncio
import functools
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import httpx
import msgspec

from sottovoce.audit import processes
from sottovoce.audit.conversation import Said, converse
from sottovoce.audit.house import IMAGE_BYTES, House, house, why_no_image, why_no_memory, why_no_trace
from sottovoce.audit.house import MARK as MARK_VARIABLE
from sottovoce.audit.needles import Canaries, Hit

AFTER_END_S: Final = 1.0
"""So long after a session's end its server stands still, and is looked through."""
LATEST_S: Final = 2.0
_DIST_INFO: Final = "[sottovoce.skills]\naudit = sottovoce.audit.plants:SKILLS\n"


class Verdict(StrEnum):
    """Of a scan."""

    CLEAN = "clean"
    FOUND = "found"
    BLIND = "blind"
    """It did not find what was planted for it, and so shows nothing."""
    NOT_MADE = "not made"


class Looked(msgspec.Struct, frozen=True):
    """What one scan saw in one server."""

    at: str
    """What was looked at, in figures."""
    hits: list[Hit]
    whole: bool = True
    """False: not everything could be looked at."""


class Scan(msgspec.Struct, frozen=True):
    """One scan, of the server as it is and of the one with planted leaks."""

    name: str
    verdict: Verdict
    at: str = ""
    found: list[Hit] = []
    planted: int = 0
    """How many of the planted leaks' traces it found."""
    why: str = ""


class Report(msgspec.Struct, frozen=True):
    """Of the whole audit."""

    scans: list[Scan]
    canaries: list[str]
    """Their names."""
    seconds_after_end: float
    """When the server was stopped to be looked through."""


Speak = Callable[[str], tuple[bytes, bytes]]
"""Text to its sound: as the synthesiser makes it, and at 16 kHz; 16-bit."""
Tell = Callable[[str], None]


def audit(speak: Speak, sound: bytes, tell: Tell) -> Report:
    """Audit a server with the settings of the environment. `sound`: conversation.SPOKEN at 16 kHz.

    Raises NotStartedError, NotHeardError, and what the client raises.
    """
    speak = functools.cache(speak)
    missing = {"writes": why_no_trace(), "file system": why_no_image(), "memory": why_no_memory()}
    possible = {name for name, why in missing.items() if not why}
    tell("a server with planted leaks")
    planted, _, _ = _one_run(speak, sound, possible, tell, leak=True)
    tell("the server as it is")
    clean, names, after_s = _one_run(speak, sound, possible, tell, leak=False)
    if after_s > LATEST_S:
        tell(f"this machine was slow: the server was stopped {after_s:.1f} s after the end, not within {LATEST_S:.0f}")
    scans = [_scan(name, clean[name], planted[name]) for name in clean]
    scans += [Scan(name, Verdict.NOT_MADE, why=why) for name, why in missing.items() if why]
    return Report(scans=scans, canaries=names, seconds_after_end=round(after_s, 2))


def _scan(name: str, clean: Looked, planted: Looked) -> Scan:
    if clean.hits:
        verdict, why = Verdict.FOUND, ""
    elif not planted.hits or not clean.whole:
        verdict = Verdict.BLIND
        why = "it missed a planted leak" if clean.whole else "not every process could be looked at"
    else:
        verdict, why = Verdict.CLEAN, ""
    return Scan(name, verdict, at=clean.at, found=clean.hits, planted=sum(hit.count for hit in planted.hits), why=why)


def _one_run(
    speak: Speak, sound: bytes, possible: set[str], tell: Tell, *, leak: bool
) -> tuple[dict[str, Looked], list[str], float]:
    mark = secrets.token_hex(16)
    with (
        _environment(mark, leak=leak) as environment,
        house(environment, traced="writes" in possible, imaged="file system" in possible) as server,
    ):
        tell("  speaking and typing")
        said = asyncio.run(converse(server.url, sound, leak=leak))
        time.sleep(max(0.0, said.ended_at + AFTER_END_S - time.monotonic()))
        metrics = httpx.get(f"{server.url}/metrics", trust_env=False).content
        looked: dict[str, Looked] = {}
        pids = server.processes()
        with processes.stopped(pids):
            after_s = time.monotonic() - said.ended_at
            tell("  making needles of what was said")
            canaries = _canaries(speak, sound, said)
            if "memory" in possible:
                looked |= _memory(pids, canaries, mark, tell)
        if "file system" in possible:
            tell("  looking through the file system")
            looked["file system"] = _looked(f"{IMAGE_BYTES >> 20} MiB, raw", canaries, server.image_pieces())
        server.stop()
        looked |= _written(server, canaries, metrics, traced="writes" in possible)
    return looked, [*said.words, *_sounds(sound, said, b"")], after_s


def _written(server: House, canaries: Canaries, metrics: bytes, *, traced: bool) -> dict[str, Looked]:
    log = "".join(server.log).encode()
    looked = {
        "log": _looked(f"{len(server.log)} lines", canaries, iter([log])),
        "metrics": _looked(f"{len(metrics.splitlines())} lines", canaries, iter([metrics])),
    }
    if traced:
        seen = server.trace_so_far()
        at = f"{seen.calls} calls; {len(seen.changed)} opened or changed a file; {len(seen.written)} bytes"
        looked["writes"] = _looked(at, canaries, iter([bytes(seen.written)]))
    return looked


def _looked(at: str, canaries: Canaries, pieces: Iterator[bytes]) -> Looked:
    return Looked(at, canaries.find_in_pieces(pieces))


def _memory(pids: list[int], canaries: Canaries, mark: str, tell: Tell) -> dict[str, Looked]:
    """Of every process. Each has the mark in its environment: who does not show it was not read."""
    hits: list[Hit] = []
    size, unread = 0, 0
    for pid in pids:
        role = processes.role(pid)
        tell(f"  looking through the memory of {role}")
        pieces = list(processes.memory(pid))
        size += sum(map(len, pieces))
        unread += not any(mark.encode() in piece for piece in pieces)
        hits += [Hit(f"{hit.canary} in {role}", hit.form, hit.count) for hit in canaries.find_in_pieces(pieces)]
    at = f"{len(pids)} processes, {size // 2**20} MiB"
    return {"memory": Looked(at, hits, whole=not unread)}


def _canaries(speak: Speak, sound: bytes, said: Said) -> Canaries:
    made = b"".join(speak(text)[0] for text in said.answers)
    return Canaries(said.words, _sounds(sound, said, made))


def _sounds(sound: bytes, said: Said, made: bytes) -> dict[str, bytes]:
    return {"speech": sound, "answer": said.answer_sound, "answer as it was made": made}


@contextmanager
def _environment(mark: str, *, leak: bool) -> Iterator[Mapping[str, str]]:
    """Of the server: the present one's settings, but for where it listens. With leaks: their skills are installed."""
    environment = os.environ | {
        MARK_VARIABLE: mark,
        "SOTTOVOCE_PUBLIC_URL": "",
        "SOTTOVOCE_API_KEYS": "",
        "SOTTOVOCE_JWKS_URL": "",
        "SOTTOVOCE_LOG_LEVEL": "debug",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if not leak:
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="sottovoce-audit-") as folder:
        info = Path(folder) / "sottovoce_audit_plants-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sottovoce-audit-plants\nVersion: 1\n")
        (info / "entry_points.txt").write_text(_DIST_INFO)
        paths = filter(None, [folder, os.environ.get("PYTHONPATH")])
        yield environment | {
            "PYTHONPATH": os.pathsep.join(paths),
            "SOTTOVOCE_LOCKDOWN": "off",
            "SOTTOVOCE_ENGINE_WORKERS": "1",
        }
