"""The operator page and its data, of real servers."""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import pytest
import structlog

from sottovoce.http.pages import WEB
from sottovoce.live.overview import Overview
from tests.http.conftest import PROVEN, Serve, Server
from tests.http.test_pages import MOST_BYTES, page_files
from tests.http.test_stream import speak, speech

PASSWORD = "correct horse battery"  # noqa: S105 - a test's
PATHS = ("/operator", "/operator/data", "/web/operator/operator.js", "/web/vendor/uplot/uPlot.iife.min.js")
CANARY = "xylophone"


@pytest.fixture
async def watched(serve: Serve) -> Server:
    return await serve(operator=True)


async def data(server: Server) -> Overview:
    """As of now: what a second ago was asked for may be told again."""
    await asyncio.sleep(0.6)
    response = await server.http.get("/operator/data")
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=Overview)


def assert_is_problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert response.json()["code"] == code
    assert response.headers["cache-control"] == "no-store"


async def test_it_is_off_unless_turned_on(server: Server) -> None:
    for path in PATHS:
        assert_is_problem(await server.http.get(path), 404, "not_found")
    for path in ("/web/./operator/operator.js", "/web//operator/operator.js", "/web/talk/../operator/operator.js",
                 "/web/talk/%2e%2e/operator/operator.js", "/web/%6fperator/operator.js"):  # fmt: skip
        assert (await server.http.get(path)).status_code == 404, path


async def test_on_this_machine_it_opens_without_a_password(watched: Server) -> None:
    for path in PATHS:
        response = await watched.http.get(path)
        assert response.status_code == 200, path
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


async def test_under_a_foreign_name_it_does_not(watched: Server) -> None:
    for path in PATHS:
        response = await watched.http.get(path, headers={"host": "evil.example"})
        assert_is_problem(response, 403, "operator_elsewhere")
        assert "SOTTOVOCE_OPERATOR_PASSWORD" in response.json()["detail"]


async def test_pages_that_may_use_the_server_may_not_watch_it(serve: Serve) -> None:
    server = await serve(operator=True, allowed_origins="https://app.example.org")
    response = await server.http.get("/operator/data", headers={"origin": "https://app.example.org"})
    assert_is_problem(response, 403, "operator_elsewhere")


async def test_with_a_password_it_wants_that(serve: Serve) -> None:
    server = await serve(operator=True, operator_password=PASSWORD, public_url="https://voice.example.org", **PROVEN)
    for path in PATHS:
        response = await server.http.get(path)
        assert_is_problem(response, 401, "operator_unknown")
        assert response.headers["www-authenticate"].startswith("Basic realm=")
        assert (await server.http.get(path, auth=("operator", "wrong"))).status_code == 401
        assert (await server.http.get(path, auth=("operator", PASSWORD))).status_code == 200, path


async def test_guesses_are_refused_with_the_time_to_wait(serve: Serve) -> None:
    server = await serve(operator=True, operator_password=PASSWORD, trusted_proxies="127.0.0.1")
    guesser = {"x-forwarded-for": "192.0.2.1"}
    for _ in range(10):
        await server.http.get("/operator/data", auth=("operator", "wrong"), headers=guesser)
    response = await server.http.get("/operator/data", auth=("operator", PASSWORD), headers=guesser)
    assert_is_problem(response, 429, "operator_guesses")
    assert 1 <= int(response.headers["retry-after"]) <= 10
    other = {"x-forwarded-for": "198.51.100.7"}
    assert (await server.http.get("/operator/data", auth=("operator", PASSWORD), headers=other)).status_code == 200


async def test_passwords_are_in_no_log(serve: Serve) -> None:
    with structlog.testing.capture_logs() as logged:
        server = await serve(operator=True, operator_password=PASSWORD)
        for tried in (PASSWORD, f"wrong {CANARY}"):
            await server.http.get("/operator", auth=("operator", tried))
    assert PASSWORD not in str(logged)
    assert CANARY not in str(logged)


async def test_only_reading_is_possible(watched: Server) -> None:
    for path in ("/operator", "/operator/data"):
        assert_is_problem(await watched.http.post(path), 405, "method_not_allowed")


def keys(value: object) -> set[str]:
    """Of all objects within."""
    if isinstance(value, Mapping):
        return set(value).union(*(keys(each) for each in value.values()))
    return set().union(*(keys(each) for each in value)) if isinstance(value, list) else set()


