"""A grammar as the smallest graph that accepts the same sentences.

pocketsphinx copies a rule into every place of a JSGF grammar that refers to it, so a grammar of a few hundred rules
becomes a search of tens of thousands of states, most of them alike. Made deterministic and minimal first, ours shrinks
to a tenth, and all places where anything may be said share one loop of free words for each way that they can go on.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

FREE: Final = "<free>"
"""The reserved rule of our grammars: anything may be said here."""
FREE_WORD: Final = "xxfree"
"""Stands for it where JSGF wants a word."""

Arc = tuple[int, str | None, int]
"""From, word (None: nothing is said), to."""


class Graph(NamedTuple):
    """Deterministic: no two arcs of a state carry the same word, and each carries one."""

    start: int
    finals: frozenset[int]
    arcs: tuple[tuple[int, str, int], ...]


def with_one_public_rule(jsgf: str, rules: Sequence[str]) -> str:
    """The grammar with any one of `rules` as all that may be said, and FREE_WORD in place of <free>."""
    private = re.sub(r"\bpublic\s+(?=<)", "", jsgf).replace(FREE, FREE_WORD)
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
            case ["TRANSITION", source, target, _probability]:
                arcs.append((int(source), None, int(target)))
            case ["TRANSITION", source, target, _probability, word]:
                arcs.append((int(source), word, int(target)))
    return start, final, arcs


def smallest(start: int, final: int, arcs: Iterable[Arc], known: frozenset[str]) -> Graph:
    """The minimal deterministic graph, less the sentences that need a word which is not `known`."""
    spoken = [arc for arc in arcs if arc[1] is None or arc[1] in known or arc[1] == FREE_WORD]
    return _merge_alike(_make_deterministic(start, final, spoken))


def _make_deterministic(start: int, final: int, arcs: Iterable[Arc]) -> Graph:
    """By the subset construction."""
    silent: defaultdict[int, list[int]] = defaultdict(list)
    spoken: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for source, word, target in arcs:
        if word is None:
            silent[source].append(target)
        else:
            spoken[source].append((word, target))

    def reached(states: Iterable[int]) -> frozenset[int]:
        seen = set(states)
        todo = list(seen)
        while todo:
            new = [state for state in silent[todo.pop()] if state not in seen]
            seen.update(new)
            todo += new
        return frozenset(seen)

    first = reached([start])
    numbers = {first: 0}
    todo = [first]
    made: list[tuple[int, str, int]] = []
    while todo:
        subset = todo.pop()
        targets: defaultdict[str, set[int]] = defaultdict(set)
        for state in subset:
            for word, target in spoken[state]:
                targets[word].add(target)
        for word, states in targets.items():
            target_subset = reached(states)
            if target_subset not in numbers:
                numbers[target_subset] = len(numbers)
                todo.append(target_subset)
            made.append((numbers[subset], word, numbers[target_subset]))
    return Graph(0, frozenset(number for subset, number in numbers.items() if final in subset), tuple(made))


def _merge_alike(graph: Graph) -> Graph:
    """By Moore's partition refinement; states from which no sentence ends go away."""
    useful = _can_end(graph)
    leaving: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for source, word, target in graph.arcs:
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
    arcs = {(classes[source], word, classes[target]) for source in classes for word, target in leaving[source]}
    return Graph(
        classes[graph.start], frozenset(classes[state] for state in graph.finals & useful), tuple(sorted(arcs))
    )


def _can_end(graph: Graph) -> set[int]:
    before: defaultdict[int, list[int]] = defaultdict(list)
    for source, _, target in graph.arcs:
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


def transitions(graph: Graph, free: Mapping[str, float]) -> tuple[int, int, list[Transition]]:
    """Start, final state and transitions. `free`: what to loop over where anything may be said, and how probable each
    turn of the loop is. Words of the grammar are all alike probable."""
    number = 1 + max((max(source, target) for source, _, target in graph.arcs), default=graph.start)
    final, number = number, number + 1
    made: list[Transition] = [(state, final, 1.0) for state in sorted(graph.finals)]
    loops: dict[int, int] = {}
    for source, word, target in graph.arcs:
        if word != FREE_WORD:
            made.append((source, target, 1.0, word))
            continue
        if target not in loops:
            entry, loop, number = number, number + 1, number + 2
            loops[target] = entry
            for sound, probability in free.items():
                made += [(entry, loop, probability, sound), (loop, loop, probability, sound)]
            made.append((loop, target, 1.0))
        made.append((source, loops[target], 1.0))
    return graph.start, final, made
