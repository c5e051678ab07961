"""Starting the scripted model, and writing its scripts."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.servers import ROOT, environment

START_S = 30
_NOW = re.compile(r"<now>.*</now>\n", re.DOTALL)


def rule(when: str, *rounds: list[Any]) -> dict[str, Any]:
    """The answer to a sentence that has these words: a round is a list of texts and of steps."""
    steps = [[{"text": step} if isinstance(step, str) else step for step in steps] for steps in rounds]
    return {"when": when, "rounds": steps}


def call(name: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
    return {"call": name, "arguments": {} if arguments is None else arguments, **more}


class ScriptedModel:
    """The running peer."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"openai+{self.base}/v1?model=scripted"

    def plays(self, *rules: dict[str, Any]) -> None:
        httpx.post(f"{self.base}/script", json=list(rules)).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = httpx.get(f"{self.base}/requests").raise_for_status().json()
        return answer

    def playing(self) -> int:
        """How many answers are under way."""
        count: int = httpx.get(f"{self.base}/playing").raise_for_status().json()
        return count

    async def silent(self, within_s: float = 5.0) -> bool:
        """Whether it comes to have nobody to answer."""
        until = time.monotonic() + within_s
        while self.playing() and time.monotonic() < until:
            await asyncio.sleep(0.05)
        return not self.playing()

    def told(self, at: int = -1) -> list[tuple[str, str]]:
        """Role and text of the messages of a request, without what the server says of the present and of itself."""
        messages = self.requests()[at]["messages"]
        return [(m["role"], _NOW.sub("", m["content"] or "")) for m in messages if m["role"] != "system"]


@contextmanager
def scripted_model(port: int) -> Iterator[ScriptedModel]:
    """The peer at that port, stopped in the end."""
    command = [sys.executable, "-m", "tests.peers.scripted_model", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment({})) as process:
        model = ScriptedModel(port, process)
        try:
            until = time.monotonic() + START_S
            while True:
                try:
                    httpx.get(f"{model.base}/ready").raise_for_status()
                    break
                except httpx.TransportError:
                    assert process.poll() is None, "the scripted model did not start"
                    assert time.monotonic() < until, "the scripted model did not start in time"
                    time.sleep(0.05)
            yield model
        finally:
            process.kill()
