"""The load, against a real WebSocket server whose answers are known."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from bench import pipecat
from bench.callers import Dialect, Measured, connect, talk
from bench.speech import FRAME_BYTES, cycle

DELAY_S = 0.05
FRAMES = [b"silence"] * 5 + [b"speech"] * 5 + [b"end"] + [b"silence"] * 9
DIALECT = Dialect(frames=FRAMES, speech_begin=5, speech_end=10, is_sound=lambda message: message == b"sound")


async def answering(stream: ServerConnection) -> None:
    """Two messages of sound for each end of speech, after a message that is none."""
    async for message in stream:
        if message == b"end":
            await stream.send(b"other")
            await stream.send("text")
            await asyncio.sleep(DELAY_S)
            await stream.send(b"sound")
            await stream.send(b"sound")


async def silent(stream: ServerConnection) -> None:
    async for _ in stream:
        pass


async def interrupting(stream: ServerConnection) -> None:
    async for message in stream:
        if message == b"speech":
            await stream.send(b"sound")


async def hanging_up(stream: ServerConnection) -> None:
    await stream.recv()


async def load(server: Callable[[ServerConnection], Awaitable[None]], seconds: float) -> Measured:
    async with serve(server, "127.0.0.1", 0) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        callers = await connect([f"ws://127.0.0.1:{port}/"] * 3, DIALECT)
        looks: list[float] = []
        measured = await talk(callers, seconds, lambda: looks.append(time.monotonic()))
        assert looks
        for caller in callers:
            caller.hang_up()
        return measured


async def test_the_wait_is_from_the_end_of_speech_to_the_first_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.callers.STAGGER_S", 0.1)
    measured = await load(answering, 1.35)
    assert measured.turns == 9
    assert measured.missed == measured.early == measured.lost == 0
    assert measured.p50_ms is not None
    assert measured.p50_ms >= 1000 * DELAY_S


async def test_an_end_of_speech_without_answer_is_missed_at_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.callers.STAGGER_S", 0.1)
    measured = await load(silent, 1.35)
    assert (measured.turns, measured.missed) == (0, 6)
    assert measured.p95_ms is None


async def test_sound_into_ones_speech_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.callers.STAGGER_S", 0.1)
    measured = await load(interrupting, 0.5)
    assert measured.early > 0


async def test_a_connection_that_the_server_ends_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.callers.STAGGER_S", 0.1)
    measured = await load(hanging_up, 0.5)
    assert measured.lost == 3


def test_a_round_is_silence_then_a_person_then_silence() -> None:
    frames, begin, end = cycle()
    assert {len(frame) for frame in frames} == {FRAME_BYTES}
    assert (begin, end, len(frames)) == (50, 200, 375)
    assert not any(b"".join(frames[:begin]))
    assert not any(b"".join(frames[end:]))
    spoken = np.frombuffer(b"".join(frames[begin:end]), np.int16).astype(float)
    assert np.abs(spoken).max() > 20_000


def test_sound_for_pipecat_is_its_protobuf() -> None:
    assert pipecat.varint(300) == b"\xac\x02"
    message = pipecat.frame(b"\x01\x02" * 320)
    assert message[:1] == b"\x12"
    assert message[3:6] == b"\x1a\x80\x05"
    assert message.endswith(b"\x20\x80\x7d\x28\x01")
    assert len(message) == 3 + 3 + 640 + 5
    assert pipecat.is_sound(message)
    assert not pipecat.is_sound(b"\x22\x00")
