from sottovoce.speech.pocketsphinx_decode import Finding, Findings, Segment, decide, filled

SOUNDS = [Segment("xxaa", 0, 199, -400.0)]
"""What fits best of all: two a frame."""


def spoken(*words: str, fit: float = -2.5, frames: int = 20) -> list[Segment]:
    """One after another, each as long and fitting as the others."""
    return [
        Segment(word, number * frames, (number + 1) * frames - 1, fit * frames, -1.0)
        for number, word in enumerate(words)
    ]


def test_a_command_that_fits_and_that_the_model_of_commands_heard_too_is_one() -> None:
    said = spoken("set", "a", "timer", "for", "five", "minutes")
    finding = decide(Findings(spoken("said", "a", "tie"), command=said, everyday=said, sounds=SOUNDS))
    assert finding.is_command
    assert finding.text == "set a timer for five minutes"
    assert finding.confidence > 0.9


def test_a_command_that_fits_badly_and_that_nothing_else_heard_is_none() -> None:
    said = spoken("set", "a", "timer", "for", "five", "minutes", fit=-7.0)
    words = spoken("the", "weather", "was", "lovely")
    finding = decide(Findings(words, command=said, everyday=spoken("we", "want", "a", "leather"), sounds=SOUNDS))
    assert not finding.is_command
    assert finding.text == "the weather was lovely"


def test_without_a_grammar_there_are_only_words() -> None:
    assert decide(Findings(spoken("hello", "there"))).text == "hello there"
    assert decide(Findings([])) == Finding("", 0.0, is_command=False)


def test_silence_and_numbers_of_pronunciations_are_no_words() -> None:
    assert decide(Findings(spoken("<s>", "read(2)", "[NOISE]", "it", "</s>"))).text == "read it"


def test_free_words_are_those_of_the_model_of_commands_at_that_time() -> None:
    command = spoken("note", "that", "xxaa", "xxb", "please")
    found = Findings(
        spoken("no", "tap", "bye", "mill", "please"),
        command=command,
        everyday=spoken("note", "that", "buy", "milk", "peas"),
    )
    assert filled(found) == "note that buy milk please"
    assert filled(found._replace(everyday=())) == "note that bye mill please"


def test_where_no_word_lies_within_the_free_time_the_one_that_overlaps_most_fills_it() -> None:
    command = [*spoken("note", "that"), Segment("xxaa", 40, 49, -25.0)]
    long = [Segment("note", 0, 30, -60.0), Segment("anniversary", 31, 120, -90.0)]
    assert filled(Findings([], command=command, everyday=long)) == "note that anniversary"


def test_a_teen_that_the_model_of_commands_heard_is_not_taken_for_ten_times_as_much() -> None:
    command = spoken("start", "a", "fifty", "minute", "timer")
    found = Findings([], command=command, everyday=spoken("start", "a", "fifteen", "minute", "timer"))
    assert filled(found) == "start a fifteen minute timer"
    assert filled(found._replace(everyday=command)) == "start a fifty minute timer"
    elsewhere = spoken("start", "fifteen", "a", "minute", "timer")
    assert filled(found._replace(everyday=elsewhere)) == "start a fifty minute timer"
