import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import datetime
from pathlib import Path

import pytest

from tests.http.conftest import KEY, Serve, Server
from tests.http.credentials import KeyFile, bearer

NOT_FOUND = {"status": 404, "detail": "Session not found", "code": "session_not_found"}


async def test_a_session_is_opened(server: Server) -> None:
    response = await server.create()
    assert response.status_code == 200
    view = response.json()
    assert set(view) == {"id", "namespace_id", "status", "created_at", "websocket_url", "session_key"}
    assert len(view["session_key"]["plain"]) == 43
    assert (view["namespace_id"], view["status"]) == ("school.1", "created")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", view["id"])
    assert view["created_at"].endswith("Z")
    datetime.fromisoformat(view["created_at"])
    host = server.http.base_url.netloc.decode()
    assert view["websocket_url"].startswith(f"ws://{host}/ws/voice?session_id={view['id']}&")


@pytest.mark.parametrize("key_hash", ["", "abc", "sha256:" + "g" * 64, "sha256:" + "a" * 63, "a" * 999])
async def test_a_malformed_key_hash_is_401_in_the_contracts_words(server: Server, key_hash: str) -> None:
    response = await server.create(key_hash=key_hash)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "Invalid encryption key hash"
    assert response.json()["code"] == "invalid_key_hash"


async def test_a_namespace_is_pinned_to_the_key_it_showed_while_it_lives(server: Server) -> None:
    first = await server.session()
    other = "sha256:" + "b" * 64
    assert (await server.create(key_hash=other)).status_code == 401
    assert (await server.create("school.2", other)).status_code == 200
    assert (await server.create(key_hash="sha256:" + "A" * 64)).status_code == 200
    for session in (await server.http.get("/api/v1/sessions?namespace_id=school.1")).json()["sessions"]:
        await server.http.delete(f"/api/v1/sessions/{session['id']}")
    assert (await server.http.get(f"/api/v1/sessions/{first['id']}")).status_code == 404
    assert (await server.create(key_hash=other)).status_code == 200


async def test_of_200_concurrent_tries_for_5_slots_exactly_5_are_admitted(server: Server) -> None:
    responses = await asyncio.gather(*(server.create() for _ in range(200)))
    assert sorted(r.status_code for r in responses) == [200] * 5 + [429] * 195
    refused = next(r for r in responses if r.status_code == 429)
    assert refused.json()["detail"] == "Maximum 5 concurrent sessions allowed"
    assert refused.json()["code"] == "too_many_sessions"
    assert int(refused.headers["retry-after"]) > 0


async def test_the_limit_is_a_setting(serve: Serve) -> None:
    server = await serve(max_sessions_per_user=2)
    assert [(await server.create()).status_code for _ in range(3)] == [200, 200, 429]
    assert (await server.create()).json()["detail"] == "Maximum 2 concurrent sessions allowed"


async def test_a_server_with_no_room_says_so(serve: Serve) -> None:
    server = await serve(max_sessions=3)
    assert [(await server.create(f"n{n}")).status_code for n in range(4)] == [200, 200, 200, 503]
    refused = await server.create("n9")
    assert refused.json()["code"] == "node_full"
    assert int(refused.headers["retry-after"]) > 0


async def test_a_server_that_lags_takes_no_new_session(serve: Serve) -> None:
    server = await serve(max_lag_ms=10)
    server.hub._pulse.lag_s = 5.0
    refused = await server.create()
    assert (refused.status_code, refused.json()["code"]) == (503, "node_overloaded")
    assert "retry-after" in refused.headers


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"namespace_id": None}, "namespace_id"),
        ({"namespace_id": ""}, "namespace_id"),
        ({"namespace_id": "a" * 129}, "namespace_id"),
        ({"namespace_id": "no blanks"}, "namespace_id"),
        ({"namespace_id": 5}, "namespace_id"),
        ({"key_hash": None}, "key_hash"),
        ({"key_hash": 5}, "key_hash"),
        ({"device_type": "Web"}, "device_type"),
        ({"device_type": "a" * 33}, "device_type"),
        ({"client_version": "1" * 65}, "client_version"),
    ],
)
async def test_a_body_that_does_not_validate_is_422_and_names_the_field(
    server: Server, changes: dict[str, object], field: str
) -> None:
    body = {"namespace_id": "n", "key_hash": KEY, "device_type": "web", "client_version": "1"} | changes
    response = await server.http.post(
        "/api/v1/sessions", json={name: value for name, value in body.items() if value is not None}
    )
    assert response.status_code == 422
    problem = response.json()
    assert problem["code"] == "invalid_request"
    assert [each["field"] for each in problem["errors"]] == [field]
    assert field in problem["detail"]


