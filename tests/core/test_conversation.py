"""The conversation in pure code: no clock, no socket, no engine."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sottovoce.core import events as ev
from sottovoce.core import notices as no
from sottovoce.core.answers import Effect
from sottovoce.core.conversation import Conversation
from sottovoce.core.limits import MAX_ITEMS, MAX_TEXT_CHARACTERS, MAX_WAITING_PROMPTS
from sottovoce.core.task import Task, TaskState
from sottovoce.errors import BadMessage


class Talk:
    """A conversation, and what it said to do."""

    def __init__(self, **config: Any) -> None:
        numbers = itertools.count(1)
        self.conversation = Conversation("s", ev.Config(**config), 0.0, lambda prefix: f"{prefix}_{next(numbers)}")
        self.effects: list[Effect] = []
        self.now = 0.0

    def on(self, happening: ev.Happening) -> list[Effect]:
        effects = self.conversation.receive(happening, self.now)
        self.effects += effects
        return effects

    def all_of(self, kind: type) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def newest(self, kind: type) -> Any:
        return self.all_of(kind)[-1]

    def says(self, text: str, *, is_command: bool = False) -> str:
        """The user speaks a sentence, and it is heard."""
        self.on(ev.SpeechBegan(0))
        item_id: str = self.newest(ev.StartHearing).item_id
        self.on(ev.SpeechEnded(16_000))
        self.on(ev.Heard(item_id, text, 0.9, is_command, 1_000))
        return item_id

    def types(self, text: str) -> None:
        self.on(ev.CreateItem(None, ev.Role.USER, text, None))
        self.on(ev.CreateResponse(None))

    def replies(self, text: str, audio_ms: float = 1_000) -> str:
        """The server answers with a sentence and its sound."""
        response_id: str = self.newest(ev.StartResponse).response_id
        self.on(ev.Replied(response_id, text))
        self.on(ev.Spoke(response_id, audio_ms))
        self.on(ev.SentenceSpoken(response_id))
        return response_id

    def finishes(self) -> None:
        response_id = self.newest(ev.StartResponse).response_id
        self.on(ev.ReplyEnded(response_id))
        self.on(ev.PlaybackEnded(response_id))


def kinds(effects: list[Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def test_a_sentence_is_heard_answered_and_over() -> None:
    talk = Talk()
    assert talk.conversation.turn == "idle"
    talk.on(ev.SpeechBegan(16_000))
    assert talk.conversation.turn == "listening"
    assert kinds(talk.effects) == ["StartHearing", "UserStarted"]
    assert talk.newest(no.UserStarted).audio_start_ms == 1_000
    talk.on(ev.SpeechEnded(48_000))
    assert talk.conversation.turn == "thinking"
    assert kinds(talk.effects[2:]) == ["UserStopped", "FinishHearing", "SoundCommitted", "ItemAdded"]
    item_id = talk.newest(ev.StartHearing).item_id
    talk.on(ev.Heard(item_id, "what time is it", 0.8, True, 2_000))
    assert kinds(talk.effects[6:]) == ["TranscriptCompleted", "ItemDone", "ResponseStarted", "StartResponse"]
    command = talk.newest(ev.StartResponse)
    assert (command.text, command.spoken, command.confidence, command.is_command) == (
        "what time is it",
        True,
        0.8,
        True,
    )
    talk.replies("It is nine.")
    assert talk.conversation.turn == "speaking"
    talk.finishes()
    assert talk.conversation.turn == "idle"
    assert talk.newest(no.ResponseEnded).status is ev.ResponseStatus.COMPLETED
    assert talk.newest(no.ResponseEnded).item.text == "It is nine."
    assert kinds(talk.effects)[-1] == "PlaybackStopped"


def test_what_was_not_understood_at_all_gets_no_answer() -> None:
    talk = Talk()
    talk.says("")
    assert not talk.all_of(ev.StartResponse)
    assert talk.newest(no.TranscriptCompleted).text == ""


def test_barge_in_stops_the_answer_and_cuts_it_to_what_was_heard_by_the_clock() -> None:
    talk = Talk()
    talk.says("what can i say")
    talk.now = 10.0
    response_id = talk.replies("You can say remind me.", 1_000)
    talk.now = 10.5
    effects = talk.on(ev.SpeechBegan(160_000))
    assert kinds(effects) == [
        "StartHearing", "UserStarted", "StopResponse", "PlaybackCleared", "ResponseEnded", "ItemTruncated",
    ]  # fmt: skip
    ended = talk.newest(no.ResponseEnded)
    assert (ended.status, ended.reason) == (ev.ResponseStatus.CANCELLED, ev.CancelReason.TURN_DETECTED)
    assert ended.item.text == "You can say"
    assert ended.item.status is ev.ItemStatus.INCOMPLETE
    assert talk.newest(no.ItemTruncated).audio_end_ms == 500
    assert not talk.conversation.answering(response_id)


def test_barge_in_cuts_to_what_the_client_says_was_heard() -> None:
    talk = Talk()
    talk.says("what can i say")
    talk.replies("One two three four five six seven eight nine ten.", 1_000)
    item_id = talk.newest(no.ResponseStarted).item.id
    talk.on(ev.PlaybackReported(item_id, 300))
    talk.now = 0.9
    talk.on(ev.SpeechBegan(160_000))
    assert talk.newest(no.ItemTruncated).audio_end_ms == 300
    talk.on(ev.PlaybackReported(item_id, 420))
    assert talk.newest(no.ItemTruncated).audio_end_ms == 420
    assert talk.conversation.items.get(item_id).text == "One two three four"


def test_an_answer_that_has_gone_out_but_still_plays_is_cut_without_a_second_end() -> None:
    talk = Talk()
    talk.says("help")
    response_id = talk.replies("You can say remind me.")
    talk.on(ev.ReplyEnded(response_id))
    talk.now = 0.25
    effects = talk.on(ev.SpeechBegan(160_000))
    assert "ResponseEnded" not in kinds(effects)
    assert kinds(effects)[-2:] == ["PlaybackCleared", "ItemTruncated"]


def test_with_interruption_off_the_answer_goes_on() -> None:
    talk = Talk(interrupt_response=False)
    talk.says("help")
    response_id = talk.replies("You can say remind me.")
    talk.on(ev.SpeechBegan(160_000))
    assert talk.conversation.answering(response_id)


def test_nothing_late_of_a_stopped_answer_gets_through() -> None:
    talk = Talk()
    talk.says("help")
    response_id = talk.replies("You can say remind me.")
    talk.on(ev.SpeechBegan(160_000))
    before = len(talk.effects)
    for late in (ev.Replied(response_id, "And."), ev.Spoke(response_id, 100), ev.ReplyEnded(response_id),
                 ev.PlaybackEnded(response_id), ev.ReplyFailed(response_id, "x", "y")):  # fmt: skip
        talk.on(late)
    assert len(talk.effects) == before


def test_a_result_waits_until_the_user_is_silent_and_its_event_does_not() -> None:
    talk = Talk()
    talk.on(ev.SpeechBegan(0))
    task = Task(id="t", session_id="s", type="timer", state=TaskState.COMPLETED, created_at=0, updated_at=1)
    effects = talk.on(ev.TaskMoved(task, "Your timer is done."))
    assert kinds(effects) == ["TaskNotice"]
    talk.on(ev.SpeechEnded(16_000))
    assert not talk.all_of(ev.StartResponse)
    talk.on(ev.Heard(talk.newest(ev.StartHearing).item_id, "", 0.0, False, 1_000))
    assert talk.newest(ev.StartResponse).say == "Your timer is done."


def test_a_task_that_only_says_something_has_not_changed() -> None:
    talk = Talk()
    task = Task(id="t", session_id="s", type="timer", state=TaskState.WORKING, created_at=0, updated_at=1)
    assert kinds(talk.on(ev.TaskMoved(task))) == ["TaskNotice"]
    assert kinds(talk.on(ev.TaskMoved(task, "Your timer is done."))) == ["ResponseStarted", "StartResponse"]
    done = Task(**{**_fields(task), "state": TaskState.COMPLETED, "updated_at": 2})
    assert kinds(talk.on(ev.TaskMoved(done))) == ["TaskNotice"]


def test_many_results_that_come_while_the_user_speaks_are_all_told() -> None:
    talk = Talk()
    talk.on(ev.SpeechBegan(0))
    said = [f"Timer {number} is done." for number in range(100)]
    for each in said:
        talk.on(ev.Announced(each))
    talk.on(ev.Announced("One too many."))
    talk.on(ev.SpeechEnded(16_000))
    talk.on(ev.Heard(talk.newest(ev.StartHearing).item_id, "what time is it", 1.0, True, 1_000))
    for _ in range(101):
        talk.finishes()
    assert [command.say or command.text for command in talk.all_of(ev.StartResponse)] == [*said, "what time is it"]


def test_a_result_waits_for_the_answer_that_is_being_given() -> None:
    talk = Talk()
    talk.says("help")
    talk.replies("You can say remind me.")
    talk.on(ev.Announced("Your timer is done."))
    assert len(talk.all_of(ev.StartResponse)) == 1
    talk.finishes()
    assert talk.newest(ev.StartResponse).say == "Your timer is done."


def test_yes_and_no_are_expected_only_while_a_task_asks() -> None:
    talk = Talk()
    asking = Task(
        id="t", session_id="s", type="delete", state=TaskState.INPUT_REQUIRED, created_at=0, updated_at=1, question="?"
    )
    talk.on(ev.TaskMoved(asking))
    talk.on(ev.SpeechBegan(0))
    assert talk.newest(ev.StartHearing).asked
    talk.on(ev.TaskMoved(Task(**{**_fields(asking), "state": TaskState.CANCELLED})))
    talk.on(ev.SpeechEnded(16_000))
    talk.on(ev.SpeechBegan(32_000))
    assert not talk.newest(ev.StartHearing).asked


def _fields(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in task.__struct_fields__}


def test_two_sentences_in_a_row_are_both_answered_in_their_order() -> None:
    talk = Talk()
    talk.on(ev.SpeechBegan(0))
    first = talk.newest(ev.StartHearing).item_id
    talk.on(ev.SpeechEnded(16_000))
    talk.on(ev.SpeechBegan(20_000))
    second = talk.newest(ev.StartHearing).item_id
    talk.on(ev.Heard(first, "set a timer", 0.9, True, 1_000))
    assert not talk.all_of(ev.StartResponse), "the user is speaking"
    talk.on(ev.SpeechEnded(40_000))
    talk.on(ev.Heard(second, "what time is it", 0.9, True, 1_000))
    assert talk.newest(ev.StartResponse).text == "set a timer"
    talk.finishes()
    assert talk.newest(ev.StartResponse).text == "what time is it"


def test_typed_text_is_answered_when_asked_for() -> None:
    talk = Talk(turn_detection=None)
    talk.on(ev.CreateItem("mine", ev.Role.USER, "what time is it", None))
    assert not talk.all_of(ev.StartResponse)
    talk.on(ev.CreateResponse(None))
    command = talk.newest(ev.StartResponse)
    assert (command.text, command.spoken, command.speech_out) == ("what time is it", False, True)
    talk.finishes()
    talk.on(ev.CreateResponse(False))
    command = talk.newest(ev.StartResponse)
    assert (command.text, command.speech_out) == ("", False), "nothing new was said: a greeting"


def test_a_client_that_commits_its_turns_is_answered_when_the_turn_is_heard() -> None:
    talk = Talk(turn_detection=None)
    talk.on(ev.SoundAppended(0))
    talk.on(ev.SoundAppended(512))
    assert len(talk.all_of(ev.StartHearing)) == 1
    talk.on(ev.CommitSound(16_000))
    talk.on(ev.CreateResponse(None))
    assert not talk.all_of(ev.StartResponse)
    talk.on(ev.Heard(talk.newest(ev.StartHearing).item_id, "hello", 0.7, False, 1_000))
    assert talk.newest(ev.StartResponse).text == "hello"
    assert not talk.all_of(no.UserStarted)


def test_a_client_that_commits_its_turns_may_leave_its_microphone_on() -> None:
    talk = Talk(turn_detection=None)
    talk.on(ev.SoundAppended(0))
    talk.on(ev.CommitSound(16_000))
    first = talk.newest(ev.StartHearing).item_id
    talk.on(ev.SoundAppended(16_000))
    talk.on(ev.CreateResponse(None))
    talk.on(ev.Heard(first, "hello", 0.7, False, 1_000))
    assert talk.newest(ev.StartResponse).text == "hello"
    assert talk.conversation.turn == "thinking"


def test_cleared_sound_is_forgotten() -> None:
    talk = Talk(turn_detection=None)
    talk.on(ev.SoundAppended(0))
    assert kinds(talk.on(ev.ClearSound())) == ["CancelHearing", "SoundCleared"]
    with pytest.raises(BadMessage) as error:
        talk.on(ev.CommitSound(16_000))
    assert error.value.reason == "input_audio_buffer_commit_empty"


def test_a_second_response_at_once_is_refused_and_one_in_the_last_sound_takes_over() -> None:
    talk = Talk()
    talk.types("hello")
    with pytest.raises(BadMessage) as error:
        talk.on(ev.CreateResponse(None))
    assert error.value.reason == "conversation_already_has_active_response"
    response_id = talk.replies("Hello.")
    talk.on(ev.ReplyEnded(response_id))
    talk.types("what time is it")
    assert talk.newest(ev.StartResponse).text == "what time is it"


def test_an_answer_can_be_cancelled_once() -> None:
    talk = Talk()
    talk.types("hello")
    response_id = talk.replies("Hello.")
    with pytest.raises(BadMessage):
        talk.on(ev.CancelResponse("resp_other"))
    talk.on(ev.CancelResponse(response_id))
    assert talk.newest(no.ResponseEnded).reason is ev.CancelReason.CLIENT_CANCELLED
    with pytest.raises(BadMessage) as error:
        talk.on(ev.CancelResponse(None))
    assert error.value.reason == "response_cancel_not_active"


def test_a_failed_answer_costs_itself_only() -> None:
    talk = Talk()
    talk.types("hello")
    talk.on(ev.ReplyFailed(talk.newest(ev.StartResponse).response_id, "engine_failed", "It failed"))
    assert talk.newest(no.ResponseEnded).status is ev.ResponseStatus.FAILED
    talk.types("hello again")
    assert talk.newest(ev.StartResponse).text == "hello again"


def test_a_turn_that_cannot_be_transcribed_is_told_and_blocks_nothing() -> None:
    talk = Talk()
    talk.on(ev.SpeechBegan(0))
    talk.on(ev.SpeechEnded(16_000))
    item_id = talk.newest(ev.StartHearing).item_id
    effects = talk.on(ev.HearingFailed(item_id, "language_not_supported", "no"))
    assert kinds(effects) == ["TranscriptFailed", "ItemDone"]
    assert talk.conversation.turn == "idle"


def test_a_long_sentence_is_cut_where_it_was_though_its_sound_goes_out_bit_by_bit() -> None:
    talk = Talk()
    talk.types("what can i say")
    response_id: str = talk.newest(ev.StartResponse).response_id
    words = "You can say: " + "call the school; " * 20
    talk.on(ev.Replied(response_id, words))
    talk.on(ev.Spoke(response_id, 2_300))
    talk.now = 2.0
    talk.on(ev.SpeechBegan(32_000))
    heard = talk.newest(no.ResponseEnded).item.text
    assert words.startswith(heard)
    assert 20 <= len(heard) <= 35


def test_how_fast_this_voice_speaks_is_learned() -> None:
    talk = Talk()
    for letters in ("one two three four five six", "one two three four five six seven eight nine ten"):
        talk.types("hello")
        response_id: str = talk.newest(ev.StartResponse).response_id
        talk.on(ev.Replied(response_id, letters))
        talk.on(ev.Spoke(response_id, 5_400))
        if talk.conversation.answers.begun == 1:
            talk.on(ev.SentenceSpoken(response_id))
            talk.finishes()
    talk.now = 5.0
    talk.on(ev.SpeechBegan(32_000))
    assert talk.newest(no.ResponseEnded).item.text == "one two three four five"


def test_a_truncated_item_is_cut_as_told() -> None:
    talk = Talk()
    talk.types("hello")
    talk.replies("One two three four.", 1_000)
    item_id = talk.newest(no.ResponseStarted).item.id
    talk.on(ev.TruncateItem(item_id, 500))
    assert talk.conversation.items.get(item_id).text == "One two"
    with pytest.raises(BadMessage):
        talk.on(ev.TruncateItem("item_other", 500))


def test_an_answer_that_a_client_plays_later_than_the_clock_says_is_cut_as_told() -> None:
    talk = Talk()
    talk.types("hello")
    talk.replies("One two three four.", 1_000)
    talk.finishes()
    item_id = talk.newest(no.ResponseStarted).item.id
    talk.on(ev.PlaybackReported(item_id, 900))
    assert talk.conversation.items.get(item_id).text == "One two three four.", "it may be played on"
    assert kinds(talk.on(ev.TruncateItem(item_id, 500))) == ["ItemTruncated"]
    assert talk.conversation.items.get(item_id).text == "One two"


def test_items_are_found_moved_and_removed() -> None:
    talk = Talk()
    for name in "abc":
        talk.on(ev.CreateItem(name, ev.Role.USER, name, None))
    talk.on(ev.CreateItem("d", ev.Role.USER, "d", "a"))
    assert talk.newest(no.ItemAdded).previous_item_id == "a"
    talk.on(ev.CreateItem("e", ev.Role.SYSTEM, "e", "root"))
    assert talk.newest(no.ItemAdded).previous_item_id is None
    assert [talk.conversation.items.before(name) for name in "eadbc"] == [None, "e", "a", "d", "b"]
    talk.on(ev.DeleteItem("d"))
    assert talk.conversation.items.before("b") == "a"
    for wrong in (ev.DeleteItem("d"), ev.RetrieveItem("d"), ev.CreateItem("a", ev.Role.USER, "x", None),
                  ev.CreateItem("f", ev.Role.USER, "x", "nowhere"), ev.PlaybackReported("nowhere", 5)):  # fmt: skip
        with pytest.raises(BadMessage):
            talk.on(wrong)
    assert "f" not in talk.conversation.items


def test_what_is_kept_is_bounded() -> None:
    talk = Talk()
    for number in range(MAX_ITEMS + 50):
        talk.on(ev.CreateItem(f"i{number}", ev.Role.USER, "x", None))
    assert "i49" not in talk.conversation.items
    assert "i50" in talk.conversation.items
    for name, after in (("head", "root"), ("behind the oldest", "head")):
        talk.on(ev.CreateItem(name, ev.Role.USER, "x", after))
        assert name in talk.conversation.items, "what is new is not what goes"
        assert talk.newest(no.ItemAdded).previous_item_id is None
    with pytest.raises(BadMessage):
        talk.on(ev.CreateItem(None, ev.Role.USER, "x" * (MAX_TEXT_CHARACTERS + 1), None))
    talk.on(ev.SpeechBegan(0))
    for _ in range(MAX_WAITING_PROMPTS):
        talk.on(ev.CreateResponse(None))
    with pytest.raises(BadMessage):
        talk.on(ev.CreateResponse(None))


def test_a_client_that_asks_is_answered_before_what_nobody_asked_for() -> None:
    talk = Talk()
    talk.on(ev.Announced("The tea is ready."))
    talk.on(ev.Announced("So is the cake."))
    talk.on(ev.CreateItem(None, ev.Role.USER, "what time is it", None))
    effects = talk.on(ev.CreateResponse(None))
    assert kinds(effects)[0] == "StopResponse"
    [start] = [effect for effect in effects if isinstance(effect, ev.StartResponse)]
    assert (start.text, start.say) == ("what time is it", "")
    with pytest.raises(BadMessage):
        talk.on(ev.CreateResponse(None))


def test_to_a_client_that_is_gone_nothing_is_said_until_it_is_back() -> None:
    talk = Talk()
    talk.says("help")
    talk.replies("You can say remind me.")
    assert kinds(talk.conversation.suspend(0.1))[0] == "StopResponse"
    assert "StartResponse" not in kinds(talk.on(ev.Announced("The tea is ready.")))
    assert kinds(talk.conversation.resume()) == ["ResponseStarted", "StartResponse"]


def test_a_sentence_in_which_the_connection_breaks_is_one_sentence() -> None:
    talk = Talk()
    talk.on(ev.SpeechBegan(0))
    assert talk.conversation.suspend(0.1) == []
    assert talk.conversation.resume() == []
    assert talk.conversation.turn == "listening"
    assert "FinishHearing" in kinds(talk.on(ev.SpeechEnded(32_000)))


def _happenings() -> st.SearchStrategy[list[ev.Happening]]:
    ids = st.sampled_from([f"{prefix}_{n}" for prefix in ("item", "resp") for n in range(1, 9)])
    texts = st.sampled_from(["", "hello", "what time is it"])
    small = st.integers(0, 3_000)
    return st.lists(
        st.one_of(
            st.builds(ev.SpeechBegan, small), st.builds(ev.SpeechEnded, small), st.builds(ev.SoundAppended, small),
            st.builds(ev.CommitSound, small), st.just(ev.ClearSound()), st.builds(ev.PartialHeard, ids, texts),
            st.builds(ev.Heard, ids, texts, st.just(0.5), st.booleans(), small),
            st.builds(ev.HearingFailed, ids, st.just("c"), st.just("m")),
            st.builds(ev.CreateItem, st.none(), st.just(ev.Role.USER), texts, st.none()),
            st.builds(ev.DeleteItem, ids), st.builds(ev.TruncateItem, ids, small),
            st.builds(ev.CreateResponse, st.none()), st.builds(ev.CancelResponse, st.none()), st.just(ev.ClearOutput()),
            st.builds(ev.PlaybackReported, ids, small), st.builds(ev.Replied, ids, texts),
            st.builds(ev.Spoke, ids, st.floats(1, 100)), st.builds(ev.SentenceSpoken, ids),
            st.builds(ev.ReplyEnded, ids),
            st.builds(ev.ReplyFailed, ids, st.just("c"), st.just("m")), st.builds(ev.PlaybackEnded, ids),
            st.builds(ev.Announced, texts),
        ),
        max_size=60,
    )  # fmt: skip


@given(_happenings())
@settings(max_examples=300)
def test_whatever_happens_every_response_ends_once_and_one_at_a_time(happenings: list[ev.Happening]) -> None:
    talk = Talk()
    open_response: str | None = None
    for happening in happenings:
        if isinstance(happening, ev.Spoke) and not _has_text(talk, happening.response_id):
            continue  # sound comes after the sentence it belongs to
        for effect in _received(talk, happening):
            if isinstance(effect, no.ResponseStarted):
                assert open_response is None
                open_response = effect.response_id
            elif isinstance(effect, no.ResponseEnded):
                assert effect.response_id == open_response
                open_response = None
    for effect in talk.conversation.suspend(99.0):
        if isinstance(effect, no.ResponseEnded):
            assert effect.response_id == open_response
            open_response = None
    assert open_response is None


def _received(talk: Talk, happening: ev.Happening) -> Iterator[Effect]:
    talk.now += 0.1
    try:
        yield from talk.on(happening)
    except BadMessage:
        return


def _has_text(talk: Talk, response_id: str) -> bool:
    return any(effect.response_id == response_id for effect in talk.all_of(no.ResponseGrew))


def test_what_was_being_told_when_the_client_went_is_told_anew_once_it_is_back() -> None:
    talk = Talk()
    talk.on(ev.Announced("The tea is ready."))
    talk.replies("The tea is ready.")
    talk.conversation.suspend(0.1)
    [again] = [effect for effect in talk.conversation.resume() if isinstance(effect, ev.StartResponse)]
    assert again.say == "The tea is ready."
    talk.conversation.suspend(0.2)
    assert [effect.say for effect in talk.conversation.resume() if isinstance(effect, ev.StartResponse)] == [again.say]
