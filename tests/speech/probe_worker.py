"""A worker that hears with nothing, but tries what none may do: started by test_hearing_worker.py."""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import msgspec

from sottovoce.speech import hearing_wire as wire
from sottovoce.speech.hearing_worker import HearingWorker, run
from sottovoce.vault import lockdown


class Setup(msgspec.Struct):
    """What to try."""

    file: str
    in_thread: bool


class Probe(HearingWorker):
    """Hears "written" or "refused" in everything, and by which process."""

    def __init__(self, setup: Setup) -> None:
        self._file = Path(setup.file)
        self._wanted: SimpleQueue[None] = SimpleQueue()
        self._outcome: SimpleQueue[str] = SimpleQueue()
        self._in_thread = setup.in_thread
        self._ended: list[int] = []
        if setup.in_thread:
            # As libraries do when they load a model.
            threading.Thread(target=self._write_whenever_wanted, daemon=True).start()

    @property
    def idle(self) -> bool:
        return not self._ended

    def receive(self, message: wire.ToWorker) -> None:
        if isinstance(message, wire.End):
            self._ended.append(message.number)

    def work(self) -> tuple[bool, Sequence[wire.FromWorker]]:
        if not self._ended:
            return False, []
        self._wanted.put(None)
        if not self._in_thread:
            self._write()
        return True, [wire.Heard(self._ended.pop(), self._outcome.get(), 1.0)]

    def _write_whenever_wanted(self) -> None:
        while True:
            self._write()

    def _write(self) -> None:
        self._wanted.get()
        try:
            self._file.write_text("what was said")
        except OSError:
            self._outcome.put(f"refused {os.getpid()}")
        else:
            self._outcome.put(f"written {os.getpid()}")


if __name__ == "__main__":
    sys.exit(run(Setup, Probe, lockdown.mode_of(sys.argv)))
