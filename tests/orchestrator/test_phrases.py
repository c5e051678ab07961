from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from sottovoce.orchestrator.phrases import Phrases
from sottovoce.orchestrator.templates import load

ENGLISH, GERMAN = Phrases(load("en")), Phrases(load("de"))
NOW = datetime(2025, 11, 19, 10, 0, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (1, "one second", "eine Sekunde"),
        (60, "one minute", "eine Minute"),
        (300, "five minutes", "fünf Minuten"),
        (5_400, "one hour and thirty minutes", "eine Stunde und dreißig Minuten"),
        (90_061, "one day and one hour", "ein Tag und eine Stunde"),
        (299.7, "five minutes", "fünf Minuten"),
    ],
)
def test_amounts_of_time_are_said_in_two_units(seconds: float, english: str, german: str) -> None:
    assert ENGLISH.duration(seconds) == english
    assert GERMAN.duration(seconds) == german


def test_what_is_easily_misheard_is_said_by_its_digits() -> None:
    assert ENGLISH.duration(900, digits=True) == "fifteen, one five, minutes"
    assert ENGLISH.duration(3_000, digits=True) == "fifty, five zero, minutes"
    assert ENGLISH.duration(300, digits=True) == "five minutes"
    assert GERMAN.duration(780, digits=True) == "dreizehn, eins drei, Minuten"
    assert ENGLISH.moment(NOW.replace(hour=15, minute=15), NOW, digits=True) == "at three fifteen, one five pm"


@pytest.mark.parametrize(
    ("moment", "english", "german"),
    [
        (NOW.replace(hour=21), "at nine pm", "um einundzwanzig Uhr"),
        (NOW.replace(day=20, hour=9), "tomorrow at nine", "morgen um neun Uhr"),
        (NOW.replace(day=20, hour=21, minute=5), "tomorrow at nine oh five pm", "morgen um einundzwanzig Uhr fünf"),
        (NOW.replace(day=20, hour=1), "tomorrow at one am", "morgen um ein Uhr nachts"),
        (NOW.replace(day=21, hour=9, minute=30), "on Friday at half past nine", "am Freitag um neun Uhr dreißig"),
        (
            NOW.replace(day=30, hour=9, minute=20),
            "on November thirtieth at nine twenty",
            "am dreißigsten November um neun Uhr zwanzig",
        ),
        (NOW.replace(minute=10, second=1), "in ten minutes and one second", "in zehn Minuten und einer Sekunde"),
    ],
)
def test_moments_are_said_so_that_they_cannot_be_mistaken(moment: datetime, english: str, german: str) -> None:
    assert ENGLISH.moment(moment, NOW) == english
    assert GERMAN.moment(moment, NOW) == german


def test_time_and_date_are_said() -> None:
    assert ENGLISH.clock(NOW.replace(hour=15, minute=7)) == "three oh seven pm"
    assert GERMAN.clock(NOW.replace(hour=1)) == "ein Uhr"
    assert ENGLISH.date(NOW) == "Wednesday, November nineteenth"
    assert GERMAN.date(NOW) == "Mittwoch, der neunzehnte November"


def test_the_users_words_are_said_back_to_the_user() -> None:
    assert ENGLISH.echo("call my mother when I am home.") == "call your mother when you are home"
    assert GERMAN.echo("meine Mutter anzurufen") == "deine Mutter anzurufen"
