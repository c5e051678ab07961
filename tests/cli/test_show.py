import io

import pytest
from rich.console import Console

from sottovoce.cli.show import Transcript
from sottovoce.client import Event
from sottovoce.client import server_events as se


def shown(*events: Event, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=200, highlight=False, color_system=None)
    with Transcript(console) as transcript:
        for event in events:
            transcript.show("", event)
    return out.getvalue()


def response(status: str, details: dict[str, object] | None = None) -> se.ResponseDone:
    view = se.ResponseView(id="r", status=status, status_details=details, output_modalities=["audio"])
    return se.ResponseDone(event_id="e", response=view)


DELTAS = [
    se.InputAudioTranscriptionDelta(event_id="e", item_id="i", delta=delta) for delta in ("remind me", " to buy silk")
]
FINAL = se.InputAudioTranscriptionCompleted(
    event_id="e", item_id="i", transcript="remind me to buy milk", usage={}, confidence=0.9
)


def test_on_a_terminal_words_appear_while_they_are_spoken() -> None:
    out = shown(*DELTAS, FINAL, terminal=True)
    assert out.index("remind me …") < out.index("remind me to buy silk …") < out.index("remind me to buy milk\n")


def test_elsewhere_only_what_is_final_is_shown() -> None:
    assert shown(*DELTAS, FINAL) == "you        remind me to buy milk\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            se.InputAudioTranscriptionCompleted(event_id="e", item_id="i", transcript="", usage={}, confidence=0),
            "you        (not understood)",
        ),
        (
            se.InputAudioTranscriptionFailed(event_id="e", item_id="i", error={"message": "no such language"}),
            "you        (not heard: no such language)",
        ),
        (response("cancelled"), "sottovoce  (interrupted)"),
        (
            response("failed", {"error": {"message": "it is gone"}}),
            "sottovoce  (no answer: it is gone)",
        ),
        (se.Error(event_id="e", error={"message": "[b]what?"}), "error      [b]what?"),
        (se.SessionExpiring(event_id="e", seconds_left=60, reason="idle"), "session    ends in 60 s (idle)"),
        (se.SessionEnded(event_id="e", reason="fault", usage={}), "session    ended (fault)"),
    ],
)
def test_what_is_out_of_the_ordinary_is_said(event: Event, line: str) -> None:
    assert shown(event) == line + "\n"


def test_the_end_that_was_asked_for_is_not_worth_a_line() -> None:
    assert shown(se.SessionEnded(event_id="e", reason="client_closed", usage={}), response("completed")) == ""
