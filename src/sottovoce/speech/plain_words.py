"""What models write, as the contract of recognisers has it."""

import re

_ANNOTATION = re.compile(r"\[[^\[\]]{0,40}\]|<\|?[^<|>]{0,40}\|?>")
"""What models write of silence, noise and words that they do not have, and their marks."""
_MARKS = re.compile(r"(?<!\S)[\"'“”„«»(¿¡.,;:!?…–—-]+(?!\d)|[\"'“”„«»).,;:!?…–—-]+(?!\S)")
"""Punctuation around words; within them (10:30, o'clock, 3.5) it belongs to them."""


def plain_words(text: str) -> str:
    """Lower-case words with single spaces, no punctuation around them."""
    plain = _ANNOTATION.sub(" ", text.replace("’", "'"))
    return " ".join(_MARKS.sub(" ", plain).split()).lower()
