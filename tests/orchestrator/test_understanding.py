import statistics
import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sottovoce.orchestrator.skills import Skills
from sottovoce.orchestrator.templates import load
from sottovoce.orchestrator.understanding import Understanding

NOW = datetime(2025, 11, 19, 10, 0, tzinfo=ZoneInfo("UTC"))
ENGLISH = Understanding(load("en"))
GERMAN = Understanding(load("de"))

# As a recogniser writes them: (sentence, skill, arguments).
SPOKEN_ENGLISH: list[tuple[str, str, dict[str, Any]]] = [
    (
        "remind me to call the school tomorrow at nine",
        "reminder",
        {"text": "call the school", "due": "2025-11-20T09:00:00Z"},
    ),
    (
        "please remind me tomorrow at nine to call the school",
        "reminder",
        {"text": "call the school", "due": "2025-11-20T09:00:00Z"},
    ),
    (
        "set a reminder to water the plants in ten minutes",
        "reminder",
        {"text": "water the plants", "due": "2025-11-19T10:10:00Z"},
    ),
    (
        "set a reminder for the dentist on friday at ten",
        "reminder",
        {"text": "the dentist", "due": "2025-11-21T10:00:00Z"},
    ),
    ("set a reminder for tomorrow at nine", "reminder", {"due": "2025-11-20T09:00:00Z"}),
    ("remind me in an hour", "reminder", {"due": "2025-11-19T11:00:00Z"}),
    ("remind me to buy milk", "reminder", {"text": "buy milk"}),
    ("remind me about the meeting", "reminder", {"text": "the meeting"}),
    ("don't let me forget to close the window", "reminder", {"text": "close the window"}),
    ("can you create a reminder", "reminder", {}),
    ("note that the key is under the mat", "note", {"text": "the key is under the mat"}),
    ("take a note the car is in garage two", "note", {"text": "the car is in garage two"}),
    ("write down buy more paper", "note", {"text": "buy more paper"}),
    ("make a note to ask about the invoice", "note", {"text": "ask about the invoice"}),
    ("take a note", "note", {}),
    ("set a timer for five minutes", "timer", {"seconds": 300}),
    ("set a five minute timer", "timer", {"seconds": 300}),
    ("set a twenty second timer", "timer", {"seconds": 20}),
    ("start a timer for one hour and thirty minutes", "timer", {"seconds": 5_400}),
    ("timer for twenty minutes please", "timer", {"seconds": 1_200}),
    ("set a timer", "timer", {}),
    ("how much time is left", "time_left", {}),
    ("how much time is left on the timer", "time_left", {}),
    ("how long until my timer goes off", "time_left", {}),
    ("what tasks are open", "list", {"kind": "any"}),
    ("show my tasks", "list", {"kind": "any"}),
    ("list my reminders", "list", {"kind": "reminder"}),
    ("what are my reminders", "list", {"kind": "reminder"}),
    ("read my notes", "list", {"kind": "note"}),
    ("read the last note", "list", {"kind": "note", "number": -1}),
    ("what did i note", "list", {"kind": "note"}),
    ("cancel the timer", "cancel", {"kind": "timer"}),
    ("stop the timer please", "cancel", {"kind": "timer"}),
    ("cancel the reminder", "cancel", {"kind": "reminder"}),
    ("cancel task number two", "cancel", {"kind": "any", "number": 2}),
    ("cancel the second reminder", "cancel", {"kind": "reminder", "number": 2}),
    ("cancel the reminder about the school", "cancel", {"kind": "reminder", "about": "the school"}),
    ("delete the last note", "delete", {"kind": "note", "number": -1}),
    ("delete all my reminders", "delete", {"kind": "reminder", "every": True}),
    ("cancel all tasks", "delete", {"kind": "any", "every": True}),
    ("cancel everything", "delete", {"kind": "any", "every": True}),
    ("move the reminder to ten o'clock", "change", {"kind": "reminder", "to": "ten o'clock"}),
    ("change the reminder to tomorrow at eleven", "change", {"kind": "reminder", "to": "tomorrow at eleven"}),
    ("change the timer to ten minutes", "change", {"kind": "timer", "seconds": 600}),
    ("postpone the reminder by ten minutes", "change", {"kind": "reminder", "by": 600}),
    ("add five minutes to the timer", "change", {"kind": "timer", "by": 300}),
    ("what time is it", "time", {}),
    ("can you tell me what time it is", "time", {}),
    ("what day is it today", "date", {}),
    ("what is the date", "date", {}),
    ("repeat that please", "repeat", {}),
    ("say that again", "repeat", {}),
    ("pardon", "repeat", {}),
    ("help", "help", {}),
    ("what can i say", "help", {}),
    ("what can you do", "help", {}),
    ("goodbye", "goodbye", {}),
    ("bye", "goodbye", {}),
    ("close the session", "goodbye", {}),
    ("that's all", "goodbye", {}),
    ("stop listening", "goodbye", {}),
]
TYPED_ENGLISH: list[tuple[str, str, dict[str, Any]]] = [
    ("Remind me to call Anna at 9:30 PM!", "reminder", {"text": "call Anna", "due": "2025-11-19T21:30:00Z"}),
    ("Hey, could you remind me to call Anna in 10 min, please?", "reminder", {"text": "call Anna", "due": "2025-11-19T10:10:00Z"}),  # noqa: E501 - a row of the table
    ("Note: buy milk", "note", {"text": "buy milk"}),
    ("Take a note: “Anna’s key is here”.", "note", {"text": "Anna's key is here"}),
    ("Set a timer for 1h 30m.", "timer", {"seconds": 5_400}),
    ("timer 10 min", "timer", {"seconds": 600}),
    ("Cancel task #2", "cancel", {"kind": "any", "number": 2}),
    ("What's the time?", "time", {}),
    ("HELP!", "help", {}),
    ("quit", "goodbye", {}),
]  # fmt: skip
GERMAN_SENTENCES: list[tuple[str, str, dict[str, Any]]] = [
    ("erinnere mich daran die schule morgen um neun anzurufen", "reminder", {"text": "die schule anzurufen", "due": "2025-11-20T09:00:00Z"}),  # noqa: E501 - a row of the table
    ("erinnere mich morgen um neun daran die schule anzurufen", "reminder", {"text": "die schule anzurufen", "due": "2025-11-20T09:00:00Z"}),  # noqa: E501 - a row of the table
    ("Kannst du mich bitte morgen um 9:30 Uhr daran erinnern, die Schule anzurufen?", "reminder", {"text": "die Schule anzurufen", "due": "2025-11-20T09:30:00Z"}),  # noqa: E501 - a row of the table
    ("erinnere mich in zehn minuten an die wäsche", "reminder", {"text": "die wäsche", "due": "2025-11-19T10:10:00Z"}),
    ("Erinnere mich bitte daran, Milch zu kaufen.", "reminder", {"text": "Milch zu kaufen"}),
    ("notiere dass der schlüssel unter der matte liegt", "note", {"text": "der schlüssel unter der matte liegt"}),
    ("Notiz: Milch kaufen", "note", {"text": "Milch kaufen"}),
    ("mach eine notiz das auto steht in garage zwei", "note", {"text": "das auto steht in garage zwei"}),
    ("stell einen timer auf fünf minuten", "timer", {"seconds": 300}),
    ("starte einen timer für eine stunde und dreißig minuten", "timer", {"seconds": 5_400}),
    ("starte einen fünf minuten timer", "timer", {"seconds": 300}),
    ("setze den timer auf eine sekunde", "timer", {"seconds": 1}),
    ("setze timer auf fünf minuten", "timer", {"seconds": 300}),
    ("wie viel zeit bleibt noch", "time_left", {}),
    ("wie lange läuft der timer noch", "time_left", {}),
    ("welche aufgaben sind offen", "list", {"kind": "any"}),
    ("zeig mir meine erinnerungen", "list", {"kind": "reminder"}),
    ("lies meine notizen vor", "list", {"kind": "note"}),
    ("stopp den timer", "cancel", {"kind": "timer"}),
    ("brich den timer ab", "cancel", {"kind": "timer"}),
    ("lösche die letzte notiz", "delete", {"kind": "note", "number": -1}),
    ("lösche alle aufgaben", "delete", {"kind": "any", "every": True}),
    ("verschiebe die erinnerung auf zehn uhr", "change", {"kind": "reminder", "to": "zehn uhr"}),
    ("ändere den timer auf zehn minuten", "change", {"kind": "timer", "seconds": 600}),
    ("setze meinen timer auf zehn minuten", "change", {"kind": "timer", "seconds": 600}),
    ("stell den zweiten timer auf zehn minuten", "change", {"kind": "timer", "number": 2, "seconds": 600}),
    ("verlängere den timer um fünf minuten", "change", {"kind": "timer", "by": 300}),
    ("wie spät ist es", "time", {}),
    ("welcher tag ist heute", "date", {}),
    ("Welches Datum haben wir heute?", "date", {}),
    ("wiederhole das bitte", "repeat", {}),
    ("wie bitte", "repeat", {}),
    ("hilfe", "help", {}),
    ("was kann ich sagen", "help", {}),
    ("auf wiedersehen", "goodbye", {}),
    ("das war's", "goodbye", {}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "skill", "arguments"), SPOKEN_ENGLISH)
