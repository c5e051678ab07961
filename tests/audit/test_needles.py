import base64
import struct

import numpy as np
import pytest

from sottovoce.audit.needles import Canaries, Hit

WORDS = "zorquilmabvex und Käse"
NOISE = np.random.default_rng(7).integers(-9_000, 9_000, 16_000).astype(np.int16)
OTHER = np.random.default_rng(8).integers(-9_000, 9_000, 200_000).astype(np.int16).tobytes()


def found(canaries: Canaries, *pieces: bytes) -> set[tuple[str, str]]:
    return {(hit.canary, hit.form) for hit in canaries.find_in_pieces(pieces)}


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize(
    ("form", "lie"),
    [
        ("UTF-8", lambda text: text.encode()),
        ("UTF-16", lambda text: text.encode("utf-16-le")),
        ("UTF-16", lambda text: text.encode("utf-16-be")),
        ("UTF-32", lambda text: text.encode("utf-32-le")),
        ("hex", lambda text: text.encode().hex().encode()),
        ("hex", lambda text: text.encode().hex().upper().encode()),
    ],
    ids=["UTF-8", "UTF-16-LE", "UTF-16-BE", "UTF-32", "hex", "HEX"],
)
def test_words_are_found_in_every_form(form: str, lie: object, before: int) -> None:
    assert callable(lie)
    canaries = Canaries({"it": WORDS}, {})
    assert ("it", form) in found(canaries, OTHER[:before] + lie(WORDS) + OTHER)


@pytest.mark.parametrize("before", range(6))
def test_words_in_the_middle_of_base64_are_found(before: int) -> None:
    encoded = base64.b64encode(b"x" * before + WORDS.encode() + b"and more")
    assert found(Canaries({"it": WORDS}, {}), encoded) == {("it", "base64")}


def test_what_lies_across_two_pieces_is_found() -> None:
    lie = WORDS.encode()
    assert found(Canaries({"it": WORDS}, {}), OTHER + lie[:9], lie[9:] + OTHER) == {("it", "UTF-8")}


def test_nothing_is_found_where_there_is_nothing() -> None:
    canaries = Canaries({"it": WORDS}, {"sound": NOISE.tobytes()})
    assert canaries.find_in_pieces([OTHER, bytes(100_000), WORDS[:-1].encode(), NOISE[:15].tobytes()]) == []


def test_words_that_may_be_anywhere_are_no_canary() -> None:
    with pytest.raises(ValueError, match="too short"):
        Canaries({"it": "milk"}, {})


@pytest.mark.parametrize("at", [0, 1, 2, 63, 1_001])
@pytest.mark.parametrize("first", [0, 1, 777, 15_900])
def test_a_few_milliseconds_of_sound_are_found_wherever_they_lie(first: int, at: int) -> None:
    canaries = Canaries({}, {"sound": NOISE.tobytes()})
    piece = NOISE[first : first + 100]
    floats = (piece.astype(np.float32) / 32_768).tobytes()
    assert found(canaries, OTHER[:at] + piece.tobytes() + OTHER) == {("sound", "PCM, 16 bits")}
    assert found(canaries, OTHER[:at] + floats + OTHER) == {("sound", "PCM, 32-bit float")}


def test_silence_is_no_canary() -> None:
    quiet = np.random.default_rng(9).integers(-20, 20, 16_000).astype(np.int16).tobytes()
    assert Canaries({}, {"silence": quiet}).find_in_pieces([quiet, bytes(10_000)]) == []


def test_a_hit_says_how_often_and_not_what() -> None:
    (hit,) = Canaries({"it": WORDS}, {}).find_in_pieces([WORDS.encode() * 3])
    assert hit == Hit("it", "UTF-8", 3)


def test_the_last_words_of_a_piece_count_once_for_each_piece_that_has_them() -> None:
    lie = struct.pack("<Q", 5) + WORDS.encode()
    assert found(Canaries({"it": WORDS}, {}), lie) == {("it", "UTF-8")}
