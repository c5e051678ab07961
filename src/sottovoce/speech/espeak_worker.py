"""espeak-ng in a process of its own: it is GPL-3.0, and has one state for the whole process.

Started as `python -m sottovoce.speech.espeak_worker` by espeak.py, with which it speaks as speaking_worker.py says;
with `on` or `strict` as its argument it is locked down, and forgets.

A request is words a minute (u16), gap between words (u16), 1 or 0 for a pause at the end (u8), length of the voice's
name (u8), the voice's name, the text in UTF-8.
"""

import ctypes
import importlib.util
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from sottovoce.speech.speaking_worker import NotThereError, RequestError, Speaker, run
from sottovoce.vault import lockdown

REQUEST_HEAD = struct.Struct("<HHBB")

CHUNK_MS = 80
MAX_DATA_PATH = 160
"""espeak-ng 1.52 keeps the path of its data in a buffer of so many bytes, and cuts it off without a word."""

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _WORD_GAP = 1, 7
_BY_CHARACTER = 1
_UTF8, _END_PAUSE = 1, 0x1000
_OnSound = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class Espeak(Speaker):
    """The library, through ctypes."""

    def __init__(self) -> None:
        self._library, self.rate = _load()
        self._on_sound = _OnSound(self._receive)
        self._library.espeak_SetSynthCallback(self._on_sound)
        self._sink: Callable[[bytes], bool] = bool
        self.version: bytes = self._library.espeak_Info(None)

    def say(self, request: bytes, sink: Callable[[bytes], bool]) -> None:
        """Return when all was given to `sink`, or it said no. Raises RequestError."""
        words_per_minute, gap, pause, voice_length = REQUEST_HEAD.unpack_from(request)
        text_at = REQUEST_HEAD.size + voice_length
        if self._library.espeak_SetVoiceByName(request[REQUEST_HEAD.size : text_at]) != 0:
            raise RequestError("espeak-ng does not have this voice")
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._library.espeak_SetParameter(_WORD_GAP, gap, 0)
        self._sink = sink
        flags = _UTF8 | (_END_PAUSE if pause else 0)
        text = request[text_at:]
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


if __name__ == "__main__":
    sys.exit(run(Espeak, lockdown.mode_of(sys.argv), locked_first=False))
