import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from sottovoce.core.end_of_turn import Opinion
from sottovoce.orchestrator.commander import CommandOrchestrator
from sottovoce.orchestrator.skills import Skills

NOW = datetime(2025, 11, 19, 10, 0, tzinfo=ZoneInfo("UTC"))
COMMANDER = CommandOrchestrator(Skills.installed(), clock=NOW.timestamp, zone=NOW.tzinfo)

FINISHED = {
    "en": [
        "set a timer for five minutes",
        "what time is it",
        "what are my tasks",
        "cancel the timer",
        "cancel that",
        "please remind me to buy milk in ten minutes",
        "remind me in an hour",
    ],
    "de": [
        "stell einen timer auf fünf minuten",
        "wie spät ist es",
        "erinnere mich in zehn minuten daran milch zu kaufen",
    ],
}
OPEN = {
    "en": [
        "remind me to",
        "remind me to buy milk and",
        "remind me to call tom tomorrow at nine and",
        "set a timer for",
        "what is the",
        "i would like to um",
        "could you tell me whether",
        "note that",
        "it is because",
    ],
    "de": [
        "erinnere mich daran",
        "stell einen timer für",
        "ich möchte",
        "und dann kommt der",
        "sag mir ob",
        "erinnere mich an die milch und",
    ],
}
UNSURE = {
    "en": [
        "",
        "remind me to buy milk",
        "set a timer",
        "set a timer for ten",
        "he was not an ill disposed young man",
        "take a note",
    ],
    "de": ["der hund liegt im garten", "ja"],
}


def judged(text: str, language: str, *, asked: bool = False) -> Opinion:
    return COMMANDER.ending(text, language, asked=asked)


@pytest.mark.parametrize(
    ("language", "text", "opinion"),
    [
        (language, text, opinion)
        for opinion, sentences in (
            (Opinion.FINISHED, FINISHED),
            (Opinion.OPEN, OPEN),
            (Opinion.UNSURE, UNSURE),
        )
        for language, texts in sentences.items()
        for text in texts
    ],
)
def test_words_end_like_a_sentence_or_not(language: str, text: str, opinion: Opinion) -> None:
    assert judged(text, language) is opinion


def test_yes_is_all_there_is_to_say_where_something_is_asked() -> None:
    assert judged("yes", "en", asked=True) is Opinion.FINISHED
    assert judged("nein", "de", asked=True) is Opinion.FINISHED
    assert judged("yes", "en") is Opinion.UNSURE


def test_of_a_language_that_it_does_not_know_it_thinks_nothing() -> None:
    assert judged("et", "fr") is Opinion.UNSURE


def test_it_takes_about_a_millisecond_even_for_a_minute_of_words() -> None:
    long = "and so he went to the market to buy some bread for all of them " * 15
    for text, most_s in (("remind me to buy milk in ten minutes", 0.01), (long, 0.1)):
        began = time.perf_counter()
        for _ in range(20):
            judged(text, "en")
        assert (time.perf_counter() - began) / 20 < most_s
