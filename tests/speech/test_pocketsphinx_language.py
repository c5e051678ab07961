import itertools
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.speech.pocketsphinx_graph import FREE_WORD, Graph
from sottovoce.speech.pocketsphinx_language import SENTENCES, TEXTS, Gram, arpa, sentences

CALL = Graph(0, {2: 1.0}, ((0, "call", 1, 0.75), (0, "ring", 1, 0.25), (1, FREE_WORD, 2, 1.0)))
WHO = Graph(0, {1: 1.0}, ((0, "anna", 1, 0.5), (0, "peter", 1, 0.5)))


def read(text: str) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Probabilities and back-off weights, as a recogniser reads them."""
    found: dict[Gram, float] = {}
    weights: dict[Gram, float] = {}
    for line in text.splitlines():
        probability, _, rest = line.partition("\t")
        if rest:
            words, _, weight = rest.partition("\t")
            found[tuple(words.split())] = 10 ** float(probability)
            weights[tuple(words.split())] = 10 ** float(weight or 0)
    return found, weights


def probability(gram: Gram, found: Mapping[Gram, float], weights: Mapping[Gram, float]) -> float:
    if gram in found or len(gram) == 1:
        return found[gram]
    return weights.get(gram[:-1], 1.0) * probability(gram[1:], found, weights)


words = st.sampled_from(["a", "b", "c", "d"])


@given(said=st.lists(st.lists(words, min_size=1, max_size=6), min_size=1, max_size=20))
def test_after_whatever_was_said_the_probabilities_of_all_words_sum_up_to_one(said: list[list[str]]) -> None:
    found, weights = read(arpa(said, ["x"]))
    known = [gram[0] for gram in found if len(gram) == 1 and gram != ("<s>",)]
    assert {"x", "</s>"} <= set(known)
    for before in itertools.product(["<s>", *known], repeat=2):
        for beginning in ((), before[1:], before):
            total = sum(probability((*beginning, word), found, weights) for word in known)
            assert total == pytest.approx(1.0, abs=1e-3), beginning


def test_what_was_said_is_more_probable_than_what_was_not() -> None:
    found, weights = read(arpa([["feed", "the", "cat"], ["water", "the", "plants"]], ["mat"]))
    after = {word: probability(("feed", "the", word), found, weights) for word in ("cat", "plants", "mat")}
    assert after["cat"] > after["plants"] > after["mat"] > 0


def test_numbers_of_grams_are_told_as_they_are() -> None:
    text = arpa([["feed", "the", "cat"]], [])
    head, *parts = text.split("-grams:\n")
    assert "ngram 1=5\nngram 2=4\nngram 3=3\n" in head
    assert [part.partition("\n\n")[0].count("\n") + 1 for part in parts] == [5, 4, 3]


def test_sentences_are_drawn_as_probable_as_they_are_and_the_same_every_time() -> None:
    drawn = list(sentences(CALL, WHO))
    assert drawn == list(sentences(CALL, WHO))
    assert {len(words) for words in drawn[:SENTENCES]} == {2}
    assert {tuple(words) for words in drawn[SENTENCES:]} == {("anna",), ("peter",)}
    assert len(drawn) == SENTENCES + TEXTS
    calls = sum(words[0] == "call" for words in drawn[:SENTENCES])
    assert math.isclose(calls / SENTENCES, 0.75, abs_tol=0.02)
