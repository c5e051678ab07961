import re
from typing import Any

import pytest
import yaml

from sottovoce.errors import LanguageNotSupported
from sottovoce.orchestrator.templates import COMMANDS, Templates, languages, load

TEA = """
language: en
intents:
  tea:
    data:
      - sentences: ["make [some] tea [for {duration:seconds}]"]
        metadata: {example: "make tea"}
"""


def tables(language: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((COMMANDS / f"{language}.yaml").read_text("utf-8"))
    return read


def keys(value: object, path: str = "") -> set[str]:
    if not isinstance(value, dict):
        return {path}
    return {each for key, inner in value.items() for each in keys(inner, f"{path}.{key}")}


def test_two_languages_are_known_and_others_are_told_so() -> None:
    assert languages() == ("de", "en")
    with pytest.raises(LanguageNotSupported, match="de, en"):
        load("fr")


def test_german_says_all_that_english_says() -> None:
    english, german = tables("en"), tables("de")
    assert german["responses"].keys() == english["responses"].keys()
    assert german["intents"].keys() == english["intents"].keys()
    assert german["answers"].keys() == english["answers"].keys()
    assert german["exact_only"] == english["exact_only"]
    for part in ("units", "clock", "moment", "kinds"):
        assert keys(german["saying"][part]) == keys(english["saying"][part])
    assert load("de").examples.keys() == load("en").examples.keys()


def test_both_languages_fill_in_the_same_values() -> None:
    english, german = tables("en")["responses"], tables("de")["responses"]
    for key, text in english.items():
        named = set(re.findall(r"{(\w+)}", text))
        assert set(re.findall(r"{(\w+)}", german[key])) <= named | {"kind", "kinds", "n", "item"}, key


def test_sentences_of_others_are_added_to_ours() -> None:
    templates = load("en", [TEA])
    assert templates.examples["tea"] == "make tea"
    assert "reminder" in templates.intents.intents


@pytest.mark.parametrize("template", ["timer[s]", "set {duration}s", "(a|b)c"])
def test_a_template_that_splits_a_word_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="splits a word"):
        Templates({"language": "en", "intents": {"x": {"data": [{"sentences": [template]}]}}})


def test_every_variant_of_a_sentence_is_listed() -> None:
    templates = load("en", [TEA])
    [data] = templates.intents.intents["tea"].data
    variants = set(templates.variants(data.sentences[0]))
    assert variants == {
        "make tea",
        "make some tea",
        "make tea for {duration}",
        "make some tea for {duration}",
    }
