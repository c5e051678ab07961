"""What is said to a language model, and what it says and calls, is not in the server's memory after the session."""

import asyncio
import os
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import websockets

from sottovoce.audit.conversation import nonsense
from sottovoce.audit.house import why_no_memory
from sottovoce.audit.needles import LONGEST, forms
from sottovoce.audit.processes import descendants, memory, stopped
from tests.http.conftest import Stream
from tests.peers.scripts import ScriptedModel, call, rule
from tests.servers import INSTANT, serving

FORGOTTEN_S = 2.0
FORMS = ("UTF-8", "UTF-16", "UTF-32")
"""Those of JSON on its way and of Python's texts; the audit of the whole server looks for more."""


def server_at(url: str) -> int:
    """The pid of the server that listens there."""
    port = urlsplit(url).port
    for pid in descendants(os.getpid()):
        if any(each.status == "LISTEN" and each.laddr.port == port for each in psutil.Process(pid).net_connections()):
            return pid
    raise AssertionError("no child of this process listens there")


def found(pid: int, words: Mapping[str, str]) -> set[tuple[str, str]]:
    """Which words lie in its memory, and in which form."""
    needles = [(name, form, each) for name, word in words.items() for form in FORMS for each in forms(word)[form]]
    hits, before = set(), b""
    with stopped([pid]):
        for piece in memory(pid):
            seen = before + piece
            hits |= {(name, form) for name, form, needle in needles if needle in seen}
            before = piece[-LONGEST:]
    return hits


@pytest.mark.skipif(bool(why_no_memory()), reason=why_no_memory())
async def test_nothing_of_it_stays_in_memory(scripted: ScriptedModel) -> None:
    words = {name: nonsense() for name in ("typed", "answered", "called", "instructed", "half said", "told later")}
    endless = {"text": f"And {words['half said']}. ", "wait": 0.05, "repeat": 10_000}
    scripted.plays(
        rule("typed", [f"I know {words['answered']}. ", call("note", {"text": words["called"]})], ["Well."]),
        rule("go on", [endless]),
        rule("fails", [f"Hm. {words['told later']} and", {"cut": True}]),
    )
    with serving("--log-level", "error", log=None, SOTTOVOCE_MODEL=scripted.url, **INSTANT) as url:
        pid = server_at(url)
        async with httpx.AsyncClient(base_url=url) as http:
            new = {"namespace_id": "n", "key_hash": "sha256:" + "b" * 64, "device_type": "web", "client_version": "1"}
            view = (await http.post("/api/v1/sessions", json=new)).json()
            async with websockets.connect(view["websocket_url"]) as ws:
                stream = Stream(ws)
                told = {"type": "realtime", "instructions": f"Speak of {words['instructed']}."}
                await stream.send(type="session.update", session=told)
                for text in (f"typed {words['typed']}", "this fails"):
                    await stream.type(text)
                    await stream.until("output_audio_buffer.stopped")
                await stream.type("go on then")
                await stream.until("output_audio_buffer.started")
                there = {name for name, _ in found(pid, words)}
                assert {"typed", "answered", "called", "half said"} <= there, "the scan sees what is there"
                session_id = stream.events[0]["session"]["id"]
                await http.delete(f"/api/v1/sessions/{session_id}")
                await stream.closed()
        await asyncio.sleep(FORGOTTEN_S)
        assert found(pid, words) == set()
