import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.speech.sentences import clean, pieces, sentences


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Two  words.\n", "Two words."),
        ("\x01+10s fast \x00end", "+10s fast end"),
        ("say [[h@loU]] now", "say h@loU now"),
        ("broken \ud800 sign", "broken sign"),
        ("Grüße, 5 €", "Grüße, 5 €"),
    ],
)
def test_what_would_not_be_spoken_goes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", []),
        ("One. Two.", ["One. Two."]),
        ("First sentence. Second one. Third one here.", ["First sentence. Second one.", "Third one here."]),
        ('He said "no." Then, after a while, he left.', ['He said "no."', "Then, after a while, he left."]),
        ("It costs 3.50 euros, or a little more than that", ["It costs 3.50 euros,", "or a little more than that"]),
        ("one two three four five six seven eight", ["one two three four five six", "seven eight"]),
        ("a" * 70, ["a" * 30, "a" * 30, "a" * 10]),
    ],
)
def test_text_is_cut_where_a_speaker_would_pause(text: str, cut: list[str]) -> None:
    assert pieces(text, limit=30) == cut


@given(st.text(), st.integers(1, 50))
def test_pieces_are_bounded_and_lose_nothing(text: str, limit: int) -> None:
    cut = pieces(text, limit)
    assert all(0 < len(piece) <= limit for piece in cut)
    assert "".join("".join(cut).split()) == "".join(clean(text).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\x00 ", []),
        ("Your timer is set", ["Your timer is set"]),
        ("Your timer is set. I will tell you then!", ["Your timer is set.", "I will tell you then!"]),
        ("I will ask Dr. Miller about it at 5 p.m. today.", ["I will ask Dr. Miller about it at 5 p.m. today."]),
        ("Good. I have written that down.", ["Good. I have written that down."]),
        ("It is 3.5 degrees outside… take a coat with you.", ["It is 3.5 degrees outside…", "take a coat with you."]),
    ],
)
def test_a_text_is_cut_where_its_sentences_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected
