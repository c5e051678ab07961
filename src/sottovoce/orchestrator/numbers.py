"""Numbers as they are spelled, from the Unicode tables (CLDR's rule-based number formats)."""

import functools

from unicode_rbnf import FormatPurpose, RbnfEngine

LARGEST_WHOLE = 999
LARGEST_ORDINAL = 31
"""Days of a month are all that is said as an ordinal."""
LARGEST_WITH_HALF = 12

Spellings = dict[tuple[str, ...], str]
"""Words to the figure they stand for: ("twenty", "five") to "25", ("fifth",) to "5th"."""


@functools.cache
def _engine(language: str) -> RbnfEngine:
    return RbnfEngine.for_language(language)


def spelled(number: int, language: str) -> list[str]:
    """Every way to spell a whole number: 21 is ["twenty one"] in English, 1 is ["eins", "ein", "eine", …] in German."""
    return _texts(number, language, FormatPurpose.CARDINAL)


def spelled_ordinal(number: int, language: str) -> list[str]:
    """Every way to spell an ordinal: 21 is ["twenty first"], in German ["einundzwanzigste", …]."""
    return _texts(number, language, FormatPurpose.ORDINAL)


def _texts(number: int, language: str, purpose: FormatPurpose) -> list[str]:
    texts = _engine(language).format_number(number, purpose).text_by_ruleset.values()
    return list(dict.fromkeys(text.replace("-", " ") for text in texts))


@functools.cache
def spellings(language: str) -> Spellings:
    """All numbers that a time or a count may need, by their words."""
    found: Spellings = {}
    for number in range(LARGEST_WHOLE + 1):
        for text in spelled(number, language):
            found[tuple(text.split())] = str(number)
    for number in range(1, LARGEST_ORDINAL + 1):
        for text in spelled_ordinal(number, language):
            found.setdefault(tuple(text.split()), f"{number}th")
    _add_variants(found, language)
    return found


def _add_variants(found: Spellings, language: str) -> None:
    """What people say and the tables do not have."""
    if language == "en":
        for hundred in range(100, LARGEST_WHOLE, 100):
            for rest in range(1, 100):
                head, tail = spelled(hundred, language)[0].split(), spelled(rest, language)[0].split()
                found[(*head, "and", *tail)] = str(hundred + rest)
        # A second is a unit of time, as in "a twenty second timer"; dates know it by themselves.
        del found[("second",)], found[("twenty", "second")]
    elif language == "de":
        for number in range(1, LARGEST_WITH_HALF + 1):
            for text in spelled(number, language):
                found[(f"{text}einhalb",)] = f"{number}.5"
        found |= {("anderthalb",): "1.5", ("einundeinhalb",): "1.5", ("zwo",): "2"}