def test_spoken_commands_are_understood(sentence: str, skill: str, arguments: dict[str, Any]) -> None:
    for typed in (False, True):
        understood = ENGLISH.understand(sentence, NOW, typed=typed)
        assert understood is not None
        assert (understood.skill, understood.arguments, understood.exact) == (skill, arguments, True)


@pytest.mark.parametrize(("sentence", "skill", "arguments"), TYPED_ENGLISH)
def test_typed_commands_are_understood(sentence: str, skill: str, arguments: dict[str, Any]) -> None:
    understood = ENGLISH.understand(sentence, NOW, typed=True)
    assert understood is not None
    assert (understood.skill, understood.arguments) == (skill, arguments)


@pytest.mark.parametrize(("sentence", "skill", "arguments"), GERMAN_SENTENCES)
def test_german_commands_are_understood(sentence: str, skill: str, arguments: dict[str, Any]) -> None:
    understood = GERMAN.understand(sentence, NOW, typed=True)
    assert understood is not None
    assert (understood.skill, understood.arguments) == (skill, arguments)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_argument_is_one_that_its_skill_takes(language: str) -> None:
    skills = Skills.installed()
    sentences = SPOKEN_ENGLISH + TYPED_ENGLISH if language == "en" else GERMAN_SENTENCES
    for _, name, arguments in sentences:
        skill = skills.get(name)
        assert skill is not None
        assert skill.read(arguments).keys() == arguments.keys()


