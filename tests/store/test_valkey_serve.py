"""Whole servers over one Valkey: what they share, what they leave in it, and what happens when it goes."""

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
import websockets

from sottovoce.vault.store_key import new_text
from tests.http.conftest import KEY, Serve, Server, Stream, serve
from tests.peers import valkey as peers
from tests.servers import INSTANT, new_port, serving

__all__ = ["serve"]

CANARY = "peregrine"
OFF_S = 10.0
CREATED = {"namespace_id": "shared.1", "key_hash": KEY, "device_type": "web", "client_version": "1.0"}


@pytest.fixture
def shared(tmp_path: Path, valkey: peers.Server) -> dict[str, str]:
    """Settings of servers that share a store."""
    file = tmp_path / "store.key"
    file.write_text(new_text())
    return {"store": valkey.url, "store_key_file": str(file)}


def sharing(settings: Mapping[str, str]) -> AbstractContextManager[str]:
    """The URL of a server process with those settings."""
    variables = {f"SOTTOVOCE_{name.upper()}": value for name, value in settings.items()}
    return serving("--log-level", "error", log=None, **INSTANT, **variables)


async def test_500_creates_at_4_processes_at_once_fill_5_places(shared: dict[str, str]) -> None:
    # No rate of creation: callers on this machine are not counted.
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(sharing(shared)) for _ in range(4)]
        async with httpx.AsyncClient(timeout=60, trust_env=False, limits=httpx.Limits(max_connections=64)) as http:
            answers = await asyncio.gather(
                *(http.post(f"{urls[n % 4]}/api/v1/sessions", json=CREATED) for n in range(500))
            )
            codes = [answer.status_code for answer in answers]
            assert codes.count(200) == 5
            assert codes.count(429) == 495
            assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {"too_many_sessions"}


def test_a_server_with_a_shared_store_is_locked_down_in_every_part(
    valkey: peers.Server, shared: dict[str, str]
) -> None:
    named = shared | {"store": f"valkey://localhost:{valkey.port}/0"}
    for settings in (shared, named):
        with sharing(settings) as url:
            ready = httpx.get(f"{url}/ready", trust_env=False).json()
            assert ready["store"] == "ready"
            parts = ready["lockdown"]
            assert len(parts) == 6
            # Only how much memory may be locked is this machine's affair.
            assert {name for name, state in parts.items() if state != "held"} <= {"memory_locked"}
            assert httpx.post(f"{url}/api/v1/sessions", json=CREATED, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"store": "valkey://127.0.0.1:1/0"}, "cannot be used"),
        ({"store": "valkey://user:secret@127.0.0.1/0"}, "store_password_file"),
        ({"store_key_file": "nowhere.key"}, "sottovoce keys store"),
        ({"store_key_file": ""}, "sottovoce keys store"),
        ({"store": "redis://127.0.0.1/0"}, "valkey://"),
    ],
)
def test_a_store_that_cannot_be_used_is_said_in_a_sentence(
    shared: dict[str, str], changed: dict[str, str], says: str
) -> None:
    with (
        pytest.raises(AssertionError, match=re.escape(says)) as raised,
        sharing(shared | changed),
    ):
        pass
    assert "Traceback" not in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_what_a_store_has_says_nothing_and_does_not_last(
    serve: Serve, shared: dict[str, str], valkey: peers.Server
) -> None:
    server = await serve(**shared)
    ids = []
    for name in ("school.alpha", "school.beta"):
        view = await server.session(name)
        ids.append(view["id"])
        async with server.stream(view["websocket_url"]) as stream:
            await stream.type(f"remind me to feed the {CANARY} in one hour")
            await stream.until("task.created")
            await stream.until("response.done")
            lives = valkey.lives()
            assert len([key for key in lives if b":k:" in key]) > 0
            assert all(life > 0 for life in lives.values()), lives
            dump = valkey.dump()
            assert len(dump) > 1_000
            for canary in (CANARY, "remind", "reminder", name, view["id"], KEY, KEY[7:], "web"):
                assert canary.encode() not in dump, canary
    ended = time.monotonic()
    await server.http.delete(f"/api/v1/sessions/{ids[0]}")
    await server.http.delete(f"/api/v1/sessions/{ids[1]}")
    left = [key for key in valkey.names() if not key.endswith((b":o", b":m"))]
    assert time.monotonic() - ended < 1
    assert left == []


