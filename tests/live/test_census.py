"""The census counts where things change; here it is compared with a walk over all sessions after anything happened."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core import session, task
from sottovoce.core.session import Session, SessionLimits, Signal, Status
from sottovoce.core.task import Task, TaskSignal, TaskState
from sottovoce.live.census import Census
from sottovoce.live.session import LiveSession
from sottovoce.orchestrator.base import TaskUpdate
from sottovoce.store.base import SessionRecord
from sottovoce.vault import tickets


def live_session(census: Census, number: int = 0) -> LiveSession:
    record = SessionRecord(
        id=f"{number}",
        namespace_id="a",
        key_hash="b",
        device_type="web",
        client_version="1",
        created_at=0.0,
        expires_at=1.0,
    )
    return LiveSession(record, Session(SessionLimits(), 0.0), tickets.issue(0.0, 30.0)[1], census)


def a_task(state: TaskState, id_: str = "t") -> Task:
    return Task(id=id_, session_id="0", type="note", state=state, created_at=0.0, updated_at=0.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(Signal)), max_size=40))
def test_sessions_are_counted_as_a_walk_would(signals: list[tuple[int, Signal]]) -> None:
    census = Census()
    lives = [live_session(census, number) for number in range(4)]
    for number, signal in signals:
        if (lives[number].session.status, signal) in session.TRANSITIONS:
            lives[number].receive(signal, 1.0)
    walked = Counter(each.session.status for each in lives if each.session.live)
    assert +census.sessions == walked
    assert +census.turns == Counter(idle=walked.total()) or not walked


def test_a_session_that_is_due_is_counted_too() -> None:
    census = Census()
    live = live_session(census)
    live.due(31.0)
    assert (live.session.status, +census.sessions) == (Status.CLOSED, Counter())


@given(st.lists(st.sampled_from(TaskSignal), max_size=12))
def test_tasks_are_counted_by_their_state(signals: list[TaskSignal]) -> None:
    census = Census()
    live = live_session(census)
    state = TaskState.SUBMITTED
    live.on_task(TaskUpdate(task=a_task(state)))
    for signal in signals:
        state = task.TRANSITIONS.get((state, signal), state)
        live.on_task(TaskUpdate(task=a_task(state)))
    pending = state in task.PENDING
    assert +census.tasks_pending == (Counter([state]) if pending else Counter())
    assert live.pending_tasks == pending
    if state is not TaskState.REJECTED:
        assert +census.tasks_ended == (Counter() if pending else Counter([state]))


def test_a_task_that_is_refused_at_once_counts() -> None:
    census = Census()
    live_session(census).on_task(TaskUpdate(task=a_task(TaskState.REJECTED)))
    assert census.tasks_ended[TaskState.REJECTED] == 1


def test_pending_tasks_go_with_their_session() -> None:
    census = Census()
    live = live_session(census)
    live.on_task(TaskUpdate(task=a_task(TaskState.WORKING, "1")))
    live.on_task(TaskUpdate(task=a_task(TaskState.INPUT_REQUIRED, "2")))
    live.receive(Signal.CLIENT_CLOSED, 1.0)
    assert +census.tasks_pending == Counter()
    assert +census.tasks_ended == Counter()


class Ear:
    def __init__(self, frames: int) -> None:
        self.chunks_received = frames


@pytest.mark.parametrize("times", [1, 2])
def test_frames_stay_counted_when_their_session_is_gone(times: int) -> None:
    census, first, second = Census(), Ear(0), Ear(7)
    census.ear_opened(first)
    census.ear_opened(second)
    first.chunks_received = 5
    for _ in range(times):
        census.ear_closed(first)
    second.chunks_received += 1
    assert census.frames == 13
