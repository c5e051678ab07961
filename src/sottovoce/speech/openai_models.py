"""GET /models: whether an OpenAI-compatible server answers, and what it has.

Not by the library and not on the event loop: both leave threads running (the library's look at the platform, the
loop's look-up of a host's name), and lockdown, which comes after the engines' start, takes the power to write only from
a process that has none (vault/lockdown.py). So it is asked in a thread of its own, which is gone afterwards.
"""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Final, TypeVar

import httpx2
from openai import APIStatusError

from sottovoce.speech.openai_faults import EndlessError, NonsenseError
from sottovoce.speech.openai_url import Server

CONNECT_S: Final = 5.0
MOST_BYTES: Final = 8 << 20
"""The largest clouds' lists take one."""
REACHABLE: Final = frozenset({403, 404, 405, 429, 501})
"""Answers of servers that work all the same: they list no models, or not to this key, or not now."""
_THREAD_END_S: Final = 1.0

Result = TypeVar("Result")


async def listed_models(server: Server) -> frozenset[str]:
    """The names of its models, as far as it tells. Raises one of openai_faults.TROUBLE."""
    return await _in_a_passing_thread(lambda: _ask(server))


def _ask(server: Server) -> frozenset[str]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    if server.key is not None:
        headers["Authorization"] = f"Bearer {server.key}"
    timeout = httpx2.Timeout(server.timeout_s, connect=min(CONNECT_S, server.timeout_s))
    with (
        httpx2.Client(follow_redirects=False, headers=headers, timeout=timeout) as client,
        client.stream("GET", f"{server.base_url}/models") as response,
    ):
        if response.status_code in REACHABLE:
            return frozenset()
        if not response.is_success:
            raise APIStatusError("", response=response, body=None)
        body = _read(response, server.timeout_s)
    answer = json.loads(body)
    models = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(models, list):
        raise NonsenseError
    names = (model.get("id") for model in models if isinstance(model, dict))
    return frozenset(name for name in names if isinstance(name, str))


def _read(response: httpx2.Response, timeout_s: float) -> bytes:
    """The body as it is sent, whatever its encoding: some kilobytes may unpack to gigabytes."""
    body, until = bytearray(), time.monotonic() + timeout_s
    for piece in response.iter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise EndlessError
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(body)


async def _in_a_passing_thread(work: Callable[[], Result]) -> Result:
    done: Future[Result] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - it is raised to whoever waits
            done.set_exception(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        return await asyncio.wrap_future(done)
    finally:
        if done.done():
            _see_off(thread)


def _see_off(thread: Thread) -> None:
    """Until the kernel knows it no more, too: Python's own word comes some microseconds earlier."""
    until = time.monotonic() + _THREAD_END_S
    thread.join(_THREAD_END_S)
    while Path(f"/proc/self/task/{thread.native_id}").exists() and time.monotonic() < until:
        time.sleep(0.0001)
