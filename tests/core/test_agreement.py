from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.agreement import Agreement


def test_words_that_two_guesses_share_are_shown_once() -> None:
    agreement = Agreement()
    guesses = ["remind", "remind me", "remind me too", "remind me to call", "remind me to call anna"]
    assert [agreement.receive(guess) for guess in guesses] == ["", "remind", " me", "", " to call"]


def test_what_was_shown_is_never_taken_back() -> None:
    agreement = Agreement()
    assert [agreement.receive(guess) for guess in ("a b", "a b", "x", "x y z", "x y z")] == ["", "a b", "", "", " z"]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6).map(" ".join), max_size=12), st.text("ab ", max_size=9))
def test_a_guess_that_stays_is_shown_whole_but_for_what_was_shown_wrongly(guesses: list[str], last: str) -> None:
    agreement = Agreement()
    shown = "".join(agreement.receive(guess) for guess in guesses)
    shown += agreement.receive(last) + agreement.receive(last)
    assert len(shown.split()) >= len(last.split())