@pytest.mark.parametrize("namespace_id", ["a", "A.b_c:d-9", "a" * 128])
async def test_the_whole_range_of_namespaces_is_taken(server: Server, namespace_id: str) -> None:
    assert (await server.create(namespace_id)).status_code == 200


async def test_bodies_that_are_no_json_or_too_large_are_refused(server: Server) -> None:
    for content, status in ((b"{", 422), (b"[]", 422), (b"\xff\xfe", 422), (b"{" + b" " * 70_000, 413)):
        response = await server.http.post(
            "/api/v1/sessions", content=content, headers={"content-type": "application/json"}
        )
        assert response.status_code == status, content[:10]
        assert response.headers["content-type"] == "application/problem+json"
        if status == 422:
            assert response.json()["errors"][0]["field"] == "body"


async def test_a_body_sent_in_pieces_is_bounded_too(server: Server) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for _ in range(200):
            yield b" " * 1_000

    response = await server.http.post("/api/v1/sessions", content=pieces())
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


async def test_get_shows_the_session_and_holds_no_ticket(server: Server) -> None:
    created = await server.session()
    view = (await server.http.get(f"/api/v1/sessions/{created['id']}")).json()
    assert {name: view[name] for name in ("id", "namespace_id", "status", "created_at")} == {
        name: created[name] for name in ("id", "namespace_id", "status", "created_at")
    }
    assert (view["message_count"], view["pending_tasks"], view["turn"]) == (0, 0, "idle")
    assert view["expires_at"] > view["created_at"]
    assert "ticket" not in view["websocket_url"]


async def test_delete_closes_and_from_then_on_it_is_404_everywhere(server: Server) -> None:
    session_id = (await server.session())["id"]
    response = await server.http.delete(f"/api/v1/sessions/{session_id}")
    assert (response.status_code, response.json()) == (200, {"status": "closed", "session_id": session_id})
    base = f"/api/v1/sessions/{session_id}"
    for method, path in (("GET", base), ("DELETE", base), ("GET", base + "/tasks"), ("GET", base + "/stats")):
        again = await server.http.request(method, path)
        assert again.status_code == 404
        assert NOT_FOUND.items() <= again.json().items()
    again = await server.http.post(base + "/tasks", json={"type": "note", "arguments": {"text": "x"}})
    assert (again.status_code, again.json()["detail"]) == (404, "Session not found")


async def test_an_unknown_id_is_404_everywhere(server: Server) -> None:
    for session_id in ("nope", "0" * 36, "%00", "a" * 4_000):
        for path in ("", "/tasks", "/stats"):
            response = await server.http.get(f"/api/v1/sessions/{session_id}{path}")
            assert response.status_code == 404
            assert response.json()["detail"] == "Session not found"


async def test_a_deleted_session_frees_its_place(server: Server) -> None:
    sessions = [await server.session() for _ in range(5)]
    assert (await server.create()).status_code == 429
    await server.http.delete(f"/api/v1/sessions/{sessions[0]['id']}")
    assert (await server.create()).status_code == 200


async def test_live_sessions_are_listed_newest_first_in_pages(server: Server) -> None:
    ids = [(await server.session())["id"] for _ in range(5)]
    await server.session("school.2")
    page = (await server.http.get("/api/v1/sessions?namespace_id=school.1&limit=3")).json()
    assert [each["id"] for each in page["sessions"]] == ids[:1:-1]
    rest = (await server.http.get(f"/api/v1/sessions?namespace_id=school.1&limit=3&after={page['next']}")).json()
    assert ([each["id"] for each in rest["sessions"]], rest["next"]) == (ids[1::-1], None)
    await server.http.delete(f"/api/v1/sessions/{page['sessions'][-1]['id']}")
    again = (await server.http.get(f"/api/v1/sessions?namespace_id=school.1&limit=3&after={page['next']}")).json()
    assert again == rest, "the session that the page ended with may be gone"
    assert (await server.http.get("/api/v1/sessions")).status_code == 422


async def test_stats_are_counts_and_times_and_no_full_id(server: Server) -> None:
    session_id = (await server.session())["id"]
    response = await server.http.get(f"/api/v1/sessions/{session_id}/stats")
    stats = response.json()
    assert stats["session_id_truncated"] == session_id[:8]
    assert session_id not in response.text
    assert {"status", "age_seconds", "message_count", "pending_tasks_count", "audio_chunks_received",
            "audio_chunks_processed", "device_type"} <= set(stats)  # fmt: skip
    assert stats["device_type"] == "web"


async def test_a_session_nobody_connects_to_closes_and_frees_its_place(serve: Serve) -> None:
    server = await serve(connect_timeout_seconds=0.3, max_sessions_per_user=1)
    session = await server.session()
    assert (await server.create()).status_code == 429
    async with asyncio.timeout(10):
        while (await server.http.get(f"/api/v1/sessions/{session['id']}")).json()["status"] != "closed":
            await asyncio.sleep(0.05)
    assert (await server.create()).status_code == 200
    async with server.stream(session["websocket_url"]) as stream:
        assert (await stream.closed())[0] == 4401


async def test_websocket_urls_follow_public_url_or_a_trusted_proxy_only(serve: Serve, tmp_path: Path) -> None:
    forwarded = {"x-forwarded-proto": "https", "host": "voice.example.org"}
    body = {"namespace_id": "n", "key_hash": KEY, "device_type": "web", "client_version": "1"}
    plain = await serve()
    url = (await plain.http.post("/api/v1/sessions", json=body, headers=forwarded)).json()["websocket_url"]
    assert url.startswith("ws://voice.example.org/ws/voice?")
    behind = await serve(trusted_proxies="127.0.0.1")
    url = (await behind.http.post("/api/v1/sessions", json=body, headers=forwarded)).json()["websocket_url"]
    assert url.startswith("wss://voice.example.org/ws/voice?")
    keys = KeyFile(tmp_path / "keys")
    public = await serve(public_url="https://sotto.example.com/voice/", api_keys=keys.path)
    called = forwarded | bearer(keys.add("n", "n"))
    url = (await public.http.post("/api/v1/sessions", json=body, headers=called)).json()["websocket_url"]
    assert url.startswith("wss://sotto.example.com/voice/ws/voice?")


async def test_a_transcript_is_there_while_its_session_is(server: Server) -> None:
    session = await server.session()
    path = f"/api/v1/sessions/{session['id']}/transcript"
    assert (await server.http.get(path)).json() == {"items": []}
    async with server.stream(session["websocket_url"]) as stream:
        await stream.type("note that the projector is broken")
        await stream.until("output_audio_buffer.stopped")
        items = (await server.http.get(path)).json()["items"]
        assert [(item["role"], item["text"], item["status"], item["spoken"]) for item in items] == [
            ("user", "note that the projector is broken", "completed", False),
            ("assistant", "Noted: the projector is broken.", "completed", True),
        ]
        await stream.type("goodbye")
        await stream.until("session.ended")
    assert (await server.http.get(path)).json() == {"items": []}
    await server.http.delete(f"/api/v1/sessions/{session['id']}")
    assert (await server.http.get(path)).status_code == 404