def texts(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return set().union(*(texts(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(texts(each) for each in value))
    return {value} if isinstance(value, str) else set()


async def test_nothing_that_was_said_and_no_name_is_told(watched: Server) -> None:
    session = await watched.session(f"ns.{CANARY}")
    async with watched.stream(session["websocket_url"]) as stream:
        await stream.type(f"take a note that the {CANARY} is out of tune")
        await stream.until("response.done")
        await stream.ws.send(json.dumps({"type": CANARY}))
        await stream.until("error")
        await asyncio.sleep(0.6)
        text = (await watched.http.get("/operator/data")).text
    tasks = (await watched.http.get(f"/api/v1/sessions/{session['id']}/tasks")).json()
    assert CANARY not in text
    for id_ in (session["id"], tasks[0]["id"]):
        assert id_ not in text
        assert id_[9:] not in text
    words = {"recogniser", "synthesiser", "instant", "active", "idle", "thinking", "speaking", "web"}
    assert texts(json.loads(text)) - words - {session["id"][:8], json.loads(text)["version"]} == set()
    assert "unknown_event_type" in keys(json.loads(text))


async def test_a_session_is_followed_from_its_opening_to_its_end(watched: Server) -> None:
    session = await watched.session()
    seen = await data(watched)
    assert (seen.sessions.live, seen.sessions.by_status) == (1, {"created": 1, "active": 0, "suspended": 0})
    async with watched.stream(session["websocket_url"]) as stream:
        await stream.type("remind me to buy milk in ten minutes")
        await stream.until("response.done")
        seen = await data(watched)
        assert seen.sessions.by_status == {"created": 0, "active": 1, "suspended": 0}
        assert seen.sessions.by_turn["idle"] + seen.sessions.by_turn["speaking"] == 1
        assert seen.tasks.pending == {"submitted": 0, "working": 1, "input_required": 0}
        row = seen.newest[0]
        assert (row.id, row.status, row.tasks, row.device_type) == (session["id"][:8], "active", 1, "web")
        assert row.messages == 2
    while (seen := await data(watched)).sessions.by_status["suspended"] == 0:
        await asyncio.sleep(0)
    await watched.http.delete(f"/api/v1/sessions/{session['id']}")
    seen = await data(watched)
    assert (seen.sessions.live, seen.sessions.by_status["suspended"], seen.newest) == (0, 0, [])
    assert (seen.sessions.opened, seen.sessions.ended) == (1, {"client_closed": 1})
    assert seen.tasks.pending == {"submitted": 0, "working": 0, "input_required": 0}
    assert set(seen.sessions.by_turn.values()) == {0}


async def test_speech_shows_as_turns_latencies_and_frames(watched: Server) -> None:
    async with watched.stream() as stream:
        await data(watched)  # a first sample of all totals is there by then
        sent = speech()
        await speak(stream, sent)
        await stream.until("output_audio_buffer.started")
        during = watched.hub.node.census.turns
        await stream.until("response.done")
        assert during["speaking"] + during["thinking"] == 1
        assert watched.hub.node.census.frames == -(-len(sent) // 640)
        await asyncio.sleep(2)
        seen = await data(watched)
    assert (seen.latency.answer.count, seen.latency.transcription.count) == (1, 1)
    assert 0 <= (seen.latency.transcription.p99_ms or 0) <= (seen.latency.answer.p50_ms or 0) < 5_000
    assert min(seen.rates.turns or 0, seen.rates.answers or 0, seen.rates.frames or 0) > 0
    assert (seen.process.cpu_percent or 0) > 0
    assert {engine.role: engine.ready for engine in seen.engines} == {"recogniser": True, "synthesiser": True}


async def test_turns_are_back_at_zero_when_everybody_has_gone_in_the_middle_of_something(watched: Server) -> None:
    async def leaves_while_spoken_to() -> None:
        session = await watched.session()
        async with watched.stream(session["websocket_url"]) as stream:
            await stream.type("what time is it")
            await stream.until("output_audio_buffer.started")
            await watched.http.delete(f"/api/v1/sessions/{session['id']}")
            await stream.closed()

    await asyncio.gather(*(leaves_while_spoken_to() for _ in range(5)))
    census = watched.hub.node.census
    assert set(census.turns.values()) == {0}
    assert +census.sessions == {}


async def test_what_comes_long_after_a_turn_without_an_answer_is_no_latency(watched: Server) -> None:
    async with watched.stream() as stream:
        turns = {"create_response": False, "type": "server_vad"}
        await stream.send(
            type="session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": turns}}}
        )
        await stream.until("session.updated")
        await speak(stream, speech())
        await stream.until("conversation.item.input_audio_transcription.completed")
        await stream.type("what time is it")
        await stream.until("output_audio_buffer.started")
        assert (await data(watched)).latency.answer.count == 0


async def test_what_was_refused_is_counted_by_its_code(serve: Serve) -> None:
    server = await serve(operator=True, max_sessions_per_user=1)
    session = await server.session()
    await server.create()
    async with server.stream(session["websocket_url"]) as stream:
        await stream.ws.send("{")
        await stream.until("error")
    async with server.stream(session["websocket_url"]) as stream:
        assert (await stream.closed())[0] == 4401
    seen = await data(server)
    assert seen.sessions.refused == {"too_many_sessions": 1}
    assert seen.drops.streams == {"4401": 1}
    assert seen.drops.bad_messages == {"invalid_json": 1}
    assert (seen.admission.live, seen.admission.room) == (1, 99_999)


async def test_all_the_page_needs_comes_from_here_and_is_small(watched: Server) -> None:
    files = await page_files(watched.http, "/operator")
    assert {"/web/operator/charts.js", "/web/vendor/uplot/uPlot.iife.min.js", "/web/talk/dom.js"} <= files.keys()
    assert sum(map(len, files.values())) <= MOST_BYTES


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (WEB / "operator" / "index.html").read_text(encoding="utf-8")
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)
    assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=')
