import asyncio
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest

from sottovoce.client import Event, Sound, UnknownEvent, VoiceSession
from sottovoce.client import server_events as se
from sottovoce.client.sound import read_sound
from sottovoce.client.talk import Options, Outcome, Spoken, Talk, Typed

SPEECH = Path(__file__).parent.parent / "data" / "speech"
HEARD = "hello world"
"""What the instant engine hears in everything."""
QUICK = Options(fast=True, mute=True, wait_s=5.0)


def recording(name: str) -> Spoken:
    return Spoken(name, partial(read_sound, SPEECH / name))


class Shown:
    def __init__(self) -> None:
        self.messages: list[Event | Sound] = []

    def __call__(self, raw: str | bytes, message: Event | Sound) -> None:
        assert isinstance(raw, bytes) is isinstance(message, Sound)
        assert not isinstance(message, UnknownEvent)
        self.messages.append(message)

    def of(self, kind: type[se.ServerEvent]) -> list[se.ServerEvent]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def transcripts(self) -> list[str]:
        return [each.transcript for each in self.messages if isinstance(each, se.InputAudioTranscriptionCompleted)]

    @property
    def answers(self) -> list[str]:
        return [each.text for each in self.messages if isinstance(each, se.ResponseOutputTextDone)]


async def talk(session: VoiceSession, *things: Spoken | Typed, options: Options = QUICK) -> tuple[Outcome, Shown]:
    shown = Shown()
    async with asyncio.timeout(100):
        outcome = await Talk(session, options, shown).run(things)
    return outcome, shown


async def test_each_thing_said_is_answered_before_the_next(session: VoiceSession) -> None:
    outcome, shown = await talk(session, recording("austen-0880.wav"), Typed("what time is it"))
    assert outcome == Outcome(silent=[], unsaid=0, failed=0, ended="client_closed", still_at_work=0)
    assert shown.transcripts == [HEARD]
    assert [HEARD in answer for answer in shown.answers] == [True, False]
    assert isinstance(shown.messages[-1], se.SessionEnded)


async def test_at_the_speed_of_speech_the_answer_is_heard_to_its_end(session: VoiceSession) -> None:
    _, shown = await talk(session, recording("austen-0880.wav"), options=Options())
    assert shown.transcripts == [HEARD]
    assert len(shown.of(se.OutputAudioBufferStopped)) == 1
    sound = b"".join(each.pcm for each in shown.messages if isinstance(each, Sound))
    assert len(sound) == pytest.approx(2 * 16_000, rel=0.05)


async def test_a_recording_with_pauses_has_a_transcript_and_an_answer_for_each_turn(session: VoiceSession) -> None:
    """Sent fast, the second turn is there before the first answer could be heard, and interrupts nothing."""
    _, shown = await talk(session, recording("jfk.flac"), options=Options(fast=True))
    turns = len(shown.of(se.InputAudioBufferSpeechStarted))
    assert turns >= 2
    assert shown.transcripts == [HEARD] * turns
    assert len(shown.of(se.OutputAudioBufferStopped)) == turns
    assert shown.of(se.OutputAudioBufferCleared) == []


async def test_where_nobody_speaks_it_ends_and_says_so(session: VoiceSession) -> None:
    silence = Spoken("silence.wav", lambda: repeat(bytes(32_000), 2))
    outcome, shown = await talk(session, silence, recording("austen-0880.wav"))
    assert outcome.silent == ["silence.wav"]
    assert shown.transcripts == [HEARD]


async def test_a_recording_of_nothing_at_all_ends(session: VoiceSession) -> None:
    outcome, _ = await talk(session, Spoken("empty.wav", list))
    assert outcome.silent == ["empty.wav"]


async def test_what_comes_after_a_goodbye_is_unsaid(session: VoiceSession) -> None:
    outcome, _ = await talk(session, Typed("goodbye"), Typed("and another thing"), recording("austen-0880.wav"))
    assert (outcome.unsaid, outcome.ended) == (2, "said_goodbye")


async def test_a_task_that_finishes_soon_is_awaited_and_told(session: VoiceSession) -> None:
    outcome, shown = await talk(session, Typed("set a timer for one second"))
    assert outcome.still_at_work == 0
    assert len(shown.of(se.TaskCompleted)) == 1
    assert len(shown.answers) == 2


async def test_a_task_that_takes_long_is_not_awaited(session: VoiceSession) -> None:
    options = Options(fast=True, mute=True, wait_s=0.2)
    outcome, shown = await talk(session, Typed("set a timer for ten minutes"), options=options)
    assert outcome.still_at_work == 1
    assert len(shown.answers) == 1


async def test_a_language_that_is_not_heard_fails_the_turn_and_is_said(session: VoiceSession) -> None:
    options = Options(fast=True, mute=True, language="fr")
    outcome, shown = await talk(session, recording("austen-0880.wav"), options=options)
    codes = [each.error["code"] for each in shown.messages if isinstance(each, se.InputAudioTranscriptionFailed)]
    assert codes == ["language_not_supported"]
    assert outcome.failed >= 1
