"""The process that speaks, whatever it speaks with: its end of the pipes, its lockdown, and how it forgets. Of this
package it loads only the last two; an engine's own program gives `run` something that speaks.

One request at a time comes over standard input: its length (u32, little-endian), then what the engine's own two sides
agree on. A request of length 0 means: stop what you are saying; between requests it means nothing. An answer on
standard output is a run of frames: kind (u8), length (u32), payload:

    HELLO  once, at the start: sample rate (u32), then the version
    SOUND  16-bit little-endian mono PCM, at most 100 ms of it
    END    the request is done, or stopped
    FAULT  a sentence for the operator: at the start, why there is no such engine; later, why this request cannot be
           done
"""

import os
import select
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from sottovoce.speech import generations
from sottovoce.vault import lockdown

REQUEST_LENGTH = struct.Struct("<I")
FRAME_HEAD = struct.Struct("<BI")
HELLO_RATE = struct.Struct("<I")
HELLO, SOUND, END, FAULT = range(4)


class NotThereError(Exception):
    """The library or its voice could not be loaded; the message says why, and what to do."""


class RequestError(Exception):
    """This request cannot be done; the message says why, and nothing of what was to be said."""


class Speaker(ABC):
    """A library with a voice."""

    rate: int
    """Samples a second."""
    version = b""

    @abstractmethod
    def say(self, request: bytes, sink: Callable[[bytes], bool]) -> None:
        """Return when all sound was given to `sink`, or it said no. Raises RequestError."""


def run(load: Callable[[], Speaker], mode: lockdown.Mode, *, locked_first: bool = True) -> int:
    """Serve until the parent closes the pipe or dies; returns an exit code. `load` raises NotThereError.

    Lockdown comes before what is loaded: libraries that start threads would keep them from it. `locked_first` False is
    for one that has none.
    """
    generations.die_with_parent()
    try:
        if locked_first:
            lockdown.apply(mode)
        speaker = load()
        if not locked_first:
            lockdown.apply(mode)
    except (NotThereError, lockdown.RefusedError) as reason:
        _send(FAULT, str(reason).encode())
        return 1
    try:
        _send(HELLO, HELLO_RATE.pack(speaker.rate) + speaker.version)
        # A child would be without the threads of its parent: who has some cannot have children.
        if mode != "off" and not _has_threads():
            return generations.run(lambda: _serve(speaker, forget=True))
        return _serve(speaker, forget=False)
    except (EOFError, BrokenPipeError):
        return 0


def _serve(speaker: Speaker, *, forget: bool) -> int:
    """Until the parent closes the pipe, which raises EOFError; or, to be forgotten, until all that came was said."""
    said = False
    while not (forget and said and not select.select([0], [], [], 0)[0]):
        (length,) = REQUEST_LENGTH.unpack(_read(REQUEST_LENGTH.size))
        if not length:
            continue
        said = True
        try:
            speaker.say(_read(length), _send_sound)
        except RequestError as reason:
            _send(FAULT, str(reason).encode())
        else:
            _send(END)
    return 0


def _has_threads() -> bool:
    return len(list(Path("/proc/self/task").iterdir())) > 1


def _send(kind: int, payload: bytes = b"") -> None:
    frame = memoryview(FRAME_HEAD.pack(kind, len(payload)) + payload)
    while frame:
        frame = frame[os.write(1, frame) :]


def _send_sound(pcm: bytes) -> bool:
    """Whether to go on: while a request is served, the only thing that can come in is the word to stop."""
    _send(SOUND, pcm)
    return not select.select([0], [], [], 0)[0]


def _read(size: int) -> bytes:
    """Exactly `size` bytes. Raises EOFError when the parent is gone. Unbuffered, so that select() sees what is left."""
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
