"""Text on its way to a synthesiser: without what would not be spoken, and in pieces of bounded length."""

import re
import unicodedata

PIECE_CHARACTERS = 200
"""About 13 s of speech."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)]*\s")
_CLAUSE_END = re.compile(r"[,;:–—]\s")
_SPACE = re.compile(r"\s")


def clean(text: str) -> str:
    """The text with every run of spaces, control characters, lone surrogates and brackets as one space.

    A control character starts a command to espeak-ng, and double brackets enclose phonemes.
    """
    plain = "".join(" " if unicodedata.category(sign) in {"Cc", "Cs"} or sign in "[]" else sign for sign in text)
    return " ".join(plain.split())


def pieces(text: str, limit: int = PIECE_CHARACTERS) -> list[str]:
    """The text cut into pieces of at most `limit` characters: where a sentence ends, or else a clause, a word; within a
    word only when it is longer than that."""
    text = clean(text)
    out = []
    while len(text) > limit:
        cut = _last_end(text[: limit + 1], limit)
        out.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*out, text] if text else out


def _last_end(head: str, limit: int) -> int:
    for end in (_SENTENCE_END, _CLAUSE_END, _SPACE):
        cuts = [match.end() for match in end.finditer(head)]
        if cuts:
            return cuts[-1]
    return limit
