import asyncio
from typing import Any

from tests.http.conftest import Server
from tests.http.test_stream import speak, speech


async def resumed(server: Server, session_id: str, last_event_id: str | None = None) -> str:
    """The address of the session's stream, with a fresh ticket."""
    response = await server.http.post(f"/api/v1/sessions/{session_id}/resume")
    assert response.status_code == 200, response.text
    url: str = response.json()["websocket_url"]
    return url if last_event_id is None else f"{url}&last_event_id={last_event_id}"


async def status(server: Server, session_id: str) -> str:
    view: dict[str, Any] = (await server.http.get(f"/api/v1/sessions/{session_id}")).json()
    return str(view["status"])


async def until_status(server: Server, session_id: str, wanted: str) -> None:
    async with asyncio.timeout(10):
        while await status(server, session_id) != wanted:
            await asyncio.sleep(0.02)


def number(event: dict[str, Any]) -> int:
    return int(event["event_id"].removeprefix("event_"))


async def test_a_client_that_is_back_gets_what_it_missed_once_and_in_order(server: Server) -> None:
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await stream.type("set a timer for one hour")
        await stream.until("response.done")
        before = stream.events
        stream.ws.transport.abort()
    await until_status(server, session["id"], "suspended")
    note = {"type": "note", "arguments": {"text": "the key is under the mat"}}
    assert (await server.http.post(f"/api/v1/sessions/{session['id']}/tasks", json=note)).status_code == 200
    async with server.stream(await resumed(server, session["id"], before[-1]["event_id"])) as stream:
        await stream.until("session.created")
        missed = stream.kinds()[:-1]
        assert {"task.created", "task.completed"} <= set(missed)
        assert [number(event) for event in before + stream.events] == list(
            range(1, len(before) + len(stream.events) + 1)
        )
        assert await status(server, session["id"]) == "active"
        tasks = (await server.http.get(f"/api/v1/sessions/{session['id']}/tasks")).json()
        assert [task["type"] for task in tasks] == ["timer", "note"]


async def test_a_sentence_goes_on_where_the_connection_broke(server: Server) -> None:
    sound = speech()
    whole = await heard_at_once(server, sound)
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await speak(stream, sound[:48_000])
        started = await stream.until("input_audio_buffer.speech_started")
        last = stream.events[-1]["event_id"]
        stream.ws.transport.abort()
    await until_status(server, session["id"], "suspended")
    async with server.stream(await resumed(server, session["id"], last)) as stream:
        await stream.until("session.created")
        had_ms = (await stream.until("input_audio_buffer.acknowledged"))["audio_end_ms"]
        await speak(stream, sound[had_ms * 32 :] + bytes(32_000))
        stopped = await stream.until("input_audio_buffer.speech_stopped")
    assert stopped["item_id"] == started["item_id"]
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == whole


async def heard_at_once(server: Server, sound: bytes) -> tuple[int, int]:
    async with server.stream() as stream:
        await speak(stream, sound + bytes(32_000))
        started = await stream.until("input_audio_buffer.speech_started")
        stopped = await stream.until("input_audio_buffer.speech_stopped")
    return started["audio_start_ms"], stopped["audio_end_ms"]


async def test_the_newest_connection_wins(server: Server) -> None:
    session = await server.session()
    async with server.stream(session["websocket_url"]) as older:
        await older.until("session.created")
        async with server.stream(await resumed(server, session["id"])) as newer:
            assert (await older.closed())[0] == 4409
            await newer.until("session.created")
            await newer.type("what time is it")
            await newer.until("response.done")
            assert await status(server, session["id"]) == "active"


async def test_a_ticket_is_void_once_there_is_a_newer_one(server: Server) -> None:
    session = await server.session()
    newest = await resumed(server, session["id"])
    async with server.stream(session["websocket_url"]) as stream:
        assert (await stream.closed())[0] == 4401
    async with server.stream(newest) as stream:
        await stream.until("session.created")


async def test_what_is_over_cannot_be_resumed(server: Server) -> None:
    session = await server.session()
    await server.http.delete(f"/api/v1/sessions/{session['id']}")
    response = await server.http.post(f"/api/v1/sessions/{session['id']}/resume")
    assert (response.status_code, response.json()["detail"]) == (404, "Session not found")


async def test_events_that_are_too_old_to_be_sent_again_are_counted(server: Server) -> None:
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await stream.until("session.created")
        for _ in range(130):
            await stream.send(type="input_audio_buffer.clear")
        await stream.send(type="session.update", session={"instructions": "x" * 3_900})
        await stream.until("session.updated")
        for _ in range(20):
            await stream.send(type="session.update", session={"instructions": "x" * 3_900})
            await stream.until("session.updated")
        stream.ws.transport.abort()
    await until_status(server, session["id"], "suspended")
    async with server.stream(await resumed(server, session["id"], "event_0000000001")) as stream:
        error = (await stream.until("error"))["error"]
        assert (error["code"], error["type"]) == ("events_lost", "server_error")
        await stream.type("hello")
        await stream.until("response.done")