@pytest.mark.parametrize(
    ("sentence", "skill", "arguments"),
    [
        ("remind me too call the school tomorrow at nine", "reminder", {"text": "call the school", "due": "2025-11-20T09:00:00Z"}),  # noqa: E501 - a row of the table
        ("sat a timer for five minutes", "timer", {"seconds": 300}),
        ("set a time or for five minutes", "timer", {"seconds": 300}),
        ("what task or open", "list", {"kind": "any"}),
    ],
)  # fmt: skip
def test_what_is_close_to_a_command_is_guessed(sentence: str, skill: str, arguments: dict[str, Any]) -> None:
    understood = ENGLISH.understand(sentence, NOW)
    assert understood is not None
    assert (understood.skill, understood.arguments, understood.exact) == (skill, arguments, False)


@pytest.mark.parametrize(
    "sentence", ["cancel the time or", "delete all my remainders", "close this season", "move the remainder to ten"]
)
def test_what_would_destroy_something_is_not_guessed(sentence: str) -> None:
    understood = ENGLISH.understand(sentence, NOW)
    assert understood is None or understood.skill not in {"cancel", "delete", "change", "goodbye"}


@pytest.mark.parametrize(
    "sentence",
    [
        "he was not an ill disposed young man",
        "ask not what your country can do for you",
        "the weather is nice today",
        "i think that we should go home now",
        "my sister works at the school",
        "the time has come to talk of many things",
        "what a nice day it was",
        "he reminded me of my father",
        "two minutes later the train left",
        "she took note of everything",
        "we had no time left for lunch",
        "set the table for five people",
        "note",
        "",
        "???",
    ],
)
def test_what_is_no_command_is_not_understood(sentence: str) -> None:
    assert ENGLISH.understand(sentence, NOW) is None


def test_answers_are_yes_or_no_or_none() -> None:
    for text in ("yes", "Yes, please!", "yeah", "that's right", "do it"):
        assert ENGLISH.answer(text) is True
    for text in ("no", "No, thanks.", "nope", "never mind", "don't do that"):
        assert ENGLISH.answer(text) is False
    assert ENGLISH.answer("what time is it") is None
    assert GERMAN.answer("ja bitte") is True
    assert GERMAN.answer("Nein, danke!") is False


def test_values_that_are_asked_for_are_read() -> None:
    assert ENGLISH.value("ten minutes", "duration", NOW) == 600
    assert ENGLISH.value("for about ten minutes please", "duration", NOW) == 600
    assert ENGLISH.value("I don't know", "duration", NOW) is None
    assert ENGLISH.value("tomorrow at nine", "moment", NOW) == "2025-11-20T09:00:00Z"
    assert ENGLISH.value("Call the school.", "text", NOW) == "Call the school"
    assert GERMAN.value("fünf Minuten bitte", "duration", NOW) == 300


@pytest.mark.parametrize("text", ["1 " * 1_999, "in " * 1_333, "half an hour and " * 235])
def test_an_answer_as_long_as_it_may_be_is_read_at_once(text: str) -> None:
    started = time.perf_counter()
    ENGLISH.value(text, "duration", NOW)
    assert time.perf_counter() - started < 0.3
    assert ENGLISH.value(f"{text}, so I would say twenty minutes", "duration", NOW) == 1_200


@pytest.mark.parametrize("text", ["remind me to " + "that " * 900, "set a timer for " + "timer " * 800])
def test_a_sentence_as_long_as_can_be_typed_holds_up_nobody(text: str) -> None:
    for length in (1_200, 4_000):
        started = time.perf_counter()
        ENGLISH.understand(text[:length], NOW, typed=True)
        assert time.perf_counter() - started < 0.5, "unbounded, it takes more than a second"
    assert ENGLISH.understand("note that " + "the key is here " * 70, NOW) is not None


def test_a_sentence_is_understood_while_nobody_notices() -> None:
    """Target: 1 ms for a hit, 5 ms for a guess; ten times that is allowed here, as the machine is shared."""
    hits = [median_ms(sentence) for sentence, _, _ in SPOKEN_ENGLISH]
    assert statistics.median(hits) < 10
    assert median_ms("the quick brown fox jumps over the lazy dog") < 50


def median_ms(sentence: str) -> float:
    times = []
    for _ in range(5):
        begin = time.process_time()
        ENGLISH.understand(sentence, NOW)
        times.append((time.process_time() - begin) * 1_000)
    return statistics.median(times)
