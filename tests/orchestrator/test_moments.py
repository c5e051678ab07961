from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.orchestrator.moments import (
    names_only_clock,
    read_duration,
    read_moment,
    read_number,
    split_moment,
)
from sottovoce.orchestrator.phrases import Phrases
from sottovoce.orchestrator.templates import load

BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = datetime(2025, 11, 19, 10, 0, tzinfo=BERLIN)
LANGUAGES = ("en", "de")
PHRASES = {language: Phrases(load(language)) for language in LANGUAGES}

MOMENTS = {
    "en": {
        "tomorrow at nine": "20 09:00",
        "tomorrow at 9": "20 09:00",
        "Tomorrow at 9:30!": "20 09:30",
        "tomorrow at three": "20 15:00",
        "in ten minutes": "19 10:10",
        "in 10 min": "19 10:10",
        "in an hour and a half": "19 11:30",
        "in half an hour": "19 10:30",
        "in three quarters of an hour": "19 10:45",
        "in one hour and thirty minutes": "19 11:30",
        "in 2 days": "21 10:00",
        "ten minutes from now": "19 10:10",
        "at half past three": "19 15:30",
        "at nine": "19 21:00",
        "at eleven": "19 11:00",
        "at nine thirty p m": "19 21:30",
        "at nine thirty p.m.": "19 21:30",
        "at 5pm": "19 17:00",
        "at five o'clock": "19 17:00",
        "at 21:00": "19 21:00",
        "at 09:30": "20 09:30",
        "twenty five past four": "19 16:25",
        "twenty minutes to six": "19 17:40",
        "a quarter to one": "19 12:45",
        "nine oh five": "19 21:05",
        "noon": "19 12:00",
        "at midnight": "20 00:00",
        "at eight in the morning": "20 08:00",
        "at nine in the morning tomorrow": "20 09:00",
        "tomorrow morning": "20 09:00",
        "tomorrow evening at eight": "20 20:00",
        "this evening": "19 19:00",
        "tonight": "19 20:00",
        "tonight at twelve": "20 00:00",
        "at nine o'clock tonight": "19 21:00",
        "on friday afternoon": "21 15:00",
        "on Friday at ten": "21 10:00",
        "next friday": "21 09:00",
        "on wednesday at nine in the morning": "26 09:00",
        "next wednesday": "26 09:00",
        "the day after tomorrow at 7 a.m.": "21 07:00",
        "next week": "24 09:00",
        "on the twenty fourth of november at six pm": "24 18:00",
        "november 24th": "24 09:00",
        "on november twenty second": "22 09:00",
        "on the second of december at ten": "02 10:00",
        "on the thirtieth": "30 09:00",
    },
    "de": {
        "morgen um neun": "20 09:00",
        "Morgen um 9:30 Uhr": "20 09:30",
        "um halb vier": "19 15:30",
        "um viertel nach drei": "19 15:15",
        "um viertel vor elf": "19 10:45",
        "um dreiviertel vier": "19 15:45",
        "um fünf vor halb drei": "19 14:25",
        "um neun uhr": "19 21:00",
        "um einundzwanzig uhr dreißig": "19 21:30",
        "um 9.30 Uhr": "20 09:30",
        "in zehn minuten": "19 10:10",
        "in einer stunde": "19 11:00",
        "in anderthalb stunden": "19 11:30",
        "in einer halben stunde": "19 10:30",
        "in einer viertelstunde": "19 10:15",
        "in zwei tagen": "21 10:00",
        "übermorgen um viertel nach drei": "21 15:15",
        "heute abend um acht": "19 20:00",
        "heute abend": "19 19:00",
        "morgen früh": "20 09:00",
        "morgen nachmittag um drei": "20 15:00",
        "am freitag um zehn": "21 10:00",
        "am freitagnachmittag": "21 15:00",
        "nächsten mittwoch": "26 09:00",
        "nächste woche": "24 09:00",
        "mittags": "19 12:00",
        "um mitternacht": "20 00:00",
        "am 24. November um 18 Uhr": "24 18:00",
        "am vierundzwanzigsten november": "24 09:00",
        "am 24.11.": "24 09:00",
    },
}
DURATIONS = {
    "en": {
        "five minutes": 300,
        "five minute": 300,
        "a minute": 60,
        "an hour": 3_600,
        "an hour and a half": 5_400,
        "one and a half hours": 5_400,
        "one hour and thirty minutes": 5_400,
        "one hour thirty minutes": 5_400,
        "half an hour": 1_800,
        "a quarter of an hour": 900,
        "forty five seconds": 45,
        "twenty second": 20,
        "two minutes and 30 seconds": 150,
        "1h 30m": 5_400,
        "90s": 90,
        "2.5 hours": 9_000,
        "one hundred and twenty minutes": 7_200,
        "a couple of minutes": 120,
        "two weeks": 1_209_600,
    },
    "de": {
        "fünf minuten": 300,
        "eine minute": 60,
        "eine stunde und dreißig minuten": 5_400,
        "anderthalb stunden": 5_400,
        "zweieinhalb stunden": 9_000,
        "eine halbe stunde": 1_800,
        "eine viertelstunde": 900,
        "eine dreiviertelstunde": 2_700,
        "fünfundvierzig sekunden": 45,
        "1,5 Stunden": 5_400,
        "10 min": 600,
    },
}


