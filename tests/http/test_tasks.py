import asyncio
from typing import Any

import pytest

from tests.http.conftest import Serve, Server


async def _task(server: Server, type_: str, **arguments: Any) -> dict[str, Any]:
    session = await server.session()
    response = await server.http.post(
        f"/api/v1/sessions/{session['id']}/tasks", json={"type": type_, "arguments": arguments}
    )
    assert response.status_code == 200, response.text
    view: dict[str, Any] = response.json()
    return view


async def test_a_task_is_started_without_a_word_and_its_result_fetched(server: Server) -> None:
    task = await _task(server, "note", text="the projector is broken")
    assert {"id", "session_id", "type", "state", "created_at", "updated_at", "result_available",
            "error_message"} <= set(task)  # fmt: skip
    assert (task["type"], task["state"], task["result_available"]) == ("note", "completed", True)
    assert (await server.http.get(f"/api/v1/tasks/{task['id']}")).json() == task
    result = (await server.http.get(f"/api/v1/tasks/{task['id']}/result")).json()
    assert result == {"id": task["id"], "result": {"text": "the projector is broken"}, "sealed": None}


async def test_tasks_are_listed_by_state(server: Server) -> None:
    timer = await _task(server, "timer", seconds=600)
    path = f"/api/v1/sessions/{timer['session_id']}/tasks"
    assert [task["id"] for task in (await server.http.get(path + "?state=working")).json()] == [timer["id"]]
    assert (await server.http.get(path + "?state=completed")).json() == []
    assert (await server.http.get(path + "?state=lost")).status_code == 422
    assert (await server.http.get(f"/api/v1/sessions/{timer['session_id']}")).json()["pending_tasks"] == 1


async def test_a_task_is_cancelled_once(server: Server) -> None:
    timer = await _task(server, "timer", seconds=600)
    path = f"/api/v1/tasks/{timer['id']}"
    not_ready = await server.http.get(path + "/result")
    assert (not_ready.status_code, not_ready.json()["code"]) == (409, "result_not_ready")
    assert (await server.http.post(path + "/cancel")).json()["state"] == "cancelled"
    again = await server.http.post(path + "/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "task_conflict")


@pytest.mark.parametrize(("value", "state", "kept"), [(True, "completed", 0), (False, "cancelled", 1)])
async def test_what_cannot_be_undone_asks_first(server: Server, value: bool, state: str, kept: int) -> None:
    note = await _task(server, "note", text="milk")
    session_path = f"/api/v1/sessions/{note['session_id']}/tasks"
    asking = (await server.http.post(session_path, json={"type": "delete", "arguments": {"kind": "note"}})).json()
    assert (asking["state"], asking["expects"]) == ("input_required", "yes_no")
    assert asking["question"]
    wrong = await server.http.post(f"/api/v1/tasks/{asking['id']}/input", json={"value": "perhaps"})
    assert wrong.status_code == 422
    answered = (await server.http.post(f"/api/v1/tasks/{asking['id']}/input", json={"value": value})).json()
    assert answered["state"] in {state, "completed"}
    left = (await server.http.get(f"/api/v1/tasks/{note['id']}")).json()
    assert len(left["arguments"]) == kept
    late = await server.http.post(f"/api/v1/tasks/{asking['id']}/input", json={"value": True})
    assert late.status_code == 409


async def test_what_cannot_be_is_said_clearly(server: Server) -> None:
    path = f"/api/v1/sessions/{(await server.session())['id']}/tasks"
    unknown = await server.http.post(path, json={"type": "fly", "arguments": {}})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_task_type")
    assert "reminder" in unknown.json()["detail"]
    for arguments in ({"minutes": 5}, {"seconds": "soon"}, {"seconds": -5}):
        invalid = await server.http.post(path, json={"type": "timer", "arguments": arguments})
        assert (invalid.status_code, invalid.json()["code"]) == (422, "invalid_arguments")
        assert "seconds" in invalid.json()["detail"]
    half = await server.http.post(
        path, content=b'{"type":"note","arguments":{"text":"a\\ud800b"}}', headers={"content-type": "application/json"}
    )
    assert half.status_code == 422
    for due in ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"):
        body = {"type": "reminder", "arguments": {"text": "x", "due": due}}
        beyond = await server.http.post(path, json=body)
        assert (beyond.status_code, beyond.json()["code"]) == (422, "invalid_arguments")
        assert "due" in beyond.json()["detail"]
    assert (await server.http.get(path)).json() == []
    for method, suffix in (("GET", ""), ("POST", "/cancel"), ("GET", "/result")):
        missing = await server.http.request(method, f"/api/v1/tasks/nope{suffix}")
        assert (missing.status_code, missing.json()["code"]) == (404, "task_not_found")


async def test_a_timer_speaks_up_when_it_is_due_and_its_event_comes_at_once(server: Server) -> None:
    async with server.stream() as stream:
        await stream.type("set a timer for one second")
        await stream.until("response.done")
        completed = await stream.until("task.completed")
        assert completed["task"]["type"] == "timer"
        assert completed["result"]["seconds"] == 1
        done = await stream.until("response.done")
        assert "timer" in done["response"]["output"][0]["content"][0]["transcript"].lower()
        told = [event for event in stream.events if event["type"].startswith("task.")]
        assert [event["task"]["state"] for event in told] == ["submitted", "working", "completed"]


async def test_a_stream_is_told_of_tasks_that_were_there_before_it(serve: Serve) -> None:
    server = await serve(idle_timeout_seconds=1.0)
    session = await server.session()
    path = f"/api/v1/sessions/{session['id']}/tasks"
    await server.http.post(path, json={"type": "note", "arguments": {"text": "the key"}})
    await server.http.post(path, json={"type": "delete", "arguments": {"kind": "note"}})
    await server.http.post(path, json={"type": "timer", "arguments": {"seconds": 3}})
    async with server.stream(session["websocket_url"]) as stream:
        asked = await stream.until("response.done")
        assert "Delete this note" in asked["response"]["output"][0]["content"][0]["transcript"]
        told = [event["task"]["type"] for event in stream.events if event["type"] == "task.created"]
        assert told == ["note", "delete", "timer"]
        await stream.type("no")
        while (await stream.until("task.completed"))["task"]["type"] != "timer":  # it is not cut off for silence
            pass


async def test_two_tasks_run_while_the_talk_goes_on(server: Server) -> None:
    async with server.stream() as stream:
        await stream.send(type="session.update", session={"output_modalities": ["text"]})
        for sentence in ("set a timer for one second", "set a timer for two seconds", "what time is it"):
            await stream.type(sentence)
            await stream.until("response.done")
        results = [(await stream.until("task.completed"))["result"]["seconds"] for _ in range(2)]
        assert results == [1, 2]


async def test_nothing_of_a_session_is_left_when_its_deletion_is_answered(server: Server) -> None:
    timer = await _task(server, "timer", seconds=1)
    await server.http.delete(f"/api/v1/sessions/{timer['session_id']}")
    assert (await server.http.get(f"/api/v1/tasks/{timer['id']}")).status_code == 404
    await asyncio.sleep(1.2)
    assert (await server.http.get(f"/api/v1/tasks/{timer['id']}")).status_code == 404
