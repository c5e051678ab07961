"""The same sentences as a grammar for recognisers: JSGF (https://www.w3.org/TR/jsgf/).

Words are lower case, numbers spelled. `<command>` is every sentence, `<answer>` what may be said to a question; both
are public. Each skill has a rule of its own, `<intent_NAME>`. Where anything may be said stands `<free>`, which is left
for the recogniser to define; `<text>` is what is usually said there. Weights tell how usual an alternative is.
"""

import re
from collections.abc import Mapping, Sequence

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    Sentence,
    TextChunk,
)
from hassil.intents import IntentData, RangeSlotList, SlotList, TextSlotList

from sottovoce.orchestrator.numbers import spelled
from sottovoce.orchestrator.templates import Templates, load

FREE = "<free>"
NOTHING = "<NULL>"
SMALL = 12
UNUSUAL = 0.1
OPTIONAL = 0.3
"""How probable the words of a sentence are that may be left out."""
USUAL = 0.9
"""How probable it is that what is said is usual."""
SELDOM = 0.2
"""How often a command is said that the templates name among the seldom ones, measured by the others."""
VALUES_TO_ANSWER_WITH = ("duration", "when")


def jsgf(language: str) -> str:
    """The grammar of our own sentences. Raises LanguageNotSupported."""
    return compile_jsgf(load(language))


def compile_jsgf(templates: Templates) -> str:
    """The grammar of these sentences."""
    return _Compiler(templates).compile()


class _Compiler:
    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._rules: dict[str, str] = {}

    def compile(self) -> str:
        heard = {
            name: [sentence for data in intent.data if _is_heard(data) for sentence in data.sentences]
            for name, intent in self._templates.intents.intents.items()
        }
        intents = self._sentences("intent", heard)
        usual = self._sentences("usual", self._templates.usual)
        before, after = (self._expand(self._templates.polite[place].expression) for place in ("before", "after"))
        whole = {intents: 1 - USUAL, usual: USUAL}
        said = _weighted({f"( {texts} )": weight for texts, weight in whole.items() if texts})
        command = f"{_optional(before)} ( {said} ) {_optional(after)}"
        answers = [self._expand(sentence.expression) for kind in self._templates.answers.values() for sentence in kind]
        answers += [self._slot(name) for name in VALUES_TO_ANSWER_WITH if name in self._templates.spoken]
        text = self._templates.usual_text
        self._rules["text"] = FREE if text is None else self._expand(text.expression)
        rules = "".join(f"<{name}> = {body or NOTHING} ;\n" for name, body in self._rules.items())
        return (
            f"#JSGF V1.0 UTF-8 {self._templates.language};\ngrammar sottovoce;\n{rules}"
            f"public <command> = {command} ;\npublic <answer> = {' | '.join(answers)} ;\n"
        )

    def _sentences(self, kind: str, by_intent: Mapping[str, Sequence[Sentence]]) -> str:
        """One rule for each intent that has any; all of them as alternatives."""
        made = {
            f"{kind}_{name}": _by_use([self._expand(sentence.expression) for sentence in sentences])
            for name, sentences in by_intent.items()
            if sentences
        }
        self._rules |= made
        seldom = {f"{kind}_{name}" for name in self._templates.seldom}
        return _weighted({f"<{name}>": SELDOM if name in seldom else 1.0 for name in made}) if made else ""

    def _expand(self, expression: Expression) -> str:
        match expression:
            case TextChunk():
                return _spoken(expression.original_text)
            case Alternative():
                return self._alternatives(expression)
            case Permutation():
                raise ValueError("A sentence template with (a;b) cannot become a grammar: write out both orders")
            case Group():
                return " ".join(part for part in map(self._expand, expression.items) if part)
            case ListReference():
                return self._slot(expression.list_name)
            case RuleReference():
                return self._rule(expression.rule_name)
        raise TypeError(type(expression).__name__)

    def _alternatives(self, expression: Alternative) -> str:
        parts = [self._expand(item) for item in expression.items]
        some = [part for part in parts if part]
        if not some:
            return ""
        return _optional(_by_use(some)) if len(some) < len(parts) else f"( {_by_use(some)} )"

    def _rule(self, name: str) -> str:
        key = f"rule_{name}"
        if key not in self._rules:
            self._rules[key] = self._expand(self._templates.intents.expansion_rules[name].expression)
        return f"<{key}>"

    def _slot(self, name: str) -> str:
        if name in self._templates.spoken:
            key = f"slot_{name}"
            if key not in self._rules:
                self._rules[key] = self._expand(self._templates.spoken[name].expression)
            return f"<{key}>"
        words = self._words(self._templates.intents.slot_lists[name])
        if words is None:
            return FREE
        self._rules.setdefault(f"list_{name}", words)
        return f"<list_{name}>"

    def _words(self, slots: SlotList) -> str | None:
        match slots:
            case TextSlotList():
                return " | ".join(self._expand(value.text_in) for value in slots.values) or NOTHING
            case RangeSlotList():
                numbers = range(slots.start, slots.stop + 1, slots.step)
                language = self._templates.language
                return _factored({text: _use(number) for number in numbers for text in spelled(number, language)})
        return None


def _is_heard(data: IntentData) -> bool:
    return not data.requires_context.get("typed") and (data.metadata or {}).get("heard", True)


def _spoken(text: str) -> str:
    """Words as they are. Raises ValueError for what is no word, and would be something else in a grammar."""
    words = text.strip().lower()
    if re.search(r"[/=;|*+<>(){}\[\]\"]", words):
        raise ValueError(f"A sentence template for speech has words only, not {words!r}")
    return words


def _by_use(texts: Sequence[str]) -> str:
    """Alternatives, each as probable as its rank makes it (Zipf's law): the templates name the most usual first."""
    return _weighted({text: 1 / rank for rank, text in enumerate(dict.fromkeys(texts), start=1)})


def _use(number: int) -> float:
    """How usual a number is: the smaller the more so, and of the larger ones fives and tens."""
    return (1.0 if number <= SMALL or number % 5 == 0 else UNUSUAL) / max(1, number)


def _optional(text: str) -> str:
    return f"( /{1 - OPTIONAL:g}/ {NOTHING} | /{OPTIONAL:g}/ ( {text} ) )"


def _weighted(alternatives: Mapping[str, float]) -> str:
    if len(alternatives) == 1:
        return next(iter(alternatives))
    return " | ".join(f"/{weight:.3g}/ {text}" for text, weight in alternatives.items())


def _factored(uses: Mapping[str, float]) -> str:
    """The alternatives with what they share said once: "( twenty | thirty ) ( one | two )".

    Recognisers copy a rule into every place that refers to it, so a list of 99 numbers is costly as it stands.
    """
    continuations: dict[str, dict[str, float]] = {}
    for text, use in uses.items():
        first, _, rest = text.partition(" ")
        continuations.setdefault(first, {})[rest or NOTHING] = use
    firsts: dict[tuple[str, ...], list[str]] = {}
    for first, rests in continuations.items():
        firsts.setdefault(tuple(rests), []).append(first)
    parts = {}
    for shared, words in firsts.items():
        heads = {word: sum(continuations[word].values()) for word in words}
        rests = {rest: sum(continuations[word][rest] for word in words) for rest in shared}
        tail = "" if shared == (NOTHING,) else f" ( {_weighted(rests)} )"
        parts[f"( {_weighted(heads)} ){tail}"] = sum(heads.values())
    return _weighted(parts)
