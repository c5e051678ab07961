from tests.http.conftest import Serve, Server


async def test_health_and_readiness(server: Server) -> None:
    assert (await server.http.get("/health")).json() == {"status": "ok"}
    ready = await server.http.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["recogniser"]["name"] == "instant"


async def test_a_server_whose_engine_is_gone_is_not_ready(server: Server) -> None:
    await server.hub.node.synthesiser.close()
    ready = await server.http.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")


async def test_the_engines_of_a_chain_are_told_one_by_one(serve: Serve) -> None:
    server = await serve(recogniser=["pocketsphinx:", "instant:"], synthesiser="espeak: instant:")
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await stream.type("what time is it")
        await stream.until("response.done")
        await stream.until("output_audio_buffer.stopped")
    ready = (await server.http.get("/ready")).json()
    assert ready["status"] == "ready"
    assert ready["recogniser"]["name"] == "pocketsphinx, instant"
    assert [engine["name"] for engine in ready["recogniser"]["engines"]] == ["pocketsphinx", "instant"]
    first, second = ready["synthesiser"]["engines"]
    assert first == {"name": "espeak", "ready": True, "breaker": "closed", "served": 1, "failures": 0}
    assert second["served"] == 0
    text = (await server.http.get("/metrics")).text
    assert 'sottovoce_engine_calls_total{engine="espeak",outcome="served",role="synthesiser"} 1.0' in text
    assert 'sottovoce_engine_ready{engine="instant",role="recogniser"} 1.0' in text
    assert 'sottovoce_engine_breaker_open{engine="pocketsphinx",role="recogniser"} 0.0' in text


async def test_one_engine_alone_is_no_chain(server: Server) -> None:
    ready = (await server.http.get("/ready")).json()
    assert "engines" not in ready["recogniser"]


async def test_metrics_count_without_names(serve: Serve) -> None:
    server = await serve(max_sessions_per_user=1)
    session = await server.session("secret.namespace")
    await server.create("secret.namespace")
    async with server.stream(session["websocket_url"]) as stream:
        await stream.type("take a note a secret word")
        await stream.until("response.done")
        text = (await server.http.get("/metrics")).text
    assert "sottovoce_sessions_created_total 1.0" in text
    assert 'sottovoce_sessions_refused_total{code="too_many_sessions"} 1.0' in text
    assert "sottovoce_connections_live 1.0" in text
    assert 'sottovoce_tasks_total{state="completed",type="note"} 1.0' in text
    assert "secret" not in text
    assert session["id"] not in text


async def test_the_description_lists_every_route(server: Server) -> None:
    paths = (await server.http.get("/openapi.json")).json()["paths"]
    assert {"/api/v1/sessions", "/api/v1/sessions/{session_id}", "/api/v1/sessions/{session_id}/tasks",
            "/api/v1/sessions/{session_id}/stats", "/api/v1/tasks/{task_id}", "/api/v1/tasks/{task_id}/cancel",
            "/api/v1/tasks/{task_id}/input", "/api/v1/tasks/{task_id}/result", "/health", "/ready",
            "/metrics"} <= set(paths)  # fmt: skip


async def test_what_is_not_there_is_a_problem_too(server: Server) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PUT", "/api/v1/sessions", 405)):
        response = await server.http.request(method, path)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
