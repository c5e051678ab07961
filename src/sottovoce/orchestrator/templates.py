"""The sentences of a language: hassil templates out of YAML, from us and from whoever adds skills.

A file has hassil's own tables (`intents`, `lists`, `expansion_rules`) and these of ours: `spoken`, `usual`,
`usual_text`, `polite`, `fillers`, `answers`, `echo`, `responses`. The head of `commands/en.yaml` says what each is for.
Every intent has the name of the skill that it calls.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml
from hassil import Intents, parse_sentence
from hassil.expression import Alternative, Expression, Group, Sentence, TextChunk
from hassil.sample import sample_sentence
from hassil.util import merge_dict

from sottovoce.errors import LanguageNotSupported

COMMANDS = files("sottovoce.orchestrator") / "commands"


def languages() -> tuple[str, ...]:
    """The languages that commands are known in: "de", "en"."""
    return tuple(
        sorted(entry.name.removesuffix(".yaml") for entry in COMMANDS.iterdir() if entry.name.endswith(".yaml"))
    )


class Templates:
    """All sentences of one language."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self.language: str = tables["language"]
        self.intents = Intents.from_dict(dict(tables))
        self.spoken = {name: parse_sentence(text) for name, text in tables.get("spoken", {}).items()}
        self.usual = {
            name: [parse_sentence(text) for text in sentences]
            for name, sentences in (tables.get("usual") or {}).items()
        }
        text = tables.get("usual_text")
        self.usual_text = None if text is None else parse_sentence(text)
        self.polite = {place: parse_sentence(text) for place, text in tables.get("polite", {}).items()}
        self.fillers: list[str] = tables.get("fillers", [])
        self.answers = {
            kind: [parse_sentence(text) for text in sentences] for kind, sentences in tables.get("answers", {}).items()
        }
        self.exact_only: list[str] = tables.get("exact_only", [])
        self.seldom: list[str] = tables.get("seldom", [])
        self.echo: dict[str, str] = tables.get("echo", {})
        self.responses: dict[str, str] = tables.get("responses", {})
        self.saying: dict[str, Any] = tables.get("saying", {})
        for sentence in self._all_sentences():
            _refuse_split_words(sentence.expression)

    def _all_sentences(self) -> Iterator[Sentence]:
        for intent in self.intents.intents.values():
            for data in intent.data:
                yield from data.sentences
        yield from self.intents.expansion_rules.values()
        yield from self.spoken.values()
        for sentences in self.usual.values():
            yield from sentences
        if self.usual_text is not None:
            yield self.usual_text
        yield from self.polite.values()
        for sentences in self.answers.values():
            yield from sentences

    def variants(self, sentence: Sentence, *, expand: bool = False) -> Iterator[str]:
        """Every way to say a sentence; slots stay as they are written, "cancel the {kind}", or get each of their values
        (`expand`); free words always stay "{text}"."""
        for text in sample_sentence(
            sentence, self.intents.slot_lists, self.intents.expansion_rules, self.language, expand_lists=expand
        ):
            yield " ".join(text.split())

    @cached_property
    def examples(self) -> dict[str, str]:
        """One sentence to say, for each intent that names one."""
        return {
            name: data.metadata["example"]
            for name, intent in self.intents.intents.items()
            for data in intent.data
            if data.metadata and "example" in data.metadata
        }


def load(language: str, extra: Sequence[str] = ()) -> Templates:
    """Our sentences of a language, and those of other YAML texts (each in the same language) merged in.

    Raises LanguageNotSupported, naming the languages there are.
    """
    if language not in languages():
        raise LanguageNotSupported(f"Commands are known in {', '.join(languages())}, not in {language!r}")
    tables: dict[str, Any] = {}
    for text in (*((COMMANDS / f"{language}.yaml").read_text("utf-8"),), *extra):
        merge_dict(tables, yaml.load(text, yaml.CSafeLoader))  # ten times as fast as the loader in Python
    return Templates(tables)


def _refuse_split_words(expression: Expression) -> None:
    """Raise ValueError for "timer[s]": a recogniser's grammar is made of whole words."""
    if not isinstance(expression, Group):
        return
    for item in expression.items:
        _refuse_split_words(item)
    if isinstance(expression, Alternative):
        return
    for left, right in itertools.pairwise(expression.items):
        ends = isinstance(left, TextChunk) and left.original_text.endswith(" ")
        starts = isinstance(right, TextChunk) and right.original_text.startswith(" ")
        if not (ends or starts):
            raise ValueError("A sentence template splits a word: write the whole words as alternatives")
