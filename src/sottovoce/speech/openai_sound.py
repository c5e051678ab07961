"""Sound as OpenAI-compatible servers send it, made 16-bit mono PCM at 24000 samples a second as it arrives.

Many servers send WAV whatever they are asked for, so the first bytes decide. A WAV that is made while it is sent gives
no true length in its head: it ends where the answer ends.
"""

import struct
from typing import Final

import numpy as np

from sottovoce.speech.openai_faults import NonsenseError
from sottovoce.speech.resample import Resampler

RATE: Final = 24_000
"""Of `response_format=pcm`, by OpenAI's reference."""
MOST_HEAD_BYTES: Final = 1 << 16
_SLOWEST_RATE, _FASTEST_RATE, _MOST_CHANNELS = 8_000, 96_000, 8
_STREAMED: Final = 0x7FFF_0000
"""From here on, and at 0, the length of the samples only says that it was not known."""
_MAGIC: Final = b"RIFF"
_RIFF_HEAD_BYTES: Final = 12
_CHUNK_HEAD = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_PCM, _EXTENSIBLE, _BITS = 1, 0xFFFE, 16
_SUBFORMAT_AT: Final = 24


class Incoming:
    """The body of one answer."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._began = False
        self._channels = 1
        self._rate = 0
        self._left_bytes: int | None = None
        """Of the samples, where the head tells."""
        self._resampler = Resampler(RATE, RATE)

    def take(self, data: bytes) -> bytes:
        """What comes out for this piece: whole samples, perhaps none. Raises NonsenseError."""
        self._buffer += data
        if not self._began and not self._begin():
            return b""
        frame_bytes = 2 * self._channels
        length = len(self._buffer) if self._left_bytes is None else min(len(self._buffer), self._left_bytes)
        length -= length % frame_bytes
        frames = bytes(self._buffer[:length])
        del self._buffer[:length]
        if self._left_bytes is not None:
            self._left_bytes -= length
            if self._left_bytes < frame_bytes:
                self._buffer.clear()  # remarks after the samples
        return self._resampler.resample(self._mixed(frames)) if frames else b""

    def end(self) -> bytes:
        """No more will come: what was held back. Raises NonsenseError where it was only the beginning of a WAV."""
        if self._buffer.startswith(_MAGIC) and not self._began:
            raise NonsenseError
        return self._resampler.flush()

    def _begin(self) -> bool:
        """Whether all that comes before the samples is there; if so, it is taken."""
        if len(self._buffer) < len(_MAGIC):
            return False
        self._began = not self._buffer.startswith(_MAGIC) or self._read_head()
        if not self._began and len(self._buffer) > MOST_HEAD_BYTES:
            raise NonsenseError
        return self._began

    def _read_head(self) -> bool:
        at = _RIFF_HEAD_BYTES
        while len(self._buffer) >= at + _CHUNK_HEAD.size:
            kind, length = _CHUNK_HEAD.unpack_from(self._buffer, at)
            at += _CHUNK_HEAD.size
            if kind == b"data":
                self._start(None if length == 0 or length >= _STREAMED else length)
                del self._buffer[:at]
                return True
            if kind == b"fmt " and len(self._buffer) >= at + length:
                self._read_format(bytes(self._buffer[at : at + length]))
            at += length + length % 2
        return False

    def _read_format(self, chunk: bytes) -> None:
        if len(chunk) < _FORMAT.size:
            raise NonsenseError
        kind, self._channels, self._rate, _, _, bits = _FORMAT.unpack_from(chunk)
        if kind == _EXTENSIBLE:
            kind = int.from_bytes(chunk[_SUBFORMAT_AT : _SUBFORMAT_AT + 2], "little")
        well = _SLOWEST_RATE <= self._rate <= _FASTEST_RATE and 1 <= self._channels <= _MOST_CHANNELS
        if kind != _PCM or bits != _BITS or not well:
            raise NonsenseError

    def _start(self, length: int | None) -> None:
        if not self._rate:
            raise NonsenseError
        self._left_bytes = length
        self._resampler = Resampler(self._rate, RATE)

    def _mixed(self, frames: bytes) -> bytes:
        if self._channels == 1:
            return frames
        sound = np.frombuffer(frames, "<i2").reshape(-1, self._channels)
        mixed: bytes = sound.mean(axis=1).astype("<i2").tobytes()
        return mixed
