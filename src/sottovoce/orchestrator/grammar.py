"""The same sentences as a grammar for recognisers: JSGF (https://www.w3.org/TR/jsgf/).

Words are lower case, numbers spelled. `<command>` is every sentence, `<answer>` what may be said to a question; both
are public. Each skill has a rule of its own, `<intent_NAME>`. Where anything may be said stands `<free>`, which is left
for the recogniser to define.
"""

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    TextChunk,
)
from hassil.intents import IntentData, RangeSlotList, SlotList, TextSlotList

from sottovoce.orchestrator.numbers import spelled
from sottovoce.orchestrator.templates import Templates, load

FREE = "<free>"
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
        intents = []
        for name, intent in self._templates.intents.intents.items():
            sentences = [
                self._expand(sentence.expression)
                for data in intent.data
                if not _only_typed(data)
                for sentence in data.sentences
            ]
            self._rules[f"intent_{name}"] = " | ".join(sentences)
            intents.append(f"<intent_{name}>")
        before, after = (self._expand(self._templates.polite[place].expression) for place in ("before", "after"))
        command = f"[ {before} ] ( {' | '.join(intents)} ) [ {after} ]"
        answers = [self._expand(sentence.expression) for kind in self._templates.answers.values() for sentence in kind]
        answers += [self._slot(name) for name in VALUES_TO_ANSWER_WITH if name in self._templates.spoken]
        rules = "".join(f"<{name}> = {body} ;\n" for name, body in self._rules.items())
        return (
            f"#JSGF V1.0 UTF-8 {self._templates.language};\ngrammar sottovoce;\n{rules}"
            f"public <command> = {command} ;\npublic <answer> = {' | '.join(answers)} ;\n"
        )

    def _expand(self, expression: Expression) -> str:
        match expression:
            case TextChunk():
                return expression.original_text.strip().lower()
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
        return f"[ {' | '.join(some)} ]" if len(some) < len(parts) else f"( {' | '.join(some)} )"

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
                return " | ".join(self._expand(value.text_in) for value in slots.values)
            case RangeSlotList():
                numbers = range(slots.start, slots.stop + 1, slots.step)
                return _factored([text for number in numbers for text in spelled(number, self._templates.language)])
        return None


def _only_typed(data: IntentData) -> bool:
    return bool(data.requires_context.get("typed"))


def _factored(texts: list[str]) -> str:
    """The alternatives with what they share said once: "( twenty | thirty ) [ one | two ]".

    Recognisers copy a rule into every place that refers to it, so a list of 99 numbers is costly as it stands.
    """
    continuations: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        first, _, rest = text.partition(" ")
        continuations.setdefault(first, []).append(rest)
    firsts: dict[tuple[str, ...], list[str]] = {}
    for first, rests in continuations.items():
        firsts.setdefault(tuple(rests), []).append(first)
    parts = []
    for all_rests, words in firsts.items():
        some = [rest for rest in all_rests if rest]
        head = f"( {' | '.join(words)} )" if len(words) > 1 else words[0]
        tail = "" if not some else f" [ {' | '.join(some)} ]" if "" in all_rests else f" ( {' | '.join(some)} )"
        parts.append(head + tail)
    return " | ".join(parts)
