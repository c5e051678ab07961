"""What models write, made plain."""

import pytest

from sottovoce.speech.plain_words import plain_words


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (" Remind me, please: buy milk! ", "remind me please buy milk"),
        ("It’s ten o'clock.", "it's ten o'clock"),
        ("At 10:30, 3.5 litres – no, -4.", "at 10:30 3.5 litres no -4"),
        ("„Erinnere mich“, sagte er.", "erinnere mich sagte er"),
        ("¿Qué? ¡Sí!", "qué sí"),
        ("[BLANK_AUDIO]", ""),
        ("<unk> HELLO <|endoftext|>", "hello"),
        ("...", ""),
        ("", ""),
    ],
)
def test_words_are_left(written: str, words: str) -> None:
    assert plain_words(written) == words
