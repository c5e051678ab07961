"""Text on its way to a synthesiser: without what would not be spoken, and in pieces of bounded length."""

import re
import unicodedata

PIECE_CHARACTERS = 200
"""About 13 s of speech."""

SHORT_SENTENCE = 16
"""What is shorter stays with its neighbour: "Good.", "3."."""
NO_END = frozenset(
    {"dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "no.", "a.m.", "p.m.", "e.g.", "i.e."}
    | {"nr.", "ca.", "z.b.", "d.h.", "bzw."}
)
"""Words after which a sentence goes on."""

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


def sentences(text: str) -> list[str]:
    """The text, sentence by sentence."""
    out: list[str] = []
    rest = clean(text)
    while rest:
        end = _SENTENCE_END.search(rest)
        sentence, rest = (rest, "") if end is None else (rest[: end.end()].rstrip(), rest[end.end() :])
        if out and (_goes_on(out[-1]) or len(sentence) < SHORT_SENTENCE):
            out[-1] += " " + sentence
        else:
            out.append(sentence)
    return out


def _goes_on(sentence: str) -> bool:
    return len(sentence) < SHORT_SENTENCE or sentence.rpartition(" ")[2].lower() in NO_END


def _last_end(head: str, limit: int) -> int:
    for end in (_SENTENCE_END, _CLAUSE_END, _SPACE):
        cuts = [match.end() for match in end.finditer(head)]
        if cuts:
            return cuts[-1]
    return limit
