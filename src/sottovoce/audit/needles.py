"""Canaries, and finding them in bytes: words in every form in which they could lie about, and pieces of sound."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

LONGEST: Final = 1024
"""Bytes of the longest needle: what is looked through in pieces has to overlap by so much."""
SHORTEST_WORDS: Final = 8
"""Characters: what is shorter may be anywhere by chance."""
_KEY: Final = 8
_STRIDE: Final = 64
"""Sound is looked for at every 64th byte: where more than 72 bytes of it lie together, one of these is inside."""
_SURE: Final = 32
"""So many bytes must be alike before it is the same sound."""
_QUIETEST: Final = 64
"""A key whose samples are nowhere louder than this is silence, which is everywhere."""
_FILTER_BITS: Final = 24
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Hit(msgspec.Struct, frozen=True):
    """Something was found: what it is, in which form, and how often. Never what it says."""

    canary: str
    form: str
    count: int


def forms(text: str) -> dict[str, tuple[bytes, ...]]:
    """The forms in which words can lie about. Base64 has three, by where in it they begin."""
    utf8 = text.encode()
    return {
        "UTF-8": (utf8,),
        "UTF-16": (text.encode("utf-16-le"), text.encode("utf-16-be")),
        "UTF-32": (text.encode("utf-32-le"),),
        "base64": tuple(_inside_base64(utf8, before) for before in range(3)),
        "hex": (utf8.hex().encode(), utf8.hex().upper().encode()),
    }


def _inside_base64(utf8: bytes, before: int) -> bytes:
    """What base64 makes of it behind so many other bytes, without the characters that others have a part in."""
    whole = base64.b64encode(bytes(before) + utf8)
    first = -(-before * 4 // 3)
    last = (before + len(utf8)) * 4 // 3
    return whole[first:last]


class Sound:
    """A piece of sound: found wherever 72 bytes of it lie together, from any of its samples on."""

    def __init__(self, raw: bytes, quietest: float, kind: type[np.generic]) -> None:
        self._raw = raw
        keys = _windows(raw)
        samples = np.frombuffer(raw, kind).astype(np.float64)
        loud = _loud(samples, quietest, np.dtype(kind).itemsize, len(keys))
        at = np.flatnonzero(loud)
        order = np.argsort(keys[at], kind="stable")
        self._keys, self._at = keys[at][order], at[order]
        self._filter = np.zeros(1 << _FILTER_BITS, dtype=bool)
        self._filter[_hashed(self._keys)] = True

    def count(self, data: bytes) -> int:
        """In how many places of `data` some of it lies."""
        words = np.frombuffer(data, np.uint64, len(data) // _KEY)[:: _STRIDE // _KEY]
        maybe = np.flatnonzero(self._filter[_hashed(words)])
        first = np.searchsorted(self._keys, words[maybe])
        return sum(
            self._is_here(data, int(place) * _STRIDE, int(key), int(words[place]))
            for place, key in zip(maybe, first, strict=True)
        )

    def _is_here(self, data: bytes, place: int, key: int, word: int) -> bool:
        while key < len(self._keys) and int(self._keys[key]) == word:
            if self._alike(data, place, int(self._at[key])) >= _SURE:
                return True
            key += 1
        return False

    def _alike(self, data: bytes, place: int, at: int) -> int:
        """How many bytes around these places are the same."""
        before = 0
        while (
            before < _SURE and place > before and at > before and data[place - before - 1] == self._raw[at - before - 1]
        ):
            before += 1
        after = 0
        most = min(len(data) - place, len(self._raw) - at, _SURE)
        while after < most and data[place + after] == self._raw[at + after]:
            after += 1
        return before + after


def _windows(raw: bytes) -> NDArray[np.uint64]:
    """The eight bytes from every byte on."""
    one_by_one = np.lib.stride_tricks.sliding_window_view(np.frombuffer(raw, np.uint8), _KEY)
    return np.ascontiguousarray(one_by_one).view(np.uint64)[:, 0]


def _loud(samples: NDArray[np.float64], quietest: float, size: int, count: int) -> NDArray[np.bool_]:
    """Of each window of eight bytes, whether it is no silence."""
    loud_samples = np.repeat(np.abs(samples) > quietest, size)
    far = np.convolve(loud_samples.astype(np.int32), np.ones(_KEY, np.int32), "valid")[:count]
    result: NDArray[np.bool_] = far >= _KEY - size
    return result


def _hashed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (keys * _MIX) >> np.uint64(64 - _FILTER_BITS)


class Canaries:
    """Everything that must not be found. `words`: name to text; `sounds`: name to 16-bit PCM."""

    def __init__(self, words: dict[str, str], sounds: dict[str, bytes]) -> None:
        short = [name for name, text in words.items() if len(text) < SHORTEST_WORDS]
        if short:
            raise ValueError(f"canaries that are too short to be told from chance: {', '.join(short)}")
        self._words = {name: forms(text) for name, text in words.items()}
        self._sounds: dict[tuple[str, str], Sound] = {}
        for name, pcm in sounds.items():
            floats = (np.frombuffer(pcm, np.int16).astype(np.float32) / 32_768).tobytes()
            self._sounds[name, "PCM, 16 bits"] = Sound(pcm, _QUIETEST, np.int16)
            self._sounds[name, "PCM, 32-bit float"] = Sound(floats, _QUIETEST / 32_768, np.float32)

    def find(self, data: bytes) -> Iterator[Hit]:
        """All that is in there."""
        for name, by_form in self._words.items():
            for form, needles in by_form.items():
                count = sum(data.count(needle) for needle in needles)
                if count:
                    yield Hit(name, form, count)
        for (name, form), sound in self._sounds.items():
            count = sound.count(data)
            if count:
                yield Hit(name, form, count)

    def find_in_pieces(self, pieces: Iterable[bytes]) -> list[Hit]:
        """All that is in there. Pieces of one thing, in order, of any size."""
        counts: Counter[tuple[str, str]] = Counter()
        for piece in overlapping(pieces):
            for hit in self.find(piece):
                counts[hit.canary, hit.form] += hit.count
        return [Hit(canary, form, count) for (canary, form), count in counts.items()]


def overlapping(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, each with the end of the one before it."""
    end = b""
    for piece in pieces:
        whole = end + piece
        yield whole
        end = whole[-LONGEST:]
