"""The contract of tasks.base.TaskEngine; every engine of tasks runs it."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from sottovoce.core.task import TaskState
from sottovoce.errors import InvalidArguments, SessionNotFound, TaskConflict, TaskNotFound, UnknownTaskType
from sottovoce.orchestrator.base import Tasks, TaskUpdate
from sottovoce.orchestrator.builtin import SKILLS
from sottovoce.orchestrator.skills import Job, Seconds, SkillFailed, Skills, SkillSet, Text, task_skill
from sottovoce.store.base import SessionRecord
from sottovoce.store.memory import MemoryStore
from sottovoce.tasks.local import KEPT_AT_MOST, PENDING_AT_MOST, RUNNING_AT_ONCE, LocalTasks
from sottovoce.tasks.sealed import SealedTasks
from sottovoce.vault.session_keys import SessionKeys
from tests.tasks.virtual_time import VirtualTime, settle

NOW = datetime(2025, 11, 19, 9, 0, tzinfo=UTC)
S = "session-1"


@task_skill
async def hang(job: Job) -> None:
    """Hold a place until it is stopped."""
    job.say("I work.")
    await asyncio.get_running_loop().create_future()


@task_skill
async def stubborn(job: Job, seconds: Seconds = 1) -> str:
    """Go on after it was stopped."""
    try:
        await job.until(job.now() + timedelta(seconds=seconds))
    except asyncio.CancelledError:
        job.say("I go on.")
    return "done"


@task_skill
async def broken(_job: Job, text: Text = "") -> None:
    """Fail with what was said in the error."""
    raise RuntimeError(text)


@task_skill
async def choosy(job: Job) -> dict[str, Any]:
    """Ask one thing after another."""
    sure = await job.ask("Sure?", "yes_no")
    when = await job.ask("When?", "moment", argument=None)
    return {"sure": sure, "when": when}


@task_skill
async def resigned(_job: Job) -> None:
    """Stop of its own will."""
    raise asyncio.CancelledError


@task_skill
async def stepping(job: Job) -> None:
    """Say how far it has come: twice at once, then later."""
    await job.progress(0.25, "first step")
    await job.progress(0.3, "too soon to tell")
    await job.until(job.now() + timedelta(seconds=1))
    await job.progress(None, "last step")
    await asyncio.get_running_loop().create_future()


@task_skill
async def honest(_job: Job, text: Text = "") -> None:
    """Fail, and tell its user why."""
    raise SkillFailed(f"It does not know {text}")


EXTRA = SkillSet(skills=(hang, stubborn, broken, choosy, resigned, stepping, honest))


class Bench:
    """An engine of tasks with all around it."""

    def __init__(self) -> None:
        self.time = VirtualTime(NOW)
        self.store, self.keys = MemoryStore(), SessionKeys()
        self.records = SealedTasks(self.store, self.keys)
        self.engine = LocalTasks(
            Skills([SKILLS, EXTRA]), self.records, clock=self.time.clock, sleep=self.time.sleep, zone=ZoneInfo("UTC")
        )
        self.updates: list[TaskUpdate] = []
        self.engine.on_update = self.updates.append

    async def admit(self, session_id: str) -> Tasks:
        record = SessionRecord(
            id=session_id,
            namespace_id=session_id,
            key_hash="k",
            device_type="web",
            client_version="1",
            created_at=1.0,
            expires_at=2.0,
        )
        await self.store.admit(record, 1)
        self.keys.begin(record.id)
        return self.engine.for_session(session_id)

    def states(self, task_id: str) -> list[TaskState]:
        return [update.task.state for update in self.updates if update.task.id == task_id and not update.say]

    def said(self) -> list[str]:
        return [update.say for update in self.updates if update.say]


@pytest.fixture(params=["local"])
async def bench() -> AsyncGenerator[Bench, None]:
    made = Bench()
    await made.engine.start()
    yield made
    await made.engine.close()


async def test_a_note_is_done_at_once_and_its_words_come_with_the_start(bench: Bench) -> None:
    tasks = await bench.admit(S)
    update = await tasks.start("note", {"text": "the key is under the mat"})
    assert update.task.state is TaskState.COMPLETED
    assert update.task.result == {"text": "the key is under the mat"}
    assert update.say == "Noted: the key is under the mat."
    assert bench.states(update.task.id) == [TaskState.SUBMITTED, TaskState.WORKING, TaskState.COMPLETED]
    assert bench.said() == []
    assert await bench.records.task(update.task.id) == update.task


async def test_a_timer_works_until_it_is_due_and_then_speaks_up(bench: Bench) -> None:
    tasks = await bench.admit(S)
    update = await tasks.start("timer", {"seconds": 300})
    assert (update.task.state, update.say) == (TaskState.WORKING, "The timer is set for five minutes.")
    await bench.time.pass_(299)
    assert bench.said() == []
    await bench.time.pass_(1)
    assert bench.said() == ["Your timer of five minutes is up."]
    [task] = await tasks.all()
    assert (task.state, task.result) == (TaskState.COMPLETED, {"seconds": 300})


async def test_a_reminder_takes_a_moment_with_any_offset_and_tells_it_in_utc(bench: Bench) -> None:
    tasks = await bench.admit(S)
    update = await tasks.start("reminder", {"text": "call Anna", "due": "2025-11-19T12:00:00+02:00"})
    assert update.task.arguments == {"text": "call Anna", "due": "2025-11-19T10:00:00Z"}
    await bench.time.pass_(3_600)
    assert bench.said() == ["Reminder: call Anna."]
    [task] = await tasks.all()
    assert task.result == {"text": "call Anna", "due": "2025-11-19T10:00:00Z"}


async def test_what_the_session_cannot_keep_is_said_so(bench: Bench) -> None:
    tasks = await bench.admit(S)
    tasks.know(language="en", ends_at=NOW.timestamp() + 3_600)
    kept = await tasks.start("timer", {"seconds": 1_800})
    lost = await tasks.start("timer", {"seconds": 7_200})
    assert "this session ends before that" not in kept.say
    assert "this session ends before that" in lost.say


async def test_tasks_speak_the_language_of_their_session(bench: Bench) -> None:
    tasks = await bench.admit(S)
    tasks.know(language="de", ends_at=NOW.timestamp() + 3_600)
    assert (await tasks.start("note", {"text": "Milch"})).say == "Notiert: Milch."


async def test_arguments_are_checked_and_the_wrong_one_is_named(bench: Bench) -> None:
    tasks = await bench.admit(S)
    for arguments, named in (
        ({"seconds": "ten"}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"minutes": 5}, "minutes"),
    ):
        with pytest.raises(InvalidArguments, match=named):
            await tasks.start("timer", arguments)
    with pytest.raises(InvalidArguments, match="due"):
        await tasks.start("reminder", {"text": "x", "due": "2025-11-19T12:00:00"})
    with pytest.raises(InvalidArguments, match="text"):
        await tasks.start("note", {"text": "x" * 2_001})
    with pytest.raises(UnknownTaskType, match=r"delete.*note.*reminder.*timer"):
        await tasks.start("goodbye", {})
    assert await tasks.all() == []


async def test_no_error_tells_what_was_said(bench: Bench) -> None:
    tasks = await bench.admit(S)
    with pytest.raises(InvalidArguments) as wrong:
        await tasks.start("timer", {"my secret is safe": 1})
    assert "secret" not in str(wrong.value)
    update = await tasks.start("broken", {"text": "my secret"})
    assert update.task.state is TaskState.FAILED
    assert update.task.error_message == "The skill broken failed (RuntimeError)"


async def test_a_question_is_asked_and_answered(bench: Bench) -> None:
    tasks = await bench.admit(S)
    asked = await tasks.start("timer", {})
    assert (asked.task.state, asked.task.question, asked.task.expects) == (
        TaskState.INPUT_REQUIRED,
        "For how long?",
        "duration",
    )
    assert asked.say == "For how long?"
    with pytest.raises(InvalidArguments, match="duration"):
        await tasks.answer(asked.task.id, "ten")
    answered = await tasks.answer(asked.task.id, 600)
    assert (answered.task.state, answered.task.arguments) == (TaskState.WORKING, {"seconds": 600})
    assert (answered.task.question, answered.task.expects) == (None, None)
    assert answered.say == "The timer is set for ten minutes."
    with pytest.raises(TaskConflict):
        await tasks.answer(asked.task.id, 600)


async def test_one_question_follows_another(bench: Bench) -> None:
    tasks = await bench.admit(S)
    asked = await tasks.start("choosy", {})
    second = await tasks.answer(asked.task.id, False)
    assert (second.task.question, second.say) == ("When?", "When?")
    done = await tasks.answer(asked.task.id, "2025-11-19T12:00:00Z")
    assert done.task.result == {"sure": False, "when": "2025-11-19T12:00:00Z"}


async def test_no_to_a_question_for_a_value_ends_the_task(bench: Bench) -> None:
    tasks = await bench.admit(S)
    asked = await tasks.start("timer", {})
    assert (await tasks.answer(asked.task.id, False)).task.state is TaskState.CANCELLED


async def test_a_question_that_nobody_answers_ends_its_task(bench: Bench) -> None:
    tasks = await bench.admit(S)
    asked = await tasks.start("timer", {})
    await bench.time.pass_(59)
    assert (await tasks.all())[0].state is TaskState.INPUT_REQUIRED
    await bench.time.pass_(1)
    assert (await tasks.all())[0].state is TaskState.CANCELLED
    with pytest.raises(TaskConflict):
        await tasks.answer(asked.task.id, 600)


async def test_deleting_asks_first_and_erases_what_was_said(bench: Bench) -> None:
    tasks = await bench.admit(S)
    note = await tasks.start("note", {"text": "a secret"})
    asked = await tasks.start("delete", {"kind": "note", "number": -1})
    assert asked.task.question == "Delete this note: a secret? Yes or no?"
    done = await tasks.answer(asked.task.id, True)
    assert (done.say, done.task.result) == ("Deleted.", {"deleted": 1})
    erased = await bench.records.task(note.task.id)
    assert erased is not None
    assert (erased.state, erased.arguments, erased.result) == (TaskState.COMPLETED, {}, None)
    assert not erased.result_available


async def test_a_question_goes_with_its_answer(bench: Bench) -> None:
    """The question of a deletion repeats what is deleted; neither stays on record."""
    tasks = await bench.admit(S)
    await tasks.start("note", {"text": "a secret"})
    asked = await tasks.start("delete", {"kind": "note"})
    await tasks.answer(asked.task.id, True)
    assert b"secret" not in msgspec.json.encode(await tasks.all())


async def test_what_is_pending_can_be_stopped_and_what_is_over_cannot(bench: Bench) -> None:
    tasks = await bench.admit(S)
    timer = await tasks.start("timer", {"seconds": 300})
    assert (await tasks.cancel(timer.task.id)).task.state is TaskState.CANCELLED
    await bench.time.pass_(1_000)
    assert bench.said() == []
    with pytest.raises(TaskConflict):
        await tasks.cancel(timer.task.id)
    with pytest.raises(TaskNotFound):
        await tasks.cancel("no such task")


async def test_a_task_of_another_session_is_not_there(bench: Bench) -> None:
    mine, theirs = await bench.admit(S), await bench.admit("session-2")
    timer = await theirs.start("timer", {"seconds": 300})
    for attempt in (mine.cancel(timer.task.id), mine.erase(timer.task.id), mine.answer(timer.task.id, 1)):
        with pytest.raises(TaskNotFound):
            await attempt


async def test_a_changed_timer_begins_anew(bench: Bench) -> None:
    tasks = await bench.admit(S)
    timer = await tasks.start("timer", {"seconds": 300})
    await bench.time.pass_(200)
    changed = await tasks.change(timer.task.id, {"seconds": 600})
    assert (changed.task.id, changed.task.state) == (timer.task.id, TaskState.WORKING)
    assert changed.say == "The timer is set for ten minutes."
    await bench.time.pass_(599)
    assert bench.said() == []
    await bench.time.pass_(1)
    assert bench.said() == ["Your timer of ten minutes is up."]
    assert len(await tasks.all()) == 1


async def test_a_change_that_is_wrong_changes_nothing(bench: Bench) -> None:
    tasks = await bench.admit(S)
    timer = await tasks.start("timer", {"seconds": 300})
    with pytest.raises(InvalidArguments):
        await tasks.change(timer.task.id, {"seconds": -1})
    await bench.time.pass_(300)
    assert bench.said() == ["Your timer of five minutes is up."]


async def test_an_asking_task_that_is_changed_asks_no_more(bench: Bench) -> None:
    tasks = await bench.admit(S)
    asked = await tasks.start("timer", {})
    changed = await tasks.change(asked.task.id, {"seconds": 60})
    assert (changed.task.state, changed.task.question) == (TaskState.WORKING, None)
    await bench.time.pass_(60)
    assert bench.said() == ["Your timer of one minute is up."]


async def test_two_run_and_others_wait_for_their_turn(bench: Bench) -> None:
    tasks = await bench.admit(S)
    started = [(await tasks.start("hang", {})).task for _ in range(RUNNING_AT_ONCE)]
    assert {task.state for task in started} == {TaskState.WORKING}
    waiting = await tasks.start("note", {"text": "later"})
    assert (waiting.task.state, waiting.say) == (TaskState.SUBMITTED, "")
    await tasks.cancel(started[0].id)
    await settle()
    assert (await tasks.all())[-1].state is TaskState.COMPLETED
    assert bench.said() == ["Noted: later."]


async def test_a_task_that_waits_takes_no_place_of_one_that_runs(bench: Bench) -> None:
    tasks = await bench.admit(S)
    for _ in range(10):
        assert (await tasks.start("timer", {"seconds": 300})).task.state is TaskState.WORKING
    for _ in range(RUNNING_AT_ONCE):
        await tasks.start("hang", {})
    await bench.time.pass_(300)
    assert bench.said() == ["Your timer of five minutes is up."] * 10


async def test_a_queued_task_can_be_changed_and_stopped(bench: Bench) -> None:
    tasks = await bench.admit(S)
    hanging = [(await tasks.start("hang", {})).task.id for _ in range(RUNNING_AT_ONCE)]
    first, second = [(await tasks.start("timer", {"seconds": 60})).task.id for _ in range(2)]
    changed = await tasks.change(first, {"seconds": 120})
    assert (changed.task.state, changed.task.arguments) == (TaskState.SUBMITTED, {"seconds": 120})
    assert (await tasks.cancel(second)).task.state is TaskState.CANCELLED
    await tasks.cancel(hanging[0])
    await settle()
    assert [task.state for task in await tasks.all()][2:] == [TaskState.WORKING, TaskState.CANCELLED]
    await bench.time.pass_(120)
    assert bench.said()[-1] == "Your timer of two minutes is up."


async def test_too_many_pending_tasks_are_rejected(bench: Bench) -> None:
    tasks = await bench.admit(S)
    for _ in range(PENDING_AT_MOST):
        await tasks.start("timer", {"seconds": 300})
    rejected = await tasks.start("timer", {"seconds": 300})
    assert rejected.task.state is TaskState.REJECTED
    assert rejected.task.error_message is not None
    await tasks.cancel((await tasks.all())[0].id)
    assert (await tasks.start("timer", {"seconds": 300})).task.state is TaskState.WORKING


async def test_no_more_than_so_many_are_kept(bench: Bench) -> None:
    tasks = await bench.admit(S)
    for _ in range(KEPT_AT_MOST):
        await tasks.start("note", {"text": "x"})
    assert (await tasks.start("note", {"text": "x"})).task.state is TaskState.REJECTED
    assert len(await tasks.all()) == KEPT_AT_MOST


async def test_a_forgotten_session_has_nothing_and_gets_nothing(bench: Bench) -> None:
    tasks = await bench.admit(S)
    await tasks.start("note", {"text": "x"})
    for type_ in ("timer", "hang", "stubborn", "choosy"):
        await tasks.start(type_, {"seconds": 5} if type_ == "timer" else {})
    await bench.engine.forget(S)
    seen = len(bench.updates)
    assert await bench.records.tasks_of(S) == []
    await bench.time.pass_(1_000)
    assert await bench.records.tasks_of(S) == []
    assert len(bench.updates) == seen
    with pytest.raises(SessionNotFound):
        await tasks.start("note", {"text": "too late"})


async def test_a_skill_that_goes_on_after_it_was_stopped_is_not_heard(bench: Bench) -> None:
    tasks = await bench.admit(S)
    update = await tasks.start("stubborn", {"seconds": 100})
    await tasks.cancel(update.task.id)
    await settle()
    assert bench.said() == []
    assert (await tasks.all())[0].state is TaskState.CANCELLED


async def test_a_skill_that_stops_itself_is_cancelled_and_frees_its_place(bench: Bench) -> None:
    tasks = await bench.admit(S)
    for _ in range(RUNNING_AT_ONCE + 1):
        assert (await tasks.start("resigned", {})).task.state is TaskState.CANCELLED
    assert (await tasks.start("note", {"text": "x"})).task.state is TaskState.COMPLETED


async def test_a_task_that_is_stopped_before_its_first_step_frees_its_place(bench: Bench) -> None:
    tasks = await bench.admit(S)
    for _ in range(RUNNING_AT_ONCE + 1):
        starting = asyncio.create_task(tasks.start("hang", {}))
        while not await tasks.all() or (await tasks.all())[-1].state is TaskState.CANCELLED:
            await asyncio.sleep(0)
        await tasks.cancel((await tasks.all())[-1].id)
        await starting
    assert (await tasks.start("note", {"text": "x"})).task.state is TaskState.COMPLETED


async def test_thousands_of_tasks_leave_nothing_running(bench: Bench) -> None:
    before = len(asyncio.all_tasks())
    for number in range(20):
        tasks = await bench.admit(f"s{number}")
        for _ in range(PENDING_AT_MOST):
            await tasks.start("timer", {"seconds": 300})
    for number in range(20):
        await bench.engine.forget(f"s{number}")
    await settle()
    gc.collect()
    assert len(asyncio.all_tasks()) == before


async def test_closing_stops_everything(bench: Bench) -> None:
    before = len(asyncio.all_tasks())
    tasks = await bench.admit(S)
    for type_ in ("timer", "hang", "choosy"):
        await tasks.start(type_, {"seconds": 5} if type_ == "timer" else {})
    await bench.engine.close()
    await settle()
    assert len(asyncio.all_tasks()) == before


async def test_how_far_a_task_has_come_is_told_but_not_too_often(bench: Bench) -> None:
    tasks = await bench.admit(S)
    task = (await tasks.start("stepping", {})).task
    await settle()
    await bench.time.pass_(2)
    told = [
        (update.task.progress, update.task.progress_message, update.moved)
        for update in bench.updates
        if update.task.progress_message is not None
    ]
    assert told == [(0.25, "first step", False), (None, "last step", False)]
    erased = (await tasks.erase(task.id)).task
    assert (erased.state, erased.progress_message) == (TaskState.CANCELLED, None)


async def test_a_skill_that_gives_up_says_why_to_its_client_only(bench: Bench) -> None:
    tasks = await bench.admit(S)
    task = (await tasks.start("honest", {"text": "the password"})).task
    assert (task.state, task.error_message) == (TaskState.FAILED, "It does not know the password")
    assert str(SkillFailed("the password")) == ""
