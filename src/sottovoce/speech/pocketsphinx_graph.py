"""A grammar as the smallest graph that accepts the same sentences.

pocketsphinx copies a rule into every place of a JSGF grammar that refers to it, so a grammar of a few hundred rules
becomes a search of tens of thousands of states, most of them alike. Made deterministic and minimal first, ours shrinks
to a tenth, and all places where anything may be said share one loop of free words for each way that they can go on.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final, NamedTuple

FREE: Final = "<free>"
"""The reserved rule of our grammars: anything may be said here."""
FREE_WORD: Final = "xxfree"
"""Stands for it where JSGF wants a word."""

Arc = tuple[int, str | None, int, float]
"""From, word (None: nothing is said), to, probability."""


RAREST: Final = 1e-4
"""No arc is less probable: what is possible at all may be said."""


class Graph(NamedTuple):
    """Deterministic: no two arcs of a state carry the same word, and each carries one."""

    start: int
    finals: Mapping[int, float]
    """States in which a sentence may end, and how probable it is that it does."""
    arcs: tuple[tuple[int, str, int, float], ...]


def with_one_public_rule(jsgf: str, rules: Sequence[str]) -> str:
    """The grammar with any one of `rules` as all that may be said, and FREE_WORD in place of <free>."""
    private = re.sub(r"(?m)^public\s+(?=<)", "", jsgf).replace(FREE, FREE_WORD)
    return f"{private}\npublic <sentence> = {' | '.join(f'<{rule}>' for rule in rules)} ;\n"


def read_fsg(text: str) -> tuple[int, int, list[Arc]]:
    """Start, final state and arcs of a graph in pocketsphinx's own file format."""
    start = final = 0
    arcs: list[Arc] = []
    for line in text.splitlines():
        match line.split():
            case ["START_STATE", state]:
                start = int(state)
            case ["FINAL_STATE", state]:
                final = int(state)
            case ["TRANSITION", source, target, probability, *word]:
                arcs.append((int(source), word[0] if word else None, int(target), float(probability)))
    return start, final, arcs


def smallest(start: int, final: int, arcs: Iterable[Arc], known: frozenset[str]) -> Graph:
    """The minimal deterministic graph, less the sentences that need a word which is not `known`.

    How probable its arcs are follows from how probable those of the first were, over all sentences that use them.
    """
    spoken = [arc for arc in arcs if arc[1] is None or arc[1] in known or arc[1] == FREE_WORD]
    return _merge_alike(_make_deterministic(start, final, spoken))


Steps = dict[int, dict[str, dict[int, float]]]
"""State to word to the states that it leads to, and how probable each is."""


def _without_silence(start: int, final: int, arcs: Iterable[Arc]) -> tuple[Steps, dict[int, float]]:
    """What may be said next in each state that a word leads to, and how probable an end is, where there may be one.

    Of several silent arcs in a row the library has made one more that does the same (of several ways, as the likeliest
    does), so none are followed here.
    """
    leaving: defaultdict[int, list[tuple[str | None, int, float]]] = defaultdict(list)
    for source, word, target, probability in arcs:
        leaving[source].append((word, target, probability))
    steps: Steps = {}
    ends: dict[int, float] = {}
    todo = [start]
    while todo:
        state = todo.pop()
        if state in steps:
            continue
        said: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        for reached, probability in [(state, 1.0), *((t, share) for word, t, share in leaving[state] if word is None)]:
            if reached == final:
                ends[state] = ends.get(state, 0.0) + probability
            for word, target, share in leaving[reached]:
                if word is not None:
                    said[word][target] += probability * share
        steps[state] = {word: dict(targets) for word, targets in said.items()}
        todo += {target for targets in said.values() for target in targets}
    return steps, ends


def _make_deterministic(start: int, final: int, arcs: Iterable[Arc]) -> Graph:
    """By the subset construction. Probabilities are of all that is said: in how many sentences an arc is used."""
    steps, ends = _without_silence(start, final, arcs)
    subsets, made = _subsets(start, steps)
    uses: list[defaultdict[int, float]] = [defaultdict(float) for _ in subsets]
    uses[0][start] = 1.0
    used: list[tuple[int, str, int, float]] = []
    finals: dict[int, float] = {}
    for number in _in_order(made):
        for word, target in made[number].items():
            shares = [
                (after, use * share)
                for state, use in uses[number].items()
                for after, share in steps[state].get(word, {}).items()
            ]
            for after, use in shares:
                uses[target][after] += use
            used.append((number, word, target, sum(use for _, use in shares)))
        if not ends.keys().isdisjoint(subsets[number]):
            finals[number] = sum(use * ends.get(state, 0.0) for state, use in uses[number].items())
    return Graph(0, finals, tuple(used))


