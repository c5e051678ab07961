"""Conversations in virtual time, with the skills, the engine of tasks and the store that the server has."""

import pytest

from sottovoce.core.task import TaskState
from sottovoce.orchestrator.base import Goodbye, Say
from tests.orchestrator.conversation import Conversation


@pytest.fixture
async def talk() -> Conversation:
    made = Conversation()
    await made.admit()
    return made


async def test_nothing_said_is_greeted(talk: Conversation) -> None:
    assert await talk.hear("") == "Hello. What can I do for you?"
    talk.language = "de"
    assert await talk.hear("  ") == "Hallo. Was kann ich für dich tun?"


async def test_a_reminder_is_read_back_and_comes_when_it_is_due(talk: Conversation) -> None:
    assert await talk.hear("remind me to call my mother at nine p m") == "I'll remind you at nine pm: call your mother."
    await talk.time.pass_(11 * 3_600)
    assert talk.announced == ["Reminder: call your mother."]
    assert await talk.states() == [("reminder", TaskState.COMPLETED)]


async def test_a_reminder_beyond_the_session_is_honest_about_it(talk: Conversation) -> None:
    assert await talk.hear("remind me to call the school on friday at nine") == (
        "I'll remind you on Friday at nine: call the school. "
        "But this session ends before that, and I keep nothing after it."
    )


async def test_a_timer_is_read_back_by_its_digits_and_asked_about(talk: Conversation) -> None:
    assert await talk.hear("set a timer for fifteen minutes") == "The timer is set for fifteen, one five, minutes."
    await talk.time.pass_(60)
    assert await talk.hear("how much time is left") == "Fourteen minutes left on the timer of fifteen minutes."
    await talk.time.pass_(900)
    assert talk.announced == ["Your timer of fifteen minutes is up."]
    assert await talk.hear("how much time is left") == "No timer is running."


async def test_a_missing_value_is_asked_for(talk: Conversation) -> None:
    assert await talk.hear("set a timer") == "For how long?"
    assert await talk.hear("ten minutes") == "The timer is set for ten minutes."
    assert await talk.hear("set a reminder") == "What should I remind you of?"
    assert await talk.hear("call the dentist") == "I'll keep that for you: call the dentist."
    assert await talk.hear("take a note") == "What should I note?"
    assert await talk.hear("never mind") == "All right, never mind."
    assert await talk.states() == [
        ("timer", TaskState.WORKING),
        ("reminder", TaskState.COMPLETED),
        ("note", TaskState.CANCELLED),
    ]


async def test_other_talk_leaves_a_question_open(talk: Conversation) -> None:
    await talk.hear("note that the key is under the mat")
    assert await talk.hear("delete the last note") == "Delete this note: the key is under the mat? Yes or no?"
    assert await talk.hear("what time is it") == "It is ten am."
    assert (await talk.hear("some other words")).startswith("Sorry, I did not understand that.")
    assert await talk.hear("yes please") == "Deleted."
    assert await talk.hear("read my notes") == "You have no notes."


async def test_no_deletes_nothing(talk: Conversation) -> None:
    await talk.hear("note that the key is under the mat")
    await talk.hear("delete the last note")
    assert await talk.hear("no") == "All right, I keep it."
    assert await talk.hear("read my notes") == "You have one note: the key is under the mat."


async def test_yes_and_no_mean_nothing_when_nothing_is_asked(talk: Conversation) -> None:
    assert (await talk.hear("yes")).startswith("Sorry, I did not understand that.")
    assert await talk.states() == []


async def test_yes_is_no_answer_to_how_long(talk: Conversation) -> None:
    await talk.hear("set a timer")
    assert await talk.hear("yes") == "That does not answer my question. For how long?"
    assert await talk.states() == [("timer", TaskState.INPUT_REQUIRED)]


async def test_the_last_question_is_answered_first(talk: Conversation) -> None:
    await talk.hear("set a timer")
    await talk.time.pass_(1)
    await talk.hear("note that the key is under the mat")
    await talk.hear("delete the last note")
    await talk.hear("no")
    assert await talk.hear("five minutes") == "The timer is set for five minutes."


async def test_tasks_are_listed_by_number_and_cancelled_by_it(talk: Conversation) -> None:
    assert await talk.hear("what tasks are open") == "You have no open tasks."
    await talk.hear("remind me to buy milk")
    await talk.hear("set a timer for five minutes")
    await talk.hear("set a timer for ten minutes")
    assert await talk.hear("what tasks are open") == (
        "You have three open tasks. Number one: buy milk. Number two: timer of five minutes, five minutes left. "
        "Number three: timer of ten minutes, ten minutes left."
    )
    assert (await talk.hear("cancel the timer")).startswith("Which one? Number one: timer of five minutes")
    assert await talk.hear("cancel task number two") == "Cancelled: timer of five minutes, five minutes left."
    assert await talk.hear("cancel the timer") == "Cancelled: timer of ten minutes, ten minutes left."
    assert await talk.hear("cancel task number nine") == "There is no such open task."
    assert await talk.hear("cancel task number one") == "Delete this open task: buy milk? Yes or no?"
    assert await talk.hear("yes") == "Deleted."
    assert await talk.hear("cancel the timer") == "You have no timers."


