"""espeak-ng in a process of its own: it is GPL-3.0, and has one state for the whole process.

Started as `python -m sottovoce.speech.espeak_worker` by espeak.py, with which it speaks over its standard input and
output, one request at a time. Of this package it loads only what locks it down and has it forget (generations.py); with
`on` or `strict` as its argument it does both.

A request is its length (u32, little-endian), then words a minute (u16), gap between words (u16), 1 or 0 for a pause at
the end (u8), length of the voice's name (u8), the voice's name, the text in UTF-8. A request of length 0 means: stop
what you are saying; between requests it means nothing. An answer is a run of frames: kind (u8), length (u32), payload:

    HELLO  once, at the start: sample rate (u32), then the version
    SOUND  16-bit little-endian mono PCM, at most CHUNK_MS of it
    END    the request is done, or stopped
    FAULT  a sentence for the operator: at the start, why there is no espeak-ng; later, why this request cannot be done
"""

import ctypes
import importlib.util
import os
import select
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from sottovoce.speech import generations
from sottovoce.vault import lockdown

REQUEST_LENGTH = struct.Struct("<I")
REQUEST_HEAD = struct.Struct("<HHBB")
FRAME_HEAD = struct.Struct("<BI")
HELLO_RATE = struct.Struct("<I")
HELLO, SOUND, END, FAULT = range(4)

CHUNK_MS = 80
MAX_DATA_PATH = 160
"""espeak-ng 1.52 keeps the path of its data in a buffer of so many bytes, and cuts it off without a word."""

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _WORD_GAP = 1, 7
_BY_CHARACTER = 1
_UTF8, _END_PAUSE = 1, 0x1000
_OnSound = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class NotThereError(Exception):
    """No espeak-ng could be loaded; the message says why, and what to do."""


class VoiceError(Exception):
    """espeak-ng refused the voice."""


class Espeak:
    """The library, through ctypes. `sink` gets each chunk and answers whether to go on."""

    def __init__(self) -> None:
        self._library, self.rate = _load()
        self._on_sound = _OnSound(self._receive)
        self._library.espeak_SetSynthCallback(self._on_sound)
        self._sink: Callable[[bytes], bool] = bool

    @property
    def version(self) -> bytes:
        """As the library tells it."""
        version: bytes = self._library.espeak_Info(None)
        return version

    def say(
        self, text: bytes, *, voice: bytes, words_per_minute: int, gap: int, pause: bool, sink: Callable[[bytes], bool]
    ) -> None:
        """Synthesise UTF-8 text; returns when all was given to `sink`, or it said no. Raises VoiceError."""
        if self._library.espeak_SetVoiceByName(voice) != 0:
            raise VoiceError
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._library.espeak_SetParameter(_WORD_GAP, gap, 0)
        self._sink = sink
        flags = _UTF8 | (_END_PAUSE if pause else 0)
        self._library.espeak_Synth(text + b"\0", len(text) + 1, 0, _BY_CHARACTER, 0, flags, None, None)

    def _receive(self, samples: int | None, count: int, _events: int | None) -> int:
        """Called by the library, with no samples when all is said; 1 stops it."""
        if samples is None or not count:
            return 0
        return 0 if self._sink(ctypes.string_at(samples, 2 * count)) else 1


def _load() -> tuple[ctypes.CDLL, int]:
    """The library from PyPI's espeakng_loader, or else the system's, and its sample rate. Raises NotThereError."""
    reasons = []
    for candidate in (_bundled, _system):
        try:
            library, data = candidate()
            return library, _initialise(library, data)
        except NotThereError as reason:
            reasons.append(str(reason))
    raise NotThereError("; ".join(reasons))


def _bundled() -> tuple[ctypes.CDLL, bytes]:
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        raise NotThereError("espeakng-loader is not installed (pip install 'sottovoce[espeak]')")
    folder = Path(spec.origin).parent
    data = os.fsencode(folder / "espeak-ng-data")
    if len(data) >= MAX_DATA_PATH:
        raise NotThereError(
            f"espeakng-loader lies too deep for espeak-ng: the path of its data has {len(data)} bytes and may have "
            f"{MAX_DATA_PATH - 1} (install into a folder nearer to the root)"
        )
    try:
        return ctypes.CDLL(str(folder / "libespeak-ng.so")), data
    except OSError:
        raise NotThereError("espeakng-loader's library cannot be loaded") from None


def _system() -> tuple[ctypes.CDLL, None]:
    try:
        return ctypes.CDLL("libespeak-ng.so.1"), None
    except OSError:
        raise NotThereError("the system has no libespeak-ng.so.1 (apt-get install libespeak-ng1)") from None


def _initialise(library: ctypes.CDLL, data: bytes | None) -> int:
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [ctypes.c_int] * 3
    library.espeak_SetSynthCallback.argtypes = [_OnSound]
    library.espeak_Info.argtypes = [ctypes.c_void_p]
    library.espeak_Info.restype = ctypes.c_char_p
    unsigned = ctypes.c_uint
    library.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, unsigned, ctypes.c_int, unsigned, unsigned),
        *(ctypes.c_void_p, ctypes.c_void_p),
    ]
    rate: int = library.espeak_Initialize(_SYNCHRONOUS, CHUNK_MS, data, _DONT_EXIT)
    if rate <= 0:
        raise NotThereError("espeak-ng is there, but cannot read its data (apt-get install espeak-ng-data)")
    return rate


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


def _serve(espeak: Espeak, *, forget: bool) -> int:
    """Until the parent closes the pipe, which raises EOFError; or, to be forgotten, until all that came was said."""
    said = False
    while not (forget and said and not select.select([0], [], [], 0)[0]):
        (length,) = REQUEST_LENGTH.unpack(_read(REQUEST_LENGTH.size))
        if not length:
            continue
        said = True
        request = _read(length)
        words_per_minute, gap, pause, voice_length = REQUEST_HEAD.unpack_from(request)
        text_at = REQUEST_HEAD.size + voice_length
        try:
            espeak.say(
                request[text_at:],
                voice=request[REQUEST_HEAD.size : text_at],
                words_per_minute=words_per_minute,
                gap=gap,
                pause=bool(pause),
                sink=_send_sound,
            )
        except VoiceError:
            _send(FAULT, b"espeak-ng does not have this voice")
        else:
            _send(END)
    return 0


def main(mode: lockdown.Mode) -> int:
    """Serve until the parent closes the pipe or dies."""
    generations.die_with_parent()
    try:
        espeak = Espeak()
        lockdown.apply(mode)
    except (NotThereError, lockdown.RefusedError) as reason:
        _send(FAULT, str(reason).encode())
        return 1
    try:
        _send(HELLO, HELLO_RATE.pack(espeak.rate) + espeak.version)
        if mode != "off":
            return generations.run(lambda: _serve(espeak, forget=True))
        return _serve(espeak, forget=False)
    except (EOFError, BrokenPipeError):
        return 0


if __name__ == "__main__":
    sys.exit(main(lockdown.mode_of(sys.argv)))
