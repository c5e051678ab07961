"""Canaries are spoken, typed and sent wrongly; none may be found in the log, nor a full id, nor a ticket."""

import asyncio
import contextlib
import json
import logging
import re
import subprocess
import sys

import httpx
import pytest
import structlog
import websockets

from sottovoce import logs
from sottovoce.wire.subprotocol import offer
from tests.servers import INSTANT, ROOT, environment

CANARY = "xylophone"
KEY = "sha256:" + "c" * 64


def test_only_listed_fields_get_through(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="debug", form="json")
    structlog.get_logger().info("session_ended", session="12345678", transcript=CANARY, text=CANARY, reason="idle")
    line = json.loads(capsys.readouterr().err)
    assert set(line) == {"event", "session", "reason", "level", "timestamp"}


def test_lines_of_libraries_lose_their_values_and_exceptions_their_texts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="debug", form="json")
    try:
        int(CANARY)
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved: %s", CANARY)
    logging.getLogger("uvicorn.error").error(f"somebody said {CANARY}")  # noqa: G004 - libraries do
    out = capsys.readouterr().err
    assert CANARY not in out
    assert '"error":"ValueError"' in out.replace(" ", "")
    assert "test_logs.py:" in out


async def _misbehave(base: str) -> list[str]:
    """A conversation full of canaries; returns its ids and its tickets."""
    async with httpx.AsyncClient(base_url=base, timeout=20) as http:
        body = {"namespace_id": f"ns.{CANARY}", "key_hash": KEY, "device_type": "web", "client_version": CANARY}
        session = (await http.post("/api/v1/sessions", json=body)).json()
        await http.post("/api/v1/sessions", json=body | {"key_hash": CANARY, "device_type": CANARY.upper()})
        await http.post("/api/v1/sessions", content=f'{{"{CANARY}'.encode())
        await http.get(f"/{CANARY}")
        async with websockets.connect(session["websocket_url"]) as ws:
            await ws.send(f"{{{CANARY}")
            await ws.send(json.dumps({"type": CANARY, "event_id": CANARY}))
            await ws.send(json.dumps({"type": "session.update", "session": {"type": CANARY}}))
            for text in (f"take a note that the {CANARY} is out of tune", CANARY, "what time is it"):
                content = [{"type": "input_text", "text": text}]
                item = {"type": "message", "role": "user", "content": content}
                await ws.send(json.dumps({"type": "conversation.item.create", "item": item}))
                await ws.send(json.dumps({"type": "response.create"}))
                async with asyncio.timeout(20):
                    while '"response.done"' not in str(await ws.recv()):
                        pass
            tasks = f"/api/v1/sessions/{session['id']}/tasks"
            await http.post(tasks, json={"type": CANARY, "arguments": {}})
            await http.post(tasks, json={"type": "note", "arguments": {CANARY: CANARY}})
            task = (await http.post(tasks, json={"type": "note", "arguments": {"text": CANARY}})).json()
            ws.transport.abort()
        async with websockets.connect(session["websocket_url"]) as again:
            with pytest.raises(websockets.ConnectionClosed):
                await again.recv()
        back = (await http.post(f"/api/v1/sessions/{session['id']}/resume")).json()
        address, _, ticket = back["websocket_url"].partition("&ticket=")
        for origin in ("http://evil.example", None, None):  # refused, accepted, refused as it is used
            sender = None if origin is None else websockets.Origin(origin)
            protocols = [websockets.Subprotocol(each) for each in offer(ticket)]
            async with websockets.connect(address, subprotocols=protocols, origin=sender) as third:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await third.recv()
        await http.delete(f"/api/v1/sessions/{session['id']}")
        metrics = (await http.get("/metrics")).text
        assert CANARY not in metrics
        assert session["id"] not in metrics
    return [session["id"], task["id"], session["websocket_url"].partition("ticket=")[2], ticket]


def test_a_server_that_logs_everything_logs_no_word() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sottovoce", "serve", "--port", "0", "--log-level", "debug"],
        env=environment(INSTANT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stderr is not None
        seen = ""
        while (found := re.search(r"listens on (http://\S+)", seen)) is None:
            line = process.stderr.readline()
            assert line, seen
            seen += line
        secrets = asyncio.run(_misbehave(found[1]))
        process.terminate()
        out, err = process.communicate(timeout=20)
    log = seen + out + err
    assert secrets[0][:8] in log, "the test is worth nothing if nothing is logged"
    for secret in (*secrets, CANARY, KEY[7:]):
        assert secret not in log
