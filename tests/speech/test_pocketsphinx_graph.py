"""Grammars as graphs: read, made small, and given loops for free words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations, product
from pathlib import Path

import pocketsphinx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.speech.pocketsphinx_graph import (
    FREE_WORD,
    RAREST,
    Arc,
    Graph,
    read_fsg,
    smallest,
    transitions,
    with_one_public_rule,
)

KNOWN = frozenset(["a", "b"])
UNKNOWN = "x"
STATES = 6
SENTENCES = [sentence for length in range(STATES) for sentence in product(["a", "b", FREE_WORD], repeat=length)]
"""All that a graph without circles can accept, and more."""
SOUNDS = {"xxaa": 0.25, "xxb": 0.5}
TUPLE = tuple[int, str | None, int]

JSGF = """#JSGF V1.0;
grammar test;
public <command> = set a timer [ for [ about ] [ <number> ] ] | remind me to <free> ;
<number> = two | ten ;
public <answer> = yes | no ;
"""
COMMANDS = {f"remind me to {FREE_WORD}", "set a timer"} | {
    f"set a timer for{about}{number}" for about in ("", " about") for number in ("", " two", " ten")
}


def probable(*arcs: TUPLE) -> list[Arc]:
    return [(source, word, target, 0.5) for source, word, target in arcs]


def accepts(start: int, finals: Iterable[int], arcs: Iterable[TUPLE], sentence: Sequence[str]) -> bool:
    """By trying all ways through any graph at the same time."""
    leaving: defaultdict[tuple[int, str | None], set[int]] = defaultdict(set)
    for source, word, target in arcs:
        leaving[source, word].add(target)

    def with_silence(states: set[int]) -> set[int]:
        more = states.union(*(leaving[state, None] for state in states))
        return states if more == states else with_silence(more)

    states = with_silence({start})
    for word in sentence:
        states = with_silence(set().union(*(leaving[state, word] for state in states)))
    return not states.isdisjoint(finals)


def in_graph(graph: Graph, sentence: Sequence[str]) -> bool:
    return accepts(
        graph.start, graph.finals, [(source, word, target) for source, word, target, *_ in graph.arcs], sentence
    )


def sentences(graph: Graph) -> set[str]:
    """Of one without circles."""
    found: set[str] = set()
    todo: list[tuple[int, tuple[str, ...]]] = [(graph.start, ())]
    while todo:
        state, said = todo.pop()
        found |= {" ".join(said)} if state in graph.finals else set()
        todo += [(target, (*said, word)) for source, word, target, *_ in graph.arcs if source == state]
    return found


def chance(start: int, final: int, arcs: Sequence[Arc], sentence: Sequence[str]) -> float:
    """That a sentence is said, in a graph whose silent arcs need not be followed one after another."""
    states = {start: 1.0}
    for word in sentence:
        after: defaultdict[int, float] = defaultdict(float)
        for state, so_far in states.items():
            ways = [(state, 1.0), *((t, p) for s, w, t, p in arcs if s == state and w is None)]
            for reached, share in ways:
                for s, w, t, p in arcs:
                    if (s, w) == (reached, word):
                        after[t] += so_far * share * p
        states = after
    ends = {state: float(state == final) for state in states}
    for s, w, t, p in arcs:
        if w is None and t == final and s in ends:
            ends[s] += p
    return sum(so_far * ends[state] for state, so_far in states.items())


@pytest.mark.parametrize("said", ["a", "a b", "b b", "b a", "a a b"])
def test_sentences_are_as_probable_as_before(said: str) -> None:
    arcs: list[Arc] = [
        (0, "a", 1, 0.2),
        (0, "a", 2, 0.3),
        (0, "b", 2, 0.5),
        (1, "a", 3, 0.6),
        (1, "b", 4, 0.3),
        (1, None, 4, 0.1),
        (2, "b", 4, 0.7),
        (2, None, 4, 0.2),
        (2, "a", 4, 0.1),
        (3, "b", 4, 1.0),
    ]
    graph = smallest(0, 4, arcs, KNOWN)
    probability, state = 1.0, graph.start
    for word in said.split():
        ((state, share),) = [(t, p) for s, w, t, p in graph.arcs if (s, w) == (state, word)]
        probability *= share
    assert probability * graph.finals[state] == pytest.approx(chance(0, 4, arcs, said.split()), rel=1e-6)
    leaving: defaultdict[int, float] = defaultdict(float)
    for s, _, _, p in graph.arcs:
        leaving[s] += p
    for s, p in graph.finals.items():
        leaving[s] += p
    assert all(total == pytest.approx(1.0) for total in leaving.values())


def test_probabilities_are_raised_to_a_power_and_never_fall_to_nothing() -> None:
    graph = Graph(0, {1: 1.0}, ((0, "a", 1, 0.5), (0, "b", 1, 0.0)))
    _, _, made = transitions(graph, SOUNDS, 2.0)
    assert {each[3]: each[2] for each in made if len(each) > 3} == {"a": 0.25, "b": RAREST**2}


def with_loops(graph: Graph) -> tuple[int, int, list[TUPLE]]:
    start, final, made = transitions(graph, SOUNDS, 1.0)
    return start, final, [(each[0], each[3] if len(each) > 3 else None, each[1]) for each in made]


def in_loops(graph: Graph, text: str) -> bool:
    start, final, arcs = with_loops(graph)
    return accepts(start, [final], arcs, text.split())


@st.composite
def graphs(draw: st.DrawFn) -> list[TUPLE]:
    """Without circles, as our templates repeat nothing, and with an arc for several silent ones in a row, as the
    library makes them; from state 0 to the last."""
    ways = st.sampled_from(list(combinations(range(STATES), 2)))
    words = st.sampled_from(["a", "b", UNKNOWN, FREE_WORD, None])
    arcs = {(source, word, target) for (source, target), word in draw(st.lists(st.tuples(ways, words), max_size=14))}
    for between in range(1, STATES - 1):
        before = [source for source, word, target in arcs if target == between and word is None]
        after = [target for source, word, target in arcs if source == between and word is None]
        arcs |= {(source, None, target) for source, target in product(before, after)}
    return sorted(arcs, key=str)


@given(graphs())
def test_the_smallest_graph_accepts_the_same_sentences(arcs: list[TUPLE]) -> None:
    graph = smallest(0, STATES - 1, probable(*arcs), KNOWN)
    for sentence in SENTENCES:
        assert in_graph(graph, sentence) == accepts(0, [STATES - 1], arcs, sentence)
    assert not any(word == UNKNOWN for _, word, *_ in graph.arcs)


@given(graphs())
def test_the_smallest_graph_is_deterministic_and_no_two_of_its_states_are_alike(arcs: list[TUPLE]) -> None:
    graph = smallest(0, STATES - 1, probable(*arcs), KNOWN)
    assert len({(source, word) for source, word, *_ in graph.arcs}) == len(graph.arcs)
    states = {graph.start} | {state for source, _, target, *_ in graph.arcs for state in (source, target)}
    rests = {frozenset(sentences(graph._replace(start=state))) for state in states}
    assert len(rests) == len(states)
    assert frozenset() not in rests or len(states) == 1


@given(graphs())
def test_with_loops_the_same_may_be_said_and_free_words_are_sounds(arcs: list[TUPLE]) -> None:
    graph = smallest(0, STATES - 1, probable(*arcs), KNOWN)
    start, final, looped = with_loops(graph)
    for sentence in SENTENCES[:40]:
        free = [sound for word in sentence for sound in (("xxb", "xxaa", "xxb") if word == FREE_WORD else (word,))]
        assert accepts(start, [final], looped, free) or not in_graph(graph, sentence)
        if FREE_WORD not in sentence:
            assert accepts(start, [final], looped, sentence) == in_graph(graph, sentence)


def test_what_shares_its_rest_shares_its_states() -> None:
    arcs = probable((0, "a", 1), (1, "b", 2), (2, None, 5), (0, "b", 3), (3, None, 4), (4, "b", 5))
    graph = smallest(0, 5, arcs, KNOWN)
    assert sentences(graph) == {"a b", "b b"}
    assert len(graph.arcs) == 3


def test_sentences_with_an_unknown_word_go_away_and_leave_no_dead_end() -> None:
    arcs = probable((0, "a", 1), (1, UNKNOWN, 3), (0, "b", 2), (2, "b", 3), (2, UNKNOWN, 3))
    graph = smallest(0, 3, arcs, KNOWN)
    assert sentences(graph) == {"b b"}
    assert [word for _, word, *_ in graph.arcs] == ["b", "b"]


@pytest.mark.parametrize("arcs", [[], [(0, UNKNOWN, 1)], [(0, "a", 2)]], ids=["empty", "unknown", "no way to the end"])
def test_a_graph_that_accepts_nothing_stays_one(arcs: list[TUPLE]) -> None:
    graph = smallest(0, 1, probable(*arcs), KNOWN)
    assert not sentences(graph)
    start, final, looped = with_loops(graph)
    assert start != final
    assert not looped


def test_ways_on_share_one_loop_and_other_ways_have_another() -> None:
    arcs = probable(
        *((0, "a", 1), (1, FREE_WORD, 5)),
        *((0, "b", 2), (2, "b", 3), (3, FREE_WORD, 5), (3, "a", 5), (2, FREE_WORD, 4), (4, "a", 5)),
    )
    graph = smallest(0, 5, arcs, KNOWN)
    _, _, made = transitions(graph, SOUNDS, 1.0)
    sounds = [(each[0], each[1]) for each in made if each[3:] == ("xxb",)]
    loops = {source for source, target in sounds if source == target}
    assert len(loops) == 2
    assert len(sounds) == 4
    assert {each[2] for each in made if each[3:] == ("xxb",)} == {SOUNDS["xxb"]}
    assert {each[2] for each in made if each[3:] == ("xxaa",)} == {SOUNDS["xxaa"]}
    said = ["a xxb", "b b a", "a xxb xxaa xxaa", "b b xxaa", "b xxaa a", "b xxb xxb a"]
    assert [text for text in said if in_loops(graph, text)] == said
    unsaid = ["a", "b b", "b a", "xxb", "a xxb a", "b xxb", f"a {FREE_WORD}"]
    assert not [text for text in unsaid if in_loops(graph, text)]


def test_a_graph_is_read_from_the_engines_file_format() -> None:
    text = (
        "FSG_BEGIN <sentence>\nNUM_STATES 4\nSTART_STATE 3\nFINAL_STATE 1\n"
        "TRANSITION 3 0 0.500000 yes\nTRANSITION 0 1 1.000000\nFSG_END\n"
    )
    start, final, arcs = read_fsg(text)
    assert (start, final) == (3, 1)
    assert [(source, word, target) for source, word, target, *_ in arcs] == [(3, "yes", 0), (0, None, 1)]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["answer"], {"yes", "no"}),
        (
            ["command"],
            COMMANDS,
        ),
        (
            ["command", "answer"],
            COMMANDS | {"yes", "no"},
        ),
    ],
    ids=lambda words: " or ".join(sorted(words)),
)
def test_a_grammar_that_the_engine_parsed_accepts_what_the_rules_say(
    rules: list[str], said: set[str], tmp_path: Path
) -> None:
    dictionary = tmp_path / "dictionary"
    dictionary.write_text("yes Y EH S\n", encoding="utf-8")
    decoder = pocketsphinx.Decoder(lm=None, dict=str(dictionary), loglevel="FATAL")
    decoder.parse_jsgf(with_one_public_rule(JSGF, rules)).writefile(str(tmp_path / "fsg"))
    start, final, arcs = read_fsg((tmp_path / "fsg").read_text(encoding="utf-8"))
    words = frozenset(word for _, word, *_ in arcs if word)
    assert sentences(smallest(start, final, arcs, words)) == said
    assert sentences(smallest(start, final, arcs, words - {"two", "yes"})) == {
        sentence for sentence in said if not {"two", "yes"} & set(sentence.split())
    }
