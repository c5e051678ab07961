import pytest

from sottovoce.speech.openai_hearing import words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Remind me to call Anna, in 10 minutes.", "remind me to call anna in 10 minutes"),
        ("  It's 10:30 — isn't it?! ", "it's 10:30 isn't it"),
        ("„Guten Morgen“, sagte er; 3,5 %!", "guten morgen sagte er 3,5 %"),
        ("[BLANK_AUDIO]", ""),
        ("<|en|> Set the e-mail… now", "set the e-mail now"),
        ("It’s five o’clock.", "it's five o'clock"),
        ("It is -5 degrees", "it is -5 degrees"),
        ("...", ""),
    ],
)
def test_a_transcript_is_lower_case_words(written: str, expected: str) -> None:
    assert words(written) == expected