async def test_cancelling_everything_asks_first(talk: Conversation) -> None:
    await talk.hear("set a timer for five minutes")
    await talk.hear("remind me to call the school in ten minutes")
    assert await talk.hear("cancel all tasks") == "Delete two open tasks? Yes or no?"
    assert await talk.hear("yes") == "Deleted."
    assert await talk.states() == [
        ("timer", TaskState.CANCELLED),
        ("reminder", TaskState.CANCELLED),
        ("delete", TaskState.COMPLETED),
    ]
    assert [task.arguments for task in await talk.tasks.all()][:2] == [{}, {}]


async def test_what_is_done_while_a_question_is_open_is_not_deleted(talk: Conversation) -> None:
    await talk.hear("set a timer for ten seconds")
    await talk.hear("set a timer for five minutes")
    await talk.hear("cancel all tasks")
    await talk.time.pass_(10)
    await talk.hear("yes")
    done, stopped, asked = await talk.tasks.all()
    assert (done.state, done.result) == (TaskState.COMPLETED, {"seconds": 10})
    assert (stopped.state, stopped.arguments) == (TaskState.CANCELLED, {})
    assert asked.result == {"deleted": 1}


async def test_a_moved_reminder_keeps_its_day(talk: Conversation) -> None:
    await talk.hear("remind me to call the school tomorrow at nine")
    talk.ends_at += 7 * 86_400
    assert await talk.hear("move the reminder to ten o'clock") == "I'll remind you tomorrow at ten: call the school."
    assert (
        await talk.hear("postpone the reminder by one hour")
    ) == "I'll remind you tomorrow at eleven: call the school."
    assert (
        await talk.hear("change the reminder to friday at three")
        == "I'll remind you on Friday at three: call the school."
    )
    assert len(await talk.tasks.all()) == 1


async def test_a_timer_is_changed_and_extended(talk: Conversation) -> None:
    await talk.hear("set a timer for five minutes")
    assert await talk.hear("change the timer to ten minutes") == "The timer is set for ten minutes."
    await talk.time.pass_(60)
    assert await talk.hear("add one minute to the timer") == "The timer is set for ten minutes."
    await talk.time.pass_(599)
    assert talk.announced == []
    await talk.time.pass_(1)
    assert talk.announced == ["Your timer of ten minutes is up."]


async def test_setting_the_timer_where_none_runs_starts_one(talk: Conversation) -> None:
    assert await talk.hear("change the timer to ten minutes") == "The timer is set for ten minutes."
    assert await talk.hear("move the reminder to ten o'clock") == "You have no reminders."


async def test_time_date_repeat_and_help(talk: Conversation) -> None:
    assert await talk.hear("say that again") == "I have not said anything yet."
    assert await talk.hear("what time is it") == "It is ten am."
    assert await talk.hear("what day is it today") == "Today is Wednesday, November nineteenth."
    assert await talk.hear("repeat that please") == "Today is Wednesday, November nineteenth."
    assert "set a timer for five minutes" in await talk.hear("what can i say")


async def test_goodbye_ends_the_session(talk: Conversation) -> None:
    assert await talk.replies("goodbye") == [Say("Goodbye."), Goodbye()]


async def test_what_is_no_command_starts_nothing_and_says_what_can_be_asked(talk: Conversation) -> None:
    answer = await talk.hear("he was not an ill disposed young man")
    assert answer.startswith("Sorry, I did not understand that. You can say, for example: remind me to")
    assert await talk.states() == []


async def test_free_text_is_said_back_where_the_recogniser_hears_only_that() -> None:
    talk = Conversation(answers_free_text=True)
    await talk.admit()
    assert await talk.hear("This is a sentence.") == "You said: This is a sentence."
    assert await talk.hear("what time is it") == "It is ten am."


async def test_a_language_that_is_not_known_is_answered_with_those_that_are(talk: Conversation) -> None:
    talk.language = "fr"
    assert await talk.hear("bonjour") == "I only know commands in de, en."


async def test_a_variant_of_a_language_is_that_language(talk: Conversation) -> None:
    talk.language = "en-GB"
    assert await talk.hear("what time is it") == "It is ten am."


async def test_a_session_with_all_its_tasks_takes_no_more(talk: Conversation) -> None:
    for _ in range(100):
        await talk.tasks.start("timer", {"seconds": 300})
    assert await talk.hear("set a timer for five minutes") == "I cannot take more tasks in this session."


async def test_a_conversation_in_german(talk: Conversation) -> None:
    talk.language = "de"
    assert await talk.hear("erinnere mich daran meine mutter morgen um neun anzurufen") == (
        "Ich erinnere dich morgen um neun Uhr: deine mutter anzurufen."
    )
    assert await talk.hear("stell einen timer") == "Für wie lange?"
    assert await talk.hear("fünfzehn minuten") == "Der Timer läuft. Dauer: fünfzehn, eins fünf, Minuten."
    assert await talk.hear("Welche Aufgaben sind offen?", spoken=False) == (
        "Zwei offene Aufgaben. Nummer eins: deine mutter anzurufen, morgen um neun Uhr. "
        "Nummer zwei: Timer, fünfzehn Minuten, noch fünfzehn Minuten."
    )
    assert await talk.hear("lösche alle aufgaben") == "Zwei offene Aufgaben löschen? Ja oder nein?"
    assert await talk.hear("ja") == "Gelöscht."
    assert await talk.hear("wie spät ist es") == "Es ist zehn Uhr."
    assert await talk.replies("auf wiedersehen") == [Say("Auf Wiedersehen."), Goodbye()]
