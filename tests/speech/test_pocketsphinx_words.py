"""How the words of the recogniser's grammar sound."""

from pathlib import Path

import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.speech.pocketsphinx_words import (
    CONSONANTS,
    SOUNDS,
    VOWELS,
    Phones,
    is_sound,
    plain,
    read_dictionary,
    with_accents,
    write_dictionary,
)

DICTIONARY = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
SPELLINGS = st.text("abcdefghijklmnopqrstuvwxyz'-.", min_size=1, max_size=8)
PRONUNCIATIONS = st.lists(st.sampled_from(sorted(VOWELS | CONSONANTS)), min_size=1, max_size=8).map(tuple)


def phones(text: str) -> Phones:
    return tuple(text.split())


def accents(text: str) -> set[str]:
    return {" ".join(each) for each in with_accents([phones(text)])}


def in_dictionary(*words: str) -> dict[str, list[Phones]]:
    with DICTIONARY.open(encoding="utf-8") as lines:
        return read_dictionary(lines, frozenset(words))


def test_a_word_has_all_its_pronunciations_under_one_name() -> None:
    lines = ["read R EH D\n", "reads R IY D Z\n", "read(2) R IY D\n", "unread AH N R EH D\n"]
    assert read_dictionary(lines, frozenset(["read", "write"])) == {"read": [phones("R EH D"), phones("R IY D")]}


def test_the_engines_own_dictionary_is_read() -> None:
    assert in_dictionary("read", "o'clock", "xylotimer") == {
        "read": [phones("R EH D"), phones("R IY D")],
        "o'clock": [phones("AH K L AA K")],
    }


def test_pronunciations_are_numbered_from_the_second_on() -> None:
    written = write_dictionary({"read": [phones("R EH D"), phones("R IY D")], "no": [phones("N OW")]})
    assert written == "read R EH D\nread(2) R IY D\nno N OW\n"


@given(st.dictionaries(SPELLINGS, st.lists(PRONUNCIATIONS, min_size=1, max_size=12)))
def test_what_is_written_can_be_read(words: dict[str, list[Phones]]) -> None:
    assert read_dictionary(write_dictionary(words).splitlines(keepends=True), frozenset(words)) == words


@pytest.mark.parametrize(
    ("named", "word"), [("read", "read"), ("read(2)", "read"), ("read(12)", "read"), ("(2)nd", "(2)nd")]
)
def test_a_word_without_the_number_of_its_pronunciation(named: str, word: str) -> None:
    assert plain(named) == word


@pytest.mark.parametrize(
    ("american", "others"),
    [
        pytest.param("F AO R", {"F AO"}, id="four"),
        pytest.param("HH IY R", {"HH IY AH"}, id="here"),
        pytest.param("T AY M ER", {"T AY M AH"}, id="timer"),
        pytest.param("M IH N AH T S", {"M IH N IH T S"}, id="minutes"),
        pytest.param("F AO R T IY", {"F AO T IY", "F AO R D IY", "F AO D IY"}, id="forty"),
        pytest.param("W AA N T", {"W AO N T"}, id="want"),
        pytest.param("AH K L AA K", {"AH K L AO K"}, id="o'clock"),
        pytest.param("R IY D", set(), id="read"),
        pytest.param("M EH R IY", set(), id="merry"),
        pytest.param("F ER S T", set(), id="first"),
        pytest.param("ER L IY", set(), id="early"),
        pytest.param("AH G OW", set(), id="ago"),
        pytest.param("T EH N", set(), id="ten"),
        pytest.param("L AE S T", set(), id="last"),
        pytest.param("S OW F AH", set(), id="sofa"),
    ],
)
def test_accents(american: str, others: set[str]) -> None:
    assert accents(american) == {american} | others


@pytest.mark.parametrize(
    ("word", "accent"),
    [
        ("four", "F AO"),
        ("timer", "T AY M AH"),
        ("minutes", "M IH N IH T S"),
        ("forty", "F AO D IY"),
        ("o'clock", "AH K L AO K"),
    ],
)
def test_words_of_the_engines_dictionary_are_known_in_other_accents(word: str, accent: str) -> None:
    american = in_dictionary(word)[word]
    assert phones(accent) not in american
    assert phones(accent) in with_accents(american)


@given(st.lists(PRONUNCIATIONS, min_size=1, max_size=4))
def test_accents_come_after_what_the_dictionary_has_and_each_once(pronunciations: list[Phones]) -> None:
    all_ = with_accents(pronunciations)
    own = list(dict.fromkeys(pronunciations))
    assert all_[: len(own)] == own
    assert len(set(all_)) == len(all_)
    assert all(phone in VOWELS | CONSONANTS for each in all_ for phone in each)


def test_each_sound_is_a_word_that_is_none_of_the_dictionarys() -> None:
    assert sorted(SOUNDS.values()) == sorted((phone,) for phone in VOWELS | CONSONANTS)
    assert all(is_sound(word) for word in SOUNDS)
    with DICTIONARY.open(encoding="utf-8") as lines:
        assert not [word for line in lines if is_sound(word := line.split()[0])]
