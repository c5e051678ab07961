import pytest

from sottovoce.orchestrator.spoken import LONGEST_CHARACTERS, Spoken, plain


def said(text: str, *, at_once: int = 3) -> list[str]:
    """The sentences of a text that comes in pieces of so many characters."""
    spoken, out = Spoken(), list[str]()
    for at in range(0, len(text), at_once):
        out += spoken.feed(text[at : at + at_once])
    return [*out, *spoken.end()]


@pytest.mark.parametrize("at_once", [1, 2, 7, 1_000])
@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello! How are you? Fine.", ["Hello!", "How are you?", "Fine."]),
        ("Es ist der 3. Mai, z. B. bei Dr. Weiß. Gut so.", ["Es ist der 3. Mai, z. B. bei Dr. Weiß.", "Gut so."]),
        ("It costs 3.50 euros. Version 1.2.3 is out", ["It costs 3.50 euros.", "Version 1.2.3 is out"]),
        ("\u4f60\u597d\u3002\u518d\u89c1\u3002", ["\u4f60\u597d\u3002", "\u518d\u89c1\u3002"]),
        ("<think>The user wants a joke. Hmm.</think>Why not?", ["Why not?"]),
        ("<thinking>no < yes</thinking>\n\n**Sure.** It's *easy*: `ls`.", ["Sure.", "It's easy: ls."]),
        ("Run this:\n```sh\nrm -rf /\n```\nand wait.", ["Run this:", "and wait."]),
        ("# Milk\n- two *pints*\n- a [pound](https://x.org/y) of 🧈\n", ["Milk", "two pints", "a pound of"]),
        ("| day | rain |\n|---|---|\n| today | 2 mm |\n", ["day, rain", "today, 2 mm"]),
        ("Great 🎉👍🏽! At 20 °C 🌡️.", ["Great!", "At 20 °C."]),
        ("2 * 3 is 6. A snake_case name.", ["2 * 3 is 6. A snake_case name."]),
        ("1 < 2 and <b>bold</b> <i>too</i>.", ["1 < 2 and bold too."]),
        ("See https://www.example.org/a?b=c for more", ["See example.org for more"]),
        ("🎉", []),
        ("---", []),
        ("<think>it never ends", []),
    ],
)
def test_what_is_written_is_said_sentence_by_sentence(text: str, sentences: list[str], at_once: int) -> None:
    assert said(text, at_once=at_once) == sentences


def test_a_sentence_is_said_before_the_next_is_written() -> None:
    spoken = Spoken()
    assert list(spoken.feed("One moment.")) == [], "it may be a number, or an address"
    assert list(spoken.feed(" And")) == ["One moment."]


def test_nobody_waits_for_the_end_of_a_long_sentence() -> None:
    for text in ("so it goes on, " * 40, "word " * 120, "a" * 700):
        sentences = said(text)
        assert all(len(sentence) <= LONGEST_CHARACTERS for sentence in sentences)
        assert "".join(sentences).replace(" ", "") == text.replace(" ", "")


def test_what_stands_before_thoughts_that_only_end_is_dropped() -> None:
    assert said("the user is kind</think>Thank you.") == ["Thank you."]


def test_a_line_without_a_word_is_nothing() -> None:
    assert plain(" *** ") == ""
