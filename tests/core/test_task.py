import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.task import PENDING, TRANSITIONS, Task, TaskSignal, TaskState, move
from sottovoce.errors import TaskConflict


def task(state: TaskState = TaskState.SUBMITTED) -> Task:
    return Task(id="t", session_id="s", type="note", state=state, created_at=1.0, updated_at=1.0)


def test_a_task_asks_and_goes_on() -> None:
    asking = move(move(task(), TaskSignal.START, 2.0), TaskSignal.ASK, 3.0, question="Sure?")
    assert (asking.state, asking.question, asking.updated_at) == (TaskState.INPUT_REQUIRED, "Sure?", 3.0)
    answered = move(asking, TaskSignal.ANSWER, 4.0)
    assert (answered.state, answered.question) == (TaskState.WORKING, None)


def test_a_result_is_there_once_it_is_completed() -> None:
    done = move(move(task(), TaskSignal.START, 2.0), TaskSignal.COMPLETE, 3.0, result={"text": "milk"})
    assert done.result_available
    assert not done.pending


def test_what_has_ended_stays_as_it_is() -> None:
    for state in set(TaskState) - PENDING:
        for signal in TaskSignal:
            with pytest.raises(TaskConflict):
                move(task(state), signal, 2.0)


def test_every_pending_task_can_be_cancelled() -> None:
    assert all((state, TaskSignal.CANCEL) in TRANSITIONS for state in PENDING)


@given(st.lists(st.sampled_from(TaskSignal), max_size=30))
def test_it_ends_once(signals: list[TaskSignal]) -> None:
    now = task()
    for signal in signals:
        if (now.state, signal) in TRANSITIONS:
            assert now.pending
            now = move(now, signal, 2.0)
    assert now.state in TaskState