@pytest.mark.parametrize(("language", "text"), [(lang, text) for lang in LANGUAGES for text in MOMENTS[lang]])
def test_moments_are_read_as_people_name_them(language: str, text: str) -> None:
    moment = read_moment(text, WEDNESDAY, language)
    assert moment is not None
    assert moment.tzinfo is BERLIN
    assert moment.strftime("%d %H:%M") == MOMENTS[language][text]


@pytest.mark.parametrize(("language", "text"), [(lang, text) for lang in LANGUAGES for text in DURATIONS[lang]])
def test_amounts_of_time_are_read_as_people_name_them(language: str, text: str) -> None:
    assert read_duration(text, language) == DURATIONS[language][text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "to call anna",
        "tomorrow at nine to call",
        "at twenty seven",
        "at nine seventy",
        "february thirtieth",
        "on the 0th of may",
        "november 31st",
    ],
)
def test_what_names_no_moment_is_none(text: str) -> None:
    assert read_moment(text, WEDNESDAY, "en") is None


@pytest.mark.parametrize(
    "text",
    ["", "ten", "minutes", "fife minutes", "zero minutes", "ten minutes of it", "999 weeks", "9" * 400 + " minutes"],
)
def test_what_names_no_amount_of_time_is_none(text: str) -> None:
    assert read_duration(text, "en") is None


@pytest.mark.parametrize(
    ("language", "text", "rest", "moment"),
    [
        ("en", "call the school tomorrow at nine", "call the school", "20 09:00"),
        ("en", "Call Anna at 9:30!", "Call Anna", "19 21:30"),
        ("en", "tomorrow at nine to call", "to call", "20 09:00"),
        ("en", "pick up five people in ten minutes", "pick up five people", "19 10:10"),
        ("en", "book the table for friday at nine", "book the table", "21 09:00"),
        ("de", "die Schule morgen um neun anzurufen", "die Schule anzurufen", "20 09:00"),
        ("de", "um neun die Oma anrufen", "die Oma anrufen", "19 21:00"),
        ("de", "den Termin am Freitag", "den Termin", "21 09:00"),
    ],
)
def test_a_moment_is_cut_out_of_a_sentence(language: str, text: str, rest: str, moment: str) -> None:
    left, found = split_moment(text, WEDNESDAY, language)
    assert found is not None
    assert (left, found.strftime("%d %H:%M")) == (rest, moment)


@pytest.mark.parametrize(
    "text", ["buy milk", "pay attention to nine people", "tell Anna that the talk at nine is cancelled", "buy 5 eggs"]
)
def test_a_sentence_without_a_moment_of_its_own_stays_whole(text: str) -> None:
    assert split_moment(text, WEDNESDAY, "en") == (text, None)


