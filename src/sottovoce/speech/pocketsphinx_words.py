"""How the words of a grammar sound: the engine's dictionary, other accents by rule, and sounds as words."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

Phones = tuple[str, ...]
"""One pronunciation in ARPAbet, without stress."""

VOWELS: Final = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
CONSONANTS: Final = frozenset(
    [
        "B",
        "CH",
        "D",
        "DH",
        "F",
        "G",
        "HH",
        "JH",
        "K",
        "L",
        "M",
        "N",
        "NG",
        "P",
        "R",
        "S",
        "SH",
        "T",
        "TH",
        "V",
        "W",
        "Y",
        "Z",
        "ZH",
    ]
)

_ONE_VOWEL: Final = frozenset((vowel,) for vowel in VOWELS)

SOUND_PREFIX: Final = "xx"
"""No English word begins so: words that do are single sounds."""
SOUNDS: Final[Mapping[str, Phones]] = {SOUND_PREFIX + phone.lower(): (phone,) for phone in sorted(VOWELS | CONSONANTS)}


def is_sound(word: str) -> bool:
    """Whether it is one sound of something free."""
    return word.startswith(SOUND_PREFIX)


def plain(word: str) -> str:
    """Without the number of the pronunciation: "read(2)" is "read"."""
    return re.sub(r"\(\d+\)$", "", word)


def read_dictionary(lines: Iterable[str], wanted: frozenset[str]) -> dict[str, list[Phones]]:
    """Those words of a dictionary in the engine's format that are wanted, with every pronunciation it has."""
    found: defaultdict[str, list[Phones]] = defaultdict(list)
    for line in lines:
        word, _, phones = line.partition(" ")
        if (known := plain(word)) in wanted:
            found[known].append(tuple(phones.split()))
    return dict(found)


def write_dictionary(words: Mapping[str, Iterable[Phones]]) -> str:
    """In the engine's format."""
    return "".join(
        f"{word if number == 1 else f'{word}({number})'} {' '.join(phones)}\n"
        for word, many in words.items()
        for number, phones in enumerate(many, start=1)
    )


def with_accents(pronunciations: Iterable[Phones]) -> list[Phones]:
    """The American pronunciations of the dictionary, and what becomes of them in Britain and in quick speech."""
    all_: dict[Phones, None] = dict.fromkeys(pronunciations)
    for change in (_with_round_o, _without_r, _with_weak_i, _with_tapped_t, _with_dark_l):
        all_ |= dict.fromkeys([change(phones) for phones in all_])
    return list(all_)


def _without_r(phones: Phones) -> Phones:
    """An R that no vowel follows falls away, or becomes a schwa: "four", "here", "timer"."""
    changed: list[str] = []
    vowels = sum(phone in VOWELS for phone in phones)
    for place, phone in enumerate(phones):
        before_vowel = place + 1 < len(phones) and phones[place + 1] in VOWELS
        if before_vowel:
            changed.append(phone)
        elif phone == "R" and place and phones[place - 1] in VOWELS:
            changed += ["AH"] if phones[place - 1] in {"EH", "IH", "IY", "UH"} else []
        elif phone == "ER" and place and vowels > 1:
            changed.append("AH")
        else:
            changed.append(phone)
    return tuple(changed)


def _with_weak_i(phones: Phones) -> Phones:
    """The weak vowel inside a word may be an I: "minutes"."""
    first = next((place for place, phone in enumerate(phones) if phone in VOWELS), 0)
    return tuple(
        "IH" if phone == "AH" and first < place < len(phones) - 1 else phone for place, phone in enumerate(phones)
    )


def _with_tapped_t(phones: Phones) -> Phones:
    """A T between vowels sounds like a D: "forty"."""
    return tuple(
        "D"
        if phone == "T"
        and 0 < place < len(phones) - 1
        and phones[place - 1] in VOWELS | {"R"}
        and phones[place + 1] in VOWELS
        else phone
        for place, phone in enumerate(phones)
    )


def _with_round_o(phones: Phones) -> Phones:
    """The vowel of "o'clock" and "stop" is rounded."""
    return tuple(
        "AO" if phone == "AA" and phones[place + 1 : place + 2] != ("R",) else phone
        for place, phone in enumerate(phones)
    )


def _with_dark_l(phones: Phones) -> Phones:
    """An L that no vowel follows is nearly one itself: "tell", "school"."""
    return tuple(
        "UH" if phone == "L" and place and phones[place + 1 : place + 2] not in _ONE_VOWEL else phone
        for place, phone in enumerate(phones)
    )
