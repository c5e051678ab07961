"""From what a model writes to what is said: sentence by sentence, while it still writes, and without what only eyes can
take: thoughts, code, markdown, emoji."""

import re
import unicodedata
from collections.abc import Iterator

HIDDEN = {"<think>": "</think>", "<thinking>": "</thinking>", "```": "```"}
"""What begins a part that is not said, and what ends it."""
LONGEST_CHARACTERS = 300
"""A sentence that is longer is said in parts: nobody waits for its end."""

_END = re.compile(r"[.!?…]+[\"'”’“)\]*_~`]*\s+|[。！？]|\n")  # noqa: RUF001 - Chinese and Japanese have these
_CLAUSE = re.compile(r"[,;:–—]\s")
_LAST_WORD = re.compile(r"(\w+)\.[*_\s]*$")
_SHORTENED = frozenset(("mr", "mrs", "ms", "dr", "prof", "st", "vs", "nr", "ca", "bzw", "bspw", "sog", "ggf", "approx"))
"""Words whose dot ends no sentence. Single letters ("z. B.", "J. S. Bach") and numbers ("am 3. Mai") are such, too."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
_ADDRESS = re.compile(r"https?://(?:www\.)?([^\s/?#)]+)[^\s)]*")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")
_LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|>\s*|[-*+•]\s+|\[[ xX]\]\s+)+")
_MARKS = re.compile(r"`+|~~|(?<!\d\s)\*+(?!\s\d)|(?<!\w)_+|_+(?!\w)")
_CELLS = re.compile(r"\s*\|[\s|]*")
_SYMBOLS_FROM = 0x2190
"""Below are those that are read out: °, ©, ℃."""
_SKINS_FROM = 0x1F3FB
_JOINERS = {0x200D, 0x20E3, 0xFE0E, 0xFE0F}


class Spoken:
    """One text on its way: what has come of it, and not been said."""

    def __init__(self) -> None:
        self._text = ""
        self._held = ""
        """Of what came last, what may be in or before a hidden part."""
        self._until = ""
        """What ends the hidden part that it is in."""

    def feed(self, text: str) -> Iterator[str]:
        """More was written: the sentences that this completes."""
        self._show(text)
        while (end := self._end()) is not None:
            sentence, self._text = plain(self._text[:end]), self._text[end:]
            if sentence:
                yield sentence

    def end(self) -> Iterator[str]:
        """All was written: what is left of it."""
        if not self._until:
            self._text += self._held
        self._held = ""
        yield from self.feed("\n")

    def _show(self, text: str) -> None:
        self._held += text
        while self._held:
            if self._until:
                _, found, rest = self._held.partition(self._until)
                if not found:
                    self._held = self._held[-len(self._until) + 1 :]
                    return
                self._held, self._until = rest, ""
                continue
            starts = [(at, tag) for tag in HIDDEN if (at := self._held.find(tag)) >= 0]
            if not starts:
                kept = _beginning_of_tag(self._held)
                self._text += self._held[: len(self._held) - kept]
                self._held = self._held[len(self._held) - kept :]
                break
            at, tag = min(starts)
            self._text += self._held[:at] + "\n"
            self._held, self._until = self._held[at + len(tag) :], HIDDEN[tag]
        # Some servers leave out the tag that begins the thoughts.
        self._text = self._text.rpartition("</think>")[2]

    def _end(self) -> int | None:
        """Where the first sentence ends, if that is known."""
        for found in _END.finditer(self._text):
            if not _goes_on(self._text[: found.end()]):
                return found.end()
        if len(self._text) <= LONGEST_CHARACTERS:
            return None
        head = self._text[:LONGEST_CHARACTERS]
        clauses = [found.end() for found in _CLAUSE.finditer(head)]
        return clauses[-1] if clauses else head.rfind(" ") + 1 or LONGEST_CHARACTERS


def plain(text: str) -> str:
    """A line, or a part of one, as it is said: without marks of markdown, tags and emoji. Empty if nothing is left that
    can be said."""
    text = _LINE_START.sub("", _TAG.sub("", _LINK.sub(r"\1", text)))
    text = _MARKS.sub("", _ADDRESS.sub(r"\1", text))
    text = _CELLS.sub(", ", text).strip(", ") if "|" in text else text
    text = " ".join("".join(sign for sign in text if not _is_picture(sign)).split())
    return re.sub(r"\s+([.,!?;:])", r"\1", text).strip() if any(sign.isalnum() for sign in text) else ""


def _beginning_of_tag(text: str) -> int:
    """How many of its last characters may begin a tag that is not all there."""
    longest = max(map(len, ("</think>", *HIDDEN)))
    for length in range(min(longest - 1, len(text)), 0, -1):
        if any(tag.startswith(text[-length:]) for tag in ("</think>", *HIDDEN)):
            return length
    return 0


def _goes_on(text: str) -> bool:
    """Whether the dot that it ends with is no end of a sentence."""
    if text.endswith("\n"):
        return False
    last = _LAST_WORD.search(text)
    return last is not None and (last[1].isdigit() or len(last[1]) == 1 or last[1].lower() in _SHORTENED)


def _is_picture(sign: str) -> bool:
    code, kind = ord(sign), unicodedata.category(sign)
    return (
        (kind == "So" and code >= _SYMBOLS_FROM)
        or (kind == "Sk" and code >= _SKINS_FROM)
        or kind in {"Cs", "Co"}
        or code in _JOINERS
        or 0xE0000 <= code <= 0xE007F  # noqa: PLR2004 - tags: what makes a flag of a region
    )
