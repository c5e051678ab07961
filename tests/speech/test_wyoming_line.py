"""What a Wyoming server may send of itself, and what not."""

import asyncio

import pytest

from sottovoce.errors import EngineUnavailable
from sottovoce.speech.base import Recogniser, Synthesiser
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.peers.wyoming_trouble import event, info, is_silent, misbehaving
from tests.servers import new_port
from tests.speech.wyoming_helpers import (
    CONTEXT,
    be_impatient,
    until,
)

DESCRIBED = {
    "nothing": (event("info", {}), "hears nothing|does not speak"),
    "no language": (info(languages=()), "does not tell its languages"),
    "numbers": (event("info", {"asr": 3, "tts": 3}), "no Wyoming event"),
    "an error": (event("error", {"text": "the secret"}), "reports an error"),
    "another protocol": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no Wyoming event"),
    "huge": (b'{"type": "info", "data_length": 99999999999}\n', "more at once"),
    "infinite": (b'{"type": "info", "data_length": 1e999}\n', "more at once"),
    "a length of letters": (b'{"type": "info", "data_length": "x"}\n', "no Wyoming event"),
    "half a byte": (b'{"type": "info", "data_length": 1.5}\n{}', "no Wyoming event"),
    "a number for a type": (b'{"type": 7, "data": {}}\n', "no Wyoming event"),
    "no data": (b'{"type": "info", "data": null}\n', "no Wyoming event"),
    "a list": (b"[]\n", "no Wyoming event"),
    "deep": (b"[" * 60_000 + b"\n", "no Wyoming event"),
    "no text": (b"\xff\xfe\n", "no Wyoming event"),
    "a line without end": (b"a" * 200_000, "more at once"),
}


@pytest.mark.parametrize(("described", "why"), DESCRIBED.values(), ids=DESCRIBED)
async def test_a_server_that_cannot_be_used_keeps_us_from_starting(described: bytes, why: str) -> None:
    async with misbehaving(is_silent, described) as (url, _):
        for make in (make_recogniser, make_synthesiser):
            engine: Recogniser | Synthesiser = make(url, CONTEXT)
            with pytest.raises(EngineUnavailable, match=why) as caught:
                await engine.start()
            assert "secret" not in str(caught.value)
            assert not engine.status().ready
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_a_server_that_says_nothing_of_itself_keeps_us_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    be_impatient(monkeypatch)
    async with misbehaving(is_silent, b" ") as (url, _):
        with pytest.raises(EngineUnavailable, match="is it a Wyoming server"):
            await make_recogniser(url, CONTEXT).start()


async def test_where_nobody_listens_the_error_says_where_and_what_to_do() -> None:
    at = new_port()
    for make in (make_recogniser, make_synthesiser):
        with pytest.raises(EngineUnavailable, match=rf"127\.0\.0\.1:{at} .*start it"):
            await make(f"wyoming://127.0.0.1:{at}", CONTEXT).start()
