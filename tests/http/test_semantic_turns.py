"""Turns that end by what is said: spoken by the server's own synthesiser, heard by its default recogniser."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from tests.http.conftest import Serve, Server, Stream
from tests.speech.test_recogniser_contract import SPEECH
from tests.speech.turn_models import save_model

RATE = 16_000
FRAME_BYTES = 640
COMMITTED = "input_audio_buffer.committed"
STOPPED = "input_audio_buffer.speech_stopped"


async def said(server: Server, text: str) -> bytes:
    """The text as sound at 16 kHz, without the silence around."""
    synthesiser = server.hub.node.synthesiser
    async with aclosing(synthesiser.speak(text, language="en", voice="en-us", speed=0.9)) as chunks:
        pcm = b"".join([chunk async for chunk in chunks])
    sound = soxr.resample(np.frombuffer(pcm, np.int16), synthesiser.sample_rate, RATE)
    loud = np.flatnonzero(np.abs(sound) > 300)
    return bytes(sound[loud[0] : loud[-1]].astype(np.int16).tobytes())


def silence(seconds: float) -> bytes:
    return bytes(2 * int(RATE * seconds))


async def speak(stream: Stream, pcm: bytes) -> None:
    """In real time: partial transcripts come while it is spoken."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for count, at in enumerate(range(0, len(pcm), FRAME_BYTES)):
        await stream.ws.send(pcm[at : at + FRAME_BYTES])
        await asyncio.sleep(began + 0.02 * count - loop.time())


async def turns(stream: Stream, turn_detection: dict[str, Any] | None) -> None:
    if turn_detection is not None:
        session = {"type": "realtime", "audio": {"input": {"turn_detection": turn_detection}}}
        await stream.send(type="session.update", session=session)
        updated = await stream.until("session.updated")
        told = updated["session"]["audio"]["input"]["turn_detection"]
        assert told.items() >= turn_detection.items()


@pytest.fixture
async def server(serve: Serve) -> Server:
    return await serve(recogniser="pocketsphinx:", synthesiser="espeak:", engine_workers=1)


@pytest.mark.parametrize(
    ("turn_detection", "count"), [({"type": "semantic_vad", "eagerness": "low"}, 1), (None, 2)], ids=["semantic", "vad"]
)
async def test_a_pause_for_thought_does_not_cut_a_sentence(
    server: Server, turn_detection: dict[str, Any] | None, count: int
) -> None:
    halves = await said(server, "remind me to"), await said(server, "buy milk in ten minutes")
    async with server.stream() as stream:
        await turns(stream, turn_detection)
        await speak(stream, silence(0.5) + halves[0] + silence(1.0) + halves[1] + silence(2.5))
        while (await stream.until(STOPPED, timeout_s=60))["audio_end_ms"] < 1000 * (
            1.5 + len(b"".join(halves)) / 32_000
        ):
            pass
        await stream.until("response.done", timeout_s=60)
        assert stream.kinds().count(COMMITTED) == count
        if count == 1:
            created = [event["task"] for event in stream.events if event["type"] == "task.created"]
            assert [task["type"] for task in created] == ["reminder"]
            assert created[0]["arguments"]["text"].startswith("buy"), "of the second half"
            assert created[0]["arguments"]["due"]


async def test_a_finished_command_is_answered_sooner_than_by_silence_alone(server: Server) -> None:
    command = await said(server, "set a timer for five minutes")
    ended_ms = {}
    for name, turn_detection in (("vad", None), ("semantic", {"type": "semantic_vad", "eagerness": "high"})):
        async with server.stream() as stream:
            await turns(stream, turn_detection)
            await speak(stream, silence(0.5) + command + silence(1.5))
            ended_ms[name] = (await stream.until(STOPPED, timeout_s=60))["audio_end_ms"]
            heard = await stream.until("conversation.item.input_audio_transcription.completed", timeout_s=60)
            assert heard["transcript"].startswith("set a timer")
    # 512 ms of silence, in windows of 32, against 256; where the recogniser lags behind, 480.
    assert ended_ms["semantic"] <= ended_ms["vad"] - 32
    print(f"\na finished command ends {ended_ms['vad'] - ended_ms['semantic']} ms sooner")  # noqa: T201 - to be seen


@pytest.mark.parametrize(("bias", "least_ms", "most_ms"), [(10.0, 320, 420), (-10.0, 1_400, 1_500)])
async def test_where_words_do_not_say_an_engine_that_hears_the_turn_does(
    serve: Serve, tmp_path: Path, bias: float, least_ms: int, most_ms: int
) -> None:
    model = save_model(tmp_path / "model.onnx", bias=bias)
    server = await serve(end_of_turn=f"smart-turn:{model}")
    ready = (await server.http.get("/ready")).json()
    assert ready["end_of_turn"] == {"name": "smart-turn", "ready": True, "workers": 1, "restarts": 0}
    pcm, _ = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    speech_s = 0.5 + len(pcm) / RATE
    async with server.stream() as stream:
        await turns(stream, {"type": "semantic_vad", "eagerness": "medium"})
        await speak(stream, silence(0.5) + pcm.tobytes() + silence(2.0))
        ended_ms = (await stream.until(STOPPED))["audio_end_ms"]
    # Where its speech ends, the recording has some silence of its own.
    assert least_ms - 350 <= ended_ms - 1000 * speech_s <= most_ms