def test_a_clock_alone_is_told_from_a_day() -> None:
    assert names_only_clock("ten o'clock", "en")
    assert names_only_clock("ten in the morning", "en")
    assert not names_only_clock("tomorrow at ten", "en")
    assert not names_only_clock("in ten minutes", "en")
    assert names_only_clock("zehn uhr", "de")


def test_late_at_night_one_is_at_night() -> None:
    night = datetime(2025, 11, 19, 23, 30, tzinfo=BERLIN)
    assert read_moment("at one", night, "en") == datetime(2025, 11, 20, 1, 0, tzinfo=BERLIN)


def test_ten_hours_over_the_change_to_summer_time_are_ten_hours() -> None:
    evening = datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN)
    moment = read_moment("in ten hours", evening, "en")
    assert moment is not None
    assert moment.timestamp() - evening.timestamp() == 36_000
    assert moment.hour == 9


def test_an_hour_that_the_clocks_skip_becomes_one_that_exists() -> None:
    evening = datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN)
    moment = read_moment("tomorrow at half past two at night", evening, "en")
    assert moment == datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)


nows = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(BERLIN)).map(  # noqa: DTZ001 - naive bounds are what the strategy takes
    lambda moment: moment.replace(second=0, microsecond=0)
)
languages = st.sampled_from(LANGUAGES)


@given(nows, st.integers(1, 60 * 24 * 300), languages)
def test_what_is_said_back_is_read_as_the_same_moment(now: datetime, minutes: int, language: str) -> None:
    moment = datetime.fromtimestamp(now.timestamp() + minutes * 60, BERLIN)
    assert read_moment(PHRASES[language].moment(moment, now), now, language) == moment


@given(nows, st.integers(1, 86_399), languages)
def test_what_is_soon_is_said_back_by_its_distance(now: datetime, seconds: int, language: str) -> None:
    moment = datetime.fromtimestamp(now.timestamp() + seconds, BERLIN)
    read = read_moment(PHRASES[language].moment(moment, now), now, language)
    assert read is not None
    # Two units are said: of hours and minutes, the seconds are left out.
    assert abs(read - moment) < timedelta(minutes=1)


@given(st.integers(1, 3_599), languages)
def test_an_amount_of_time_below_an_hour_is_said_to_the_second(seconds: int, language: str) -> None:
    assert read_duration(PHRASES[language].duration(seconds), language) == seconds


@given(st.integers(0, 999), languages)
def test_every_number_is_read_as_it_is_spelled(number: int, language: str) -> None:
    assert read_number(PHRASES[language].number(number), language) == number
    assert read_number(str(number), language) == number


@given(st.text(), nows, languages)
def test_no_text_is_too_much(text: str, now: datetime, language: str) -> None:
    rest, moment = split_moment(text, now, language)
    assert moment is not None or rest == text
    read_duration(text, language)
    read_number(text, language)


WORDS = st.sampled_from(
    (
        *("at", "in", "on", "the", "next", "this", "today", "tomorrow", "tonight", "nine", "thirty", "9", "9:30", "25"),
        *(
            "99:99",
            "half",
            "quarter",
            "past",
            "to",
            "am",
            "pm",
            "o'clock",
            "monday",
            "may",
            "31st",
            "february",
            "second",
        ),
        *(
            "minutes",
            "hours",
            "and",
            "a",
            "of",
            "week",
            "night",
            "um",
            "halb",
            "viertel",
            "nach",
            "vor",
            "uhr",
            "abend",
        ),
        *("morgen", "heute", "am", "freitag", "nächste", "woche", "31.", "februar", "stunden", "und", "24"),
    )
)


@given(st.lists(WORDS, max_size=8).map(" ".join), nows, languages)
def test_no_heap_of_words_about_time_breaks_it(text: str, now: datetime, language: str) -> None:
    moment = read_moment(text, now, language)
    assert moment is None or moment.tzinfo is BERLIN
    _rest, cut = split_moment(text, now, language)
    assert cut is None or cut > now - timedelta(days=1)
