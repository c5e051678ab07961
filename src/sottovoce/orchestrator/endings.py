"""Whether words end like a sentence that is finished: what ends a turn sooner, or later.

A command that is known by heart is finished; one with free words at its end may go on, unless they say when. Whoever
stops at "and", "the" or "um" is thinking.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sottovoce.core.end_of_turn import Opinion
from sottovoce.orchestrator.understanding import Understanding

_OPEN: Final[Mapping[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": """and or but because so if when while although whether which who whose where unless since
            to for from of at with about into onto by between during until till than as without towards
            the a an my your his her our their every some any another
            is are was were am be will would can could should shall may might must
            i we they i'm i'll we'll you're
            um uh er erm hmm mm like well maybe""",
        "de": """und oder aber weil dass daß wenn ob als denn damit obwohl sondern während bevor
            für von zum zur mit in im am bei beim bis um durch gegen ohne seit zwischen wegen über unter
            der die das den dem des ein eine einen einem einer eines mein meine meinen meinem meiner
            dein deine jeden jede jedes kein keine keinen
            ist sind war waren wird werden kann können soll muss möchte ich wir er sie daran
            äh ähm öh hm hmm also vielleicht""",
    }.items()
}
"""Words after which more comes. Those that may well be last ("turn it on", "mach das aus") are not here."""


def ending(text: str, understanding: Understanding, language: str, now: datetime, *, asked: bool) -> Opinion:
    """What the words so far end like. `asked`: a question is open, so that a yes or no is all there is to say."""
    words = text.split()
    if not words:
        return Opinion.UNSURE
    if asked and understanding.answer(text) is not None:
        return Opinion.FINISHED
    known = understanding.exactly(text, now)
    if known is not None and not known.open_ended:
        return Opinion.UNSURE if understanding.goes_on(text) else Opinion.FINISHED
    if words[-1].lower().strip(",.…") in _OPEN.get(language, frozenset()) or understanding.begins(text):
        return Opinion.OPEN
    return Opinion.FINISHED if known is not None and "due" in known.arguments else Opinion.UNSURE
