"""As much of a JSGF parser as sampling takes: https://www.w3.org/TR/jsgf/."""

import random
import re

Node = str | tuple[str, list["Node"]]


class Jsgf:
    """A grammar's rules, and random sentences of them; every alternative alike probable, whatever its weight."""

    def __init__(self, text: str) -> None:
        self.public: list[str] = []
        self.rules: dict[str, Node] = {}
        for public, name, body in re.findall(r"(public )?<(\w+)> = (.*?) ;\n", text):
            self.rules[name] = _parse(body)
            if public:
                self.public.append(name)

    def sample(self, rule: str, chance: random.Random, free: list[str]) -> str:
        """One sentence; `free` are the texts that may stand where anything may."""
        return " ".join(self._sample(("rule", [rule]), chance, free).split())

    def _sample(self, node: Node, chance: random.Random, free: list[str]) -> str:
        if isinstance(node, str):
            return node
        kind, items = node
        if kind == "rule":
            name = str(items[0])
            if name in {"free", "NULL"}:
                return chance.choice(free) if name == "free" else ""
            return self._sample(self.rules[name], chance, free)
        if kind == "all":
            return " ".join(self._sample(item, chance, free) for item in items)
        return self._sample(chance.choice(items), chance, free)


def _parse(body: str) -> Node:
    tokens = re.findall(r"<\w+>|[()|]|[^\s()|<>]+", re.sub(r"/[\d.e+-]+/", " ", body))
    node, rest = _alternatives(tokens)
    assert not rest
    return node


def _alternatives(tokens: list[str]) -> tuple[Node, list[str]]:
    options: list[Node] = []
    while True:
        items: list[Node] = []
        while tokens and tokens[0] not in {"|", ")"}:
            item, tokens = _item(tokens)
            items.append(item)
        assert items
        options.append(("all", items))
        if not tokens or tokens[0] != "|":
            return ("any", options), tokens
        tokens = tokens[1:]


def _item(tokens: list[str]) -> tuple[Node, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first != "(":
        return (("rule", [first[1:-1]]) if first.startswith("<") else first), rest
    node, rest = _alternatives(rest)
    assert rest[0] == ")"
    return node, rest[1:]
