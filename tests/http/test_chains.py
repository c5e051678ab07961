"""A server with several engines a role: real workers die, and whoever talks notices little."""

import asyncio
import signal

from tests.http.conftest import Serve, Server
from tests.http.test_stream import speak, speech
from tests.workers import workers_of


def kill_workers(engine: str) -> int:
    """All of an engine's worker processes, by their pids."""
    workers = workers_of(engine)
    for process in workers:
        process.send_signal(signal.SIGKILL)
    return len(workers)


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
    async with asyncio.timeout(90):
        while not await is_back(server):
            await asyncio.sleep(0.1)
    async with server.stream() as stream:
        await speak(stream, speech())
        heard = await stream.until("conversation.item.input_audio_transcription.completed")
        assert "young man" in heard["transcript"]


async def is_back(server: Server) -> bool:
    recogniser = (await server.http.get("/ready")).json()["recogniser"]
    return bool(recogniser["restarts"] and recogniser["engines"][0]["ready"])


async def test_an_answer_is_spoken_though_the_synthesiser_has_just_died(serve: Serve) -> None:
    server = await serve(synthesiser=["espeak:", "instant:"], engine_deadline_seconds=0.3)
    async with server.stream() as stream:
        assert kill_workers("espeak")
        await stream.type("what can you do")
        done = await stream.until("response.done")
        assert done["response"]["status"] == "completed"
        assert len(stream.sound) >= 32_000
