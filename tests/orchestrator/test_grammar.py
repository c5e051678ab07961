import random
import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pocketsphinx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sottovoce.orchestrator.grammar import compile_jsgf, jsgf
from sottovoce.orchestrator.moments import read_duration, read_moment, split_moment
from sottovoce.orchestrator.numbers import spelled
from sottovoce.orchestrator.templates import Templates, load
from sottovoce.orchestrator.understanding import Understanding
from tests.orchestrator.jsgf import Jsgf

LANGUAGES = ("en", "de")
NOW = datetime(2025, 11, 19, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))
GRAMMARS = {language: Jsgf(jsgf(language)) for language in LANGUAGES}
UNDERSTANDINGS = {language: Understanding(load(language)) for language in LANGUAGES}
FREE = {
    "en": ["the red bicycle", "call anna", "milk bread and butter", "water the plants in the kitchen"],
    "de": ["das rote fahrrad", "anna anzurufen", "milch brot und butter", "die blumen in der küche"],
}


def names_no_day(text: str) -> bool:
    """A grammar without arithmetic allows the thirty first of november."""
    thirty_first = re.search("thirty first|einunddreißig", text) is not None
    thirtieth = re.search("thirtieth|dreißigsten", text) is not None
    short = re.search("april|june|september|november|februar|juni", text) is not None
    return (thirty_first and short) or (thirtieth and "februar" in text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_is_defined_but_the_free_one(language: str) -> None:
    text = jsgf(language)
    named = set(re.findall(r"<(\w+)>", text))
    assert named - GRAMMARS[language].rules.keys() == {"free", "NULL"}
    assert GRAMMARS[language].public == ["command", "answer"]


def test_a_recogniser_takes_the_grammar_and_knows_every_word_of_it() -> None:
    text = jsgf("en")
    words = set(re.findall(r"[a-z']+", re.sub(r"<\w+>|public|^.*;\n", " ", text.partition("grammar")[2])))
    dictionary = open(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"), encoding="utf-8")  # noqa: PTH123, SIM115
    with dictionary:
        known = {line.split()[0] for line in dictionary}
    assert words - known - {"sottovoce"} == set()
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("commands", text.replace("public <command>", "<free> = something ;\npublic <command>"))
    decoder.activate_search("commands")


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=600)
@given(chance=st.randoms(use_true_random=False))
def test_what_the_grammar_allows_is_understood_as_what_it_is(language: str, chance: random.Random) -> None:
    grammar = GRAMMARS[language]
    rule = chance.choice([name for name in grammar.rules if name.startswith(("intent_", "usual_"))])
    before = chance.choice(["", "", "please ", "can you "]) if language == "en" else chance.choice(["", "bitte "])
    sentence = before + grammar.sample(rule, chance, FREE[language])
    assume(not names_no_day(sentence))
    understood = UNDERSTANDINGS[language].understand(sentence, NOW)
    assert understood is not None, sentence
    assert (understood.skill, understood.exact) == (rule.partition("_")[2], True), sentence


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=200)
@given(chance=st.randoms(use_true_random=False))
def test_what_the_grammar_allows_as_an_answer_is_one(language: str, chance: random.Random) -> None:
    sentence = GRAMMARS[language].sample("answer", chance, [])
    assume(not names_no_day(sentence))
    understanding = UNDERSTANDINGS[language]
    values = [understanding.value(sentence, expects, NOW) for expects in ("duration", "moment")]
    assert understanding.answer(sentence) is not None or values != [None, None], sentence


def test_numbers_are_said_once() -> None:
    text = jsgf("en")
    [amounts] = re.findall(r"<list_amount> = (.*?) ;\n", text)
    assert amounts.split().count("seven") == 2
    grammar, chance = GRAMMARS["en"], random.Random(7)  # noqa: S311 - no secret
    said = {grammar.sample("list_amount", chance, []) for _ in range(20_000)}
    assert said == {text for number in range(1, 100) for text in spelled(number, "en")}


def tea(**tables: object) -> str:
    """The grammar of a language in which one can only ask for tea."""
    tables.setdefault("intents", {"tea": {"data": [{"sentences": ["make tea"]}]}})
    polite = {"before": "please", "after": "please"}
    return compile_jsgf(Templates({"language": "en", "polite": polite, **tables}))


@pytest.mark.parametrize("kept_out", [{"requires_context": {"typed": True}}, {"metadata": {"heard": False}}])
def test_sentences_that_are_not_to_be_heard_are_not_for_recognisers(kept_out: dict[str, object]) -> None:
    data = [{"sentences": ["make tea"]}, {"sentences": ["tea"], **kept_out}]
    assert "<intent_tea> = make tea ;" in tea(intents={"tea": {"data": data}})


@pytest.mark.parametrize(
    "tables",
    [
        {"intents": {"tea": {"data": [{"sentences": ["make tea"]}]}, "cup": {"data": [{"sentences": []}]}}},
        {"usual": {"tea": []}},
        {"usual": None},
        {"lists": {"kind": {"values": []}}, "intents": {"tea": {"data": [{"sentences": ["make [{kind}] tea"]}]}}},
        {"expansion_rules": {"e": "(|)"}, "intents": {"tea": {"data": [{"sentences": ["make <e> tea"]}]}}},
    ],
)
def test_what_another_package_leaves_empty_is_no_hindrance(tables: dict[str, object]) -> None:
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    decoder.add_jsgf_string("tea", tea(**tables).replace("public <answer> =  ;", "").replace("<free>", "tea"))


@pytest.mark.parametrize("text", ["on/off", "=", "http://x", "c++", "*"])
def test_what_is_no_word_is_refused_and_named(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        tea(intents={"tea": {"data": [{"sentences": [f"open {text} now"]}]}})


def test_an_alternative_that_comes_twice_counts_by_its_first_place() -> None:
    text = tea(intents={"tea": {"data": [{"sentences": ["(make|brew|make) tea"]}]}})
    assert "( /1/ make | /0.5/ brew ) tea" in text


def test_the_first_alternative_is_the_most_probable() -> None:
    sentences = ["(make|brew|cook) tea"]
    text = tea(intents={"tea": {"data": [{"sentences": sentences}]}})
    assert "<intent_tea> = ( /1/ make | /0.5/ brew | /0.333/ cook ) tea ;" in text


def test_what_is_usual_is_more_probable_than_all_the_rest() -> None:
    text = tea(usual={"tea": ["make tea"]})
    assert "<usual_tea> = make tea ;" in text
    assert "( /0.1/ ( <intent_tea> ) | /0.9/ ( <usual_tea> ) )" in text


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=400)
@given(chance=st.randoms(use_true_random=False))
def test_every_time_that_the_grammar_allows_is_read(language: str, chance: random.Random) -> None:
    grammar = GRAMMARS[language]
    when, clock, duration = (grammar.sample(f"slot_{name}", chance, []) for name in ("when", "clock", "duration"))
    assume(not names_no_day(when) and not names_no_day(clock))
    assert split_moment(f"anna {when}", NOW, language)[0] == "anna", when
    assert read_moment(clock, NOW, language) is not None, clock
    assert read_duration(duration, language) is not None, duration
