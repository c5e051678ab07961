"""A skill set that only tests install: its skill tries to write, in every way there is."""

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sottovoce.orchestrator.skills import Job, SkillSet, Text, task_skill

THERE = "there"
"""A file that exists, and holds this word."""


def open_os(folder: Path) -> None:
    os.close(os.open(folder / "new", os.O_WRONLY | os.O_CREAT, 0o600))


def sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "new") as database:
        database.execute("create table said (words text)")


def bind(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "new"))


def temporary(folder: Path) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(b"x")


def unnamed(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"x")


def child(folder: Path) -> None:
    subprocess.run(["/bin/sh", "-c", 'echo x > "$0/new"', str(folder)], check=True, stderr=subprocess.DEVNULL)


WAYS: Mapping[str, Callable[[Path], object]] = {
    "open": lambda folder: (folder / "new").write_text("x"),
    "append": lambda folder: (folder / THERE).open("a").close(),
    "os.open": open_os,
    "tempfile": temporary,
    "unnamed tempfile": unnamed,
    "mkdir": lambda folder: (folder / "new").mkdir(),
    "rename": lambda folder: (folder / THERE).rename(folder / "new"),
    "truncate": lambda folder: os.truncate(folder / THERE, 0),
    "unlink": lambda folder: (folder / THERE).unlink(),
    "link": lambda folder: os.link(folder / THERE, folder / "new"),
    "symlink": lambda folder: (folder / "new").symlink_to(THERE),
    "mkfifo": lambda folder: os.mkfifo(folder / "new"),
    "socket": bind,
    "sqlite": sqlite,
    "shutil": lambda folder: shutil.copy(folder / THERE, folder / "new"),
    "subprocess": child,
    "/dev/shm": lambda _folder: Path("/dev/shm/sottovoce-test").write_text("x"),  # noqa: S108 - that is tried
}


@task_skill
async def misbehave(_job: Job, way: Text, folder: Text) -> str:
    WAYS[way](Path(folder))
    return "written"


SKILLS = SkillSet(skills=(misbehave,))
