"""A language model of commands, made from their grammar: sentences are drawn from it at random, as probable as its
weights make them, and their words counted in twos and threes.

It hears the free words of commands better than a model of all English does, and, other than the grammar, it stumbles
over no word that is out of place.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Final

from sottovoce.speech.pocketsphinx_graph import FREE_WORD, Graph

SENTENCES: Final = 15_000
"""So many are drawn: with more of them nothing more was understood."""
TEXTS: Final = 5_000
"""And so many of what is said where anything may be said, by itself: there most has to be guessed."""
UNSEEN: Final = 0.1
"""How probable it is that a word follows that no sentence had, of those that the model shall know."""
_LEAST: Final = 1e-9
_START, _END = "<s>", "</s>"

Gram = tuple[str, ...]


def sentences(command: Graph, text: Graph) -> Iterator[list[str]]:
    """Commands, with `text` wherever anything may be said, and then texts alone. The same ones every time.

    Free words within a text are left out, and a graph without arcs has nothing to say.
    """
    chance = random.Random(1)  # noqa: S311  (no secret)
    commands, texts = _walks(command, chance), _walks(text, chance)
    for _ in range(SENTENCES):
        drawn = [word for said in next(commands) for word in (next(texts) if said == FREE_WORD else [said])]
        yield [word for word in drawn if word != FREE_WORD]
    for _ in range(TEXTS):
        yield [word for word in next(texts) if word != FREE_WORD]


def _walks(graph: Graph, chance: random.Random) -> Iterator[list[str]]:
    """Sentences of a graph, for ever."""
    leaving: defaultdict[int, list[tuple[str, int, float]]] = defaultdict(list)
    for source, word, target, probability in graph.arcs:
        leaving[source].append((word, target, probability))
    for state, probability in (graph.finals or {graph.start: 1.0}).items():
        leaving[state].append((_END, state, probability))
    steps = {
        state: ([step[:2] for step in all_], list(accumulate(probability for *_, probability in all_)))
        for state, all_ in leaving.items()
    }
    while True:
        said: list[str] = []
        state, word = graph.start, _START
        while word != _END:
            choices, weights = steps[state]
            word, state = chance.choices(choices, cum_weights=weights)[0]
            said.append(word)
        yield said[:-1]


def arpa(said: Iterable[Sequence[str]], also: Iterable[str]) -> str:
    """A model of three words at a time in the ARPA format, with the words `also` besides.

    Smoothed as by Witten and Bell: the more different words have followed, the more probable is yet another.
    """
    counts: list[Counter[Gram]] = [Counter(), Counter(), Counter()]
    for words in said:
        padded = [_START, *words, _END]
        counts[0].update((word,) for word in padded[1:])
        counts[1].update(pairwise(padded))
        counts[2].update(zip(padded, padded[1:], padded[2:], strict=False))
    known = sorted({word for (word,) in counts[0]} | set(also))
    total = counts[0].total()
    ones: dict[Gram, float] = {
        (word,): (1 - UNSEEN) * counts[0][(word,)] / total + UNSEEN / len(known) for word in known
    }
    twos, after_one = _smoothed(counts[1], ones)
    threes, after_two = _smoothed(counts[2], twos)
    ones[(_START,)] = 0.0
    parts: list[tuple[Mapping[Gram, float], Mapping[Gram, float]]] = [
        (ones, after_one),
        (twos, after_two),
        (threes, {}),
    ]
    sizes = "".join(f"ngram {number}={len(grams)}\n" for number, (grams, _) in enumerate(parts, start=1))
    body = "".join(
        f"\n\\{number}-grams:\n{''.join(_lines(grams, after))}" for number, (grams, after) in enumerate(parts, start=1)
    )
    return f"\\data\\\n{sizes}{body}\n\\end\\\n"


def _smoothed(counts: Mapping[Gram, int], shorter: Mapping[Gram, float]) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Probabilities of those counted, and the weights with which the shorter ones count after each beginning."""
    followers: defaultdict[Gram, list[Gram]] = defaultdict(list)
    for gram in counts:
        followers[gram[:-1]].append(gram)
    found: dict[Gram, float] = {}
    weights: dict[Gram, float] = {}
    for beginning, grams in followers.items():
        total = sum(counts[gram] for gram in grams)
        share = total / (total + len(grams))
        for gram in grams:
            found[gram] = share * counts[gram] / total + (1 - share) * shorter[gram[1:]]
        left = 1 - sum(found[gram] for gram in grams)
        weights[beginning] = max(left, _LEAST) / max(1 - sum(shorter[gram[1:]] for gram in grams), _LEAST)
    return found, weights


def _lines(grams: Mapping[Gram, float], after: Mapping[Gram, float]) -> Iterator[str]:
    for gram, probability in sorted(grams.items()):
        weight = f"\t{math.log10(after.get(gram, 1.0)):.4f}" if after else ""
        yield f"{math.log10(max(probability, _LEAST)):.4f}\t{' '.join(gram)}{weight}\n"
