"""A server with several engines a role: real workers die, and whoever talks notices little."""

import asyncio
import signal

import psutil

from tests.http.conftest import Serve, Server
from tests.http.test_stream import speak, speech


def kill_workers(kind: str) -> int:
    """All of an engine's worker processes that this process has started, by their pids."""
    killed = 0
    for process in psutil.Process().children(recursive=True):
        if f"sottovoce.speech.{kind}_worker" in process.cmdline():
            process.send_signal(signal.SIGKILL)
            killed += 1
    return killed


async def links(server: Server, role: str) -> dict[str, dict[str, object]]:
    ready = (await server.http.get("/ready")).json()
    return {link["name"]: link for link in ready[role]["engines"]}


async def test_when_the_recogniser_dies_in_the_middle_of_a_turn_the_next_one_hears_all_of_it(serve: Serve) -> None:
    server = await serve(recogniser=["pocketsphinx:", "instant:"], engine_deadline_seconds=0.3, engine_workers=1)
    async with server.stream() as stream:
        pcm = speech()
        await speak(stream, pcm[: len(pcm) // 2])
        await stream.until("input_audio_buffer.speech_started")
        assert kill_workers("pocketsphinx")
        await speak(stream, pcm[len(pcm) // 2 :])
        heard = await stream.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "hello world"
        done = await stream.until("response.done")
        assert done["response"]["status"] == "completed"
        by_name = await links(server, "recogniser")
        assert (by_name["pocketsphinx"]["failures"], by_name["instant"]["served"]) == (1, 1)
        text = (await server.http.get("/metrics")).text
        assert 'sottovoce_engine_calls_total{engine="pocketsphinx",outcome="slow",role="recogniser"} 1.0' in text


async def test_a_dead_recogniser_serves_again_once_it_is_back(serve: Serve) -> None:
    server = await serve(recogniser=["pocketsphinx:", "instant:"], engine_deadline_seconds=60, engine_workers=1)
    assert kill_workers("pocketsphinx")
    async with asyncio.timeout(60):
        while not (await links(server, "recogniser"))["pocketsphinx"]["ready"] or await restarts(server) == 0:
            await asyncio.sleep(0.1)
    async with server.stream() as stream:
        await speak(stream, speech())
        heard = await stream.until("conversation.item.input_audio_transcription.completed")
        assert "young man" in heard["transcript"]


async def restarts(server: Server) -> int:
    ready = (await server.http.get("/ready")).json()
    count: int = ready["recogniser"]["restarts"]
    return count


async def test_an_answer_is_spoken_though_the_synthesiser_has_just_died(serve: Serve) -> None:
    server = await serve(synthesiser=["espeak:", "instant:"], engine_deadline_seconds=0.3)
    async with server.stream() as stream:
        assert kill_workers("espeak")
        await stream.type("what can you do")
        done = await stream.until("response.done")
        assert done["response"]["status"] == "completed"
        assert len(stream.sound) >= 32_000
