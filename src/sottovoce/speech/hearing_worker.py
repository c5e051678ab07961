"""The process that hears, whatever it hears with: its end of the pipes (hearing_wire.py), its lockdown, and how it
forgets. An engine's own program gives `run` something that works on utterances."""

import os
import select
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sottovoce.speech import generations
from sottovoce.speech import hearing_wire as wire
from sottovoce.vault import lockdown

_READ_BYTES: Final = 1 << 16
_MOST_READ_BYTES: Final = 1 << 22
"""Before what came is worked on. Of many who speak at once, as much as can be has to be there for one batch."""
Setup = TypeVar("Setup", bound=msgspec.Struct)


class NotThereError(Exception):
    """This worker cannot hear; the message is a sentence for the operator: what is missing, and how to get it."""


class HearingWorker(ABC):
    """All utterances of this process."""

    made = 0
    """What this process had to make that the next one may have from the beginning: see generations.run."""

    @property
    @abstractmethod
    def idle(self) -> bool:
        """Nobody is being heard."""

    @property
    def patience_s(self) -> float | None:
        """After how long, though nothing has come, there may be something to do; None: never."""
        return None

    def ready(self) -> wire.Ready:
        """What to tell the server first."""
        return wire.Ready()

    def make(self, count: int) -> None:
        """What another process had `made`."""
        self.made = count

    @abstractmethod
    def receive(self, message: wire.ToWorker) -> None:
        """What the server said."""

    @abstractmethod
    def work(self) -> tuple[bool, Sequence[wire.FromWorker]]:
        """Go on a little: whether there was anything to do, and what there is to say."""


def run(
    setup_type: type[Setup],
    load: Callable[[Setup], HearingWorker],
    mode: lockdown.Mode,
    *,
    locked_first: bool = True,
) -> int:
    """Serve until the parent closes the pipe or dies; returns an exit code. `load` raises NotThereError.

    Lockdown comes before what is loaded: libraries that start threads would keep them from it. `locked_first` False is
    for one that has none, and writes while it loads.
    """
    generations.die_with_parent()
    try:
        setup = _read_setup(setup_type)
        if locked_first:
            lockdown.apply(mode)
        worker = load(setup)
        if not locked_first:
            lockdown.apply(mode)
        _send(worker.ready())
        # A child would be without the threads of its parent: who has some cannot have children.
        if mode != "off" and not _has_threads():
            return generations.run(lambda: _serve(worker, forget=True), worker.make)
        return _serve(worker, forget=False)
    except (EOFError, BrokenPipeError):
        return 0
    except (NotThereError, lockdown.RefusedError) as reason:
        _send(wire.Unavailable(str(reason)))
        return 1


def _serve(worker: HearingWorker, *, forget: bool) -> int:
    """Until the pipe is closed, which raises EOFError; or, to be forgotten, until all that came was heard. Returns what
    the worker made."""
    buffer = bytearray()
    decoder = msgspec.msgpack.Decoder(wire.ToWorker)
    busy = heard = False
    while True:
        finished = forget and heard and not busy and not buffer and worker.idle
        if _comes(0 if busy or finished else worker.patience_s):
            _read_all(buffer)
        elif finished:
            return worker.made
        heard = _receive(worker, buffer, decoder) or heard
        busy = _work(worker)


def _receive(worker: HearingWorker, buffer: bytearray, decoder: msgspec.msgpack.Decoder[wire.ToWorker]) -> bool:
    """Whether there was a whole message. A function of its own, as the next, so that no variable keeps the last one."""
    came = False
    for message in wire.take(buffer, decoder):
        worker.receive(message)
        came = True
    return came


def _work(worker: HearingWorker) -> bool:
    busy, told = worker.work()
    for answer in told:
        _send(answer)
    return busy


def _has_threads() -> bool:
    return len(list(Path("/proc/self/task").iterdir())) > 1


def _read_setup(setup_type: type[Setup]) -> Setup:
    """The first message; nothing else comes before it is answered. Raises EOFError."""
    buffer = bytearray()
    decoder = msgspec.msgpack.Decoder(setup_type)
    while True:
        buffer += _read()
        for message in wire.take(buffer, decoder):
            return message


def _comes(patience_s: float | None) -> bool:
    return bool(select.select([0], [], [], patience_s)[0])


def _read_all(buffer: bytearray) -> None:
    """All that is there."""
    buffer += _read()
    while len(buffer) < _MOST_READ_BYTES and _comes(0):
        buffer += _read()


def _read() -> bytes:
    data = os.read(0, _READ_BYTES)
    if not data:
        raise EOFError
    return data


def _send(message: wire.FromWorker) -> None:
    frame = memoryview(wire.encode(message))
    while frame:
        frame = frame[os.write(1, frame) :]