def _subsets(start: int, steps: Steps) -> tuple[list[frozenset[int]], list[dict[str, int]]]:
    """The states of the deterministic graph, each a set of the others', and what each word leads to from it."""
    numbers = {frozenset([start]): 0}
    made: dict[int, dict[str, int]] = {}
    todo = [frozenset([start])]
    while todo:
        subset = todo.pop()
        after: dict[str, int] = {}
        for word in sorted({word for state in subset for word in steps[state]}):
            target = frozenset(reached for state in subset for reached in steps[state].get(word, ()))
            if target not in numbers:
                numbers[target] = len(numbers)
                todo.append(target)
            after[word] = numbers[target]
        made[numbers[subset]] = after
    return list(numbers), [made[number] for number in range(len(numbers))]


def _in_order(made: Sequence[Mapping[str, int]]) -> list[int]:
    """States so that each comes after those that lead to it: our templates repeat nothing, so no path is a circle."""
    before: list[set[int]] = [set() for _ in made]
    for number, targets in enumerate(made):
        for target in targets.values():
            before[target].add(number)
    return list(TopologicalSorter(dict(enumerate(before))).static_order())


def _merge_alike(graph: Graph) -> Graph:
    """By Moore's partition refinement; states from which no sentence ends go away."""
    useful = _can_end(graph)
    leaving: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for source, word, target, _ in graph.arcs:
        if target in useful:
            leaving[source].append((word, target))
    classes = {state: int(state in graph.finals) for state in useful | {graph.start}}
    while True:
        keys: dict[tuple[int, tuple[tuple[str, int], ...]], int] = {}
        refined = {
            state: keys.setdefault(
                (own, tuple(sorted((word, classes[target]) for word, target in leaving[state]))), len(keys)
            )
            for state, own in classes.items()
        }
        settled = len(keys) == len(set(classes.values()))
        classes = refined
        if settled:
            break
    return _shared(graph, classes)


def _shared(graph: Graph, classes: Mapping[int, int]) -> Graph:
    """With one state for each class; what was how often used becomes how probable it is in its state."""
    uses: defaultdict[tuple[int, str, int], float] = defaultdict(float)
    ends: defaultdict[int, float] = defaultdict(float)
    totals: defaultdict[int, float] = defaultdict(lambda: sys.float_info.min)
    for source, word, target, use in graph.arcs:
        if source in classes and target in classes:
            uses[classes[source], word, classes[target]] += use
            totals[classes[source]] += use
    for state, use in graph.finals.items():
        ends[classes[state]] += use
        totals[classes[state]] += use
    arcs = tuple((s, word, t, use / totals[s]) for (s, word, t), use in sorted(uses.items()))
    return Graph(classes[graph.start], {state: use / totals[state] for state, use in sorted(ends.items())}, arcs)


def _can_end(graph: Graph) -> set[int]:
    before: defaultdict[int, list[int]] = defaultdict(list)
    for source, _, target, _ in graph.arcs:
        before[target].append(source)
    useful = set(graph.finals)
    todo = list(useful)
    while todo:
        new = [state for state in before[todo.pop()] if state not in useful]
        useful.update(new)
        todo += new
    return useful


Transition = tuple[int, int, float] | tuple[int, int, float, str]
"""From, to, probability, word: as pocketsphinx's `create_fsg` takes them."""


def transitions(graph: Graph, free: Mapping[str, float], weight: float) -> tuple[int, int, list[Transition]]:
    """Start, final state and transitions. `free`: what to loop over where anything may be said, and how probable each
    turn of the loop is. `weight`: the power to which the graph's own probabilities are raised, for what is usual to
    count against what is heard; the library does not do this for graphs."""
    number = 1 + max((max(source, target) for source, _, target, _ in graph.arcs), default=graph.start)
    final, number = number, number + 1
    made: list[Transition] = [(state, final, max(use, RAREST) ** weight) for state, use in graph.finals.items()]
    loops: dict[int, int] = {}
    for source, word, target, probability in graph.arcs:
        if word != FREE_WORD:
            made.append((source, target, max(probability, RAREST) ** weight, word))
            continue
        if target not in loops:
            entry, loop, number = number, number + 1, number + 2
            loops[target] = entry
            for sound, each in free.items():
                made += [(entry, loop, each, sound), (loop, loop, each, sound)]
            made.append((loop, target, 1.0))
        made.append((source, loops[target], max(probability, RAREST) ** weight))
    return graph.start, final, made