async def test_an_end_leaves_no_key_of_a_task(serve: Serve, shared: dict[str, str], valkey: peers.Server) -> None:
    server = await serve(**shared)
    async with server.stream() as stream:
        await stream.type("remind me to feed the cat in one hour")
        await stream.until("task.created")
        await stream.until("response.done")
        await stream.type("goodbye")
        await stream.closed()
    async with asyncio.timeout(1):
        while any(b":k:" in key or b":t:" in key for key in valkey.names()):
            await asyncio.sleep(0.02)
    lives = valkey.lives()
    assert any(b":s:" in key for key in lives), "the bare record stays for a while"
    assert all(0 < life <= 300_000 for life in lives.values())


async def opened(url: str) -> Stream:
    return Stream(await websockets.connect(url, ping_interval=None, max_size=None))


async def answered(stream: Stream) -> None:
    """A turn that works."""
    await stream.type("what time is it")
    done = await stream.until("response.done", timeout_s=5)
    assert done["response"]["status"] == "completed"


async def ready(server: Server) -> str:
    response = await server.http.get("/ready")
    assert response.status_code == 200
    word: str = response.json()["store"]
    return word


async def test_sessions_outlive_a_store_that_goes_and_comes_back_empty(serve: Serve, shared: dict[str, str]) -> None:
    port = new_port()
    settings = shared | {"store": f"valkey://127.0.0.1:{port}/0"}
    with peers.valkey(port=port):
        server = await serve(**settings)
        view = await server.session("kept")
        quiet = await server.session("quiet")
        gone = await server.session("gone")
        talking = await asyncio.wait_for(opened(view["websocket_url"]), 5)
        await talking.type("remind me to feed the cat in one hour")
        await talking.until("task.created")
    began = time.monotonic()
    while time.monotonic() - began < OFF_S:
        await answered(talking)
        refused = await server.create("new")
        assert refused.status_code == 503
        assert refused.json()["code"] == "store_unavailable"
        assert await ready(server) == "degraded"
        await asyncio.sleep(1)
    assert (await server.http.delete(f"/api/v1/sessions/{gone['id']}")).status_code < 300
    dropped = await opened(quiet["websocket_url"])
    await answered(dropped)
    with peers.valkey(port=port) as store:
        async with asyncio.timeout(10):
            while await ready(server) != "ready" or len(store.names()) < 8:
                await asyncio.sleep(0.05)
        assert (await server.create("new")).status_code == 200
        for name, count in (("kept", 1), ("quiet", 1), ("gone", 0)):
            found = await server.hub.store.live_sessions(name, 10, None)
            assert len(found) == count, name
        assert [str(each.status) for each in await server.hub.store.all_sessions("quiet")] == ["active"]
        tasks = [key for key in store.names() if b":t:" in key]
        assert len(tasks) == 1
        await answered(talking)
        await answered(dropped)
        await talking.ws.close()
        await dropped.ws.close()


async def test_a_store_that_hangs_costs_a_caller_seconds_and_a_session_nothing(
    serve: Serve, shared: dict[str, str]
) -> None:
    with peers.valkey() as store:
        server = await serve(**(shared | {"store": store.url}))
        stream = await opened((await server.session())["websocket_url"])
        store.hold()
        began = time.monotonic()
        assert (await server.create()).json()["code"] == "store_unavailable"
        assert time.monotonic() - began < 4
        began = time.monotonic()
        for _ in range(5):
            assert (await server.create()).json()["code"] == "store_unavailable"
            await answered(stream)
        assert time.monotonic() - began < 4
        store.go_on()
        async with asyncio.timeout(10):
            while await ready(server) != "ready":
                await asyncio.sleep(0.05)
        assert (await server.create()).status_code == 200
        # What was admitted while nobody could hear of it is taken back.
        async with asyncio.timeout(10):
            while len(await server.hub.store.live_sessions("school.1", 10, None)) != 2:
                await asyncio.sleep(0.05)
        await stream.ws.close()


async def test_a_namespace_is_erased_on_every_node(serve: Serve, shared: dict[str, str]) -> None:
    one, other = await serve(**shared), await serve(**shared)
    view = await other.session("alice")
    stream = await opened(view["websocket_url"])
    held = (await one.http.get("/api/v1/namespaces/alice")).json()
    assert held["live_sessions"] == 1
    assert (await one.http.delete("/api/v1/namespaces/alice")).status_code == 200
    assert await other.hub.store.all_sessions("alice") == []
    await stream.closed(timeout_s=10)
    assert other.hub.live == 0
    assert await other.hub.store.all_sessions("alice") == []
