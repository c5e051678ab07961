"""The voice stream over a real socket, with real recordings; engines are instant."""

import asyncio
import base64
import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import websockets

from tests.http.conftest import Serve, Server, Stream

SPEECH = Path(__file__).parent.parent / "data" / "speech" / "austen-0880.wav"
FRAME_BYTES = 640


def speech(silence_s: float = 1.0) -> bytes:
    """A person says "he was not an ill disposed young man", between silences; 16 kHz."""
    pcm, _ = soundfile.read(SPEECH, dtype="int16")
    silence = np.zeros(int(16_000 * silence_s), np.int16)
    return bytes(np.concatenate([silence[:8_000], pcm, silence]).tobytes())


async def speak(stream: Stream, pcm: bytes, *, pace: float = 0.0) -> None:
    """Send it in frames of 20 ms; `pace` 1.0 is real time, 0.0 as fast as the burst allows."""
    for at in range(0, len(pcm), FRAME_BYTES):
        await stream.ws.send(pcm[at : at + FRAME_BYTES])
        await asyncio.sleep(0.02 * pace)


async def test_a_spoken_sentence_is_transcribed_and_answered_in_the_order_of_the_realtime_api(server: Server) -> None:
    async with server.stream() as stream:
        await speak(stream, speech())
        await stream.until("response.done")
        kinds = stream.kinds()
        kinds = [kind for kind in kinds if not kind.endswith(("acknowledged", "transcription.delta"))]
        assert kinds == [
            "session.created",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.input_audio_transcription.completed",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "output_audio_buffer.started",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        assert len(stream.sound) == 32_000, "one second of tone"
        ids = [event["event_id"] for event in stream.events]
        assert ids == sorted(set(ids))
        started = next(e for e in stream.events if e["type"].endswith("speech_started"))
        stopped = next(e for e in stream.events if e["type"].endswith("speech_stopped"))
        assert 200 <= started["audio_start_ms"] <= 600, "300 ms of sound are kept from before the start"
        assert stopped["audio_end_ms"] > 2_500


@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_other_rates_are_heard_and_spoken(server: Server, rate: int) -> None:
    pcm = np.frombuffer(speech(), np.int16)

    resampled = bytes(soxr.resample(pcm, 16_000, rate).tobytes())
    async with server.stream() as stream:
        audio = {"type": "audio/pcm", "rate": rate}
        session = {"type": "realtime", "audio": {"input": {"format": audio}, "output": {"format": audio}}}
        await stream.send(type="session.update", session=session)
        updated = await stream.until("session.updated")
        assert updated["session"]["audio"]["input"]["format"]["rate"] == rate
        for at in range(0, len(resampled), 2 * rate // 50):
            await stream.ws.send(resampled[at : at + 2 * rate // 50])
        await stream.until("response.done")
        assert abs(len(stream.sound) - 2 * rate) < 0.02 * rate


async def test_sound_in_base64_is_heard_like_binary(server: Server) -> None:
    async with server.stream() as stream:
        pcm = speech()
        for at in range(0, len(pcm), 16_000):
            audio = base64.b64encode(pcm[at : at + 16_000]).decode()
            await stream.send(type="input_audio_buffer.append", audio=audio)
        await stream.until("response.done")


async def test_large_messages_and_single_samples_are_the_same_sound(server: Server) -> None:
    pcm = speech()
    seen = []
    for size in (65_536, 2_000, 250):
        async with server.stream() as stream:
            for at in range(0, len(pcm), size):
                await stream.ws.send(pcm[at : at + size])
            await stream.until("input_audio_buffer.speech_stopped")
            seen.append([(e["type"], e.get("audio_start_ms"), e.get("audio_end_ms")) for e in stream.events
                         if "speech_st" in e["type"]])  # fmt: skip
    assert seen[0] == seen[1] == seen[2]


async def test_a_client_may_commit_its_turns_itself(server: Server) -> None:
    async with server.stream() as stream:
        await stream.send(type="session.update", session={"audio": {"input": {"turn_detection": None}}})
        await stream.until("session.updated")
        await stream.send(type="input_audio_buffer.commit", event_id="early")
        error = (await stream.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "early")
        await speak(stream, speech()[:50_000])
        await stream.send(type="input_audio_buffer.clear")
        await stream.until("input_audio_buffer.cleared")
        await speak(stream, speech())
        await stream.send(type="input_audio_buffer.commit")
        await stream.send(type="response.create")
        done = await stream.until("response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"]
        assert not any("speech_st" in kind for kind in stream.kinds())


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
async def test_a_turn_that_a_client_commits_is_all_that_it_sent_and_no_more(server: Server, rate: int) -> None:
    async with server.stream() as stream:
        sound = {"format": {"type": "audio/pcm", "rate": rate}, "turn_detection": None}
        await stream.send(type="session.update", session={"audio": {"input": sound}})
        for length_s in (1.0, 0.5, 1.0):
            for _ in range(round(length_s * 50)):
                await stream.ws.send(bytes(2 * rate // 50))
            await stream.send(type="input_audio_buffer.commit")
            heard = await stream.until("conversation.item.input_audio_transcription.completed")
            assert heard["usage"]["seconds"] == pytest.approx(length_s, abs=0.002)


async def test_typed_text_is_answered_in_sound_or_text_and_starts_tasks(server: Server) -> None:
    async with server.stream() as stream:
        await stream.send(type="session.update", session={"output_modalities": ["text"]})
        await stream.type("Take a note: the projector is broken")
        done = await stream.until("response.done")
        assert done["response"]["output_modalities"] == ["text"]
        completed = next(event for event in stream.events if event["type"] == "task.completed")
        assert completed["task"]["type"] == "note"
        assert "projector" in json.dumps(completed["result"])
        tasks = (await server.http.get(f"/api/v1/sessions/{completed['task']['session_id']}/tasks")).json()
        assert [task["state"] for task in tasks] == ["completed"]
        assert not stream.sound


async def test_speech_over_an_answer_stops_it_and_cuts_it_to_what_was_heard(server: Server) -> None:
    async with server.stream() as stream:
        await stream.type("hello there")
        await stream.until("output_audio_buffer.started")
        item_id = next(e for e in stream.events if e["type"] == "response.output_item.added")["item"]["id"]
        await stream.send(type="playback.position", item_id=item_id, audio_ms=160)
        await speak(stream, speech()[: 2 * 16_000])
        done = await stream.until("response.done")
        assert done["response"]["status"] == "cancelled"
        assert done["response"]["status_details"]["reason"] == "turn_detected"
        truncated = await stream.until("conversation.item.truncated")
        assert truncated["audio_end_ms"] == 160
        kinds = stream.kinds()
        assert kinds.index("output_audio_buffer.cleared") > kinds.index("input_audio_buffer.speech_started")
        heard = len(stream.sound)
        await speak(stream, speech()[2 * 16_000 :])
        await stream.until("conversation.item.input_audio_transcription.completed")
        assert len(stream.sound) == heard, "no sound of the stopped answer came after its end"
        stats = (await server.http.get(f"/api/v1/sessions/{_id(stream)}/stats")).json()
        assert stats["interruptions_count"] == 1


def _id(stream: Stream) -> str:
    session_id: str = stream.events[0]["session"]["id"]
    return session_id


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_json"),
        ("[]", "invalid_message"),
        ('{"type":"nonsense"}', "unknown_event_type"),
        ('{"type":"session.update"}', "invalid_value"),
        ('{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":44100}}}}}',
         "unsupported_audio_format"),
        ('{"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcmu"}}}}}', "invalid_value"),
        ('{"type":"conversation.item.delete","item_id":"x"}', "item_not_found"),
        ('{"type":"response.cancel"}', "response_cancel_not_active"),
        ('{"type":"input_audio_buffer.append","audio":"AAA="}', None),
        ('{"type":"input_audio_buffer.append","audio":"AAAA"}', "odd_number_of_bytes"),
        (b"abc", "odd_number_of_bytes"),
    ],
)  # fmt: skip
async def test_a_wrong_message_is_answered_and_harms_nothing(
    server: Server, message: str | bytes, code: str | None
) -> None:
    async with server.stream() as stream:
        await stream.ws.send(message)
        if code is not None:
            error = (await stream.until("error"))["error"]
            assert (error["type"], error["code"]) == ("invalid_request_error", code)
        await stream.type("hello")
        await stream.until("response.done")


@pytest.mark.parametrize("wrong", [
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "input_audio_buffer.append", "audio": 5},
    {"type": "input_audio_buffer.commit"},
    {"type": "nonsense"},
])  # fmt: skip
async def test_an_error_names_the_event_that_was_wrong(server: Server, wrong: dict[str, object]) -> None:
    async with server.stream() as stream:
        await stream.send(event_id="mine", **wrong)
        assert (await stream.until("error"))["error"]["event_id"] == "mine"


async def test_wrong_messages_again_and_again_close_with_4400(server: Server) -> None:
    async with server.stream() as stream:
        for _ in range(10):
            await stream.ws.send("nonsense")
        assert (await stream.closed())[0] == 4400


async def test_well_formed_messages_that_cannot_be_served_never_close_it(server: Server) -> None:
    async with server.stream() as stream:
        for _ in range(25):
            await stream.send(type="response.cancel")
        await stream.type("hello")
        await stream.until("response.done")


@pytest.mark.parametrize(
    "message", ['{"type":"nope", !!}', '{"type":"nope","x":' + "[" * 5_000 + "}", '{"event_id":5,"type":"x', "\x00"]
)
async def test_a_message_that_is_wrong_in_two_ways_is_answered_too(server: Server, message: str) -> None:
    async with server.stream() as stream:
        await stream.ws.send(message)
        await stream.until("error")
        await stream.type("hello")
        await stream.until("response.done")


async def test_changing_the_rate_gives_no_more_sound_than_is_allowed(server: Server) -> None:
    async with server.stream() as stream:
        for rate in (48_000, 24_000) * 3:
            session = {"audio": {"input": {"format": {"type": "audio/pcm", "rate": rate}}}}
            await stream.send(type="session.update", session=session)
            for _ in range(8):
                await stream.ws.send(bytes(60_000))
        assert (await stream.closed())[0] == 4429


async def test_a_client_that_reads_everything_is_never_cut_off_whatever_it_reads(server: Server) -> None:
    async with server.stream() as stream:
        for _ in range(90):
            await stream.send(type="session.update", session={"instructions": "音" * 3_900})
            await stream.until("session.updated")


async def test_settings_may_change_within_a_turn(server: Server) -> None:
    async with server.stream() as stream:
        pcm = speech()
        await speak(stream, pcm[:60_000])
        await stream.until("input_audio_buffer.speech_started")
        vad = {"type": "server_vad", "silence_duration_ms": 400}
        await stream.send(type="session.update", session={"audio": {"input": {"turn_detection": vad}}})
        await stream.until("session.updated")
        await speak(stream, pcm[60_000:])
        stopped = await stream.until("input_audio_buffer.speech_stopped")
        assert stopped["audio_end_ms"] > 2_500


async def test_a_silent_session_lives_on_while_a_timer_runs(serve: Serve) -> None:
    server = await serve(idle_timeout_seconds=0.6)
    async with server.stream() as stream:
        await stream.type("set a timer for two seconds")
        await stream.until("task.completed")
        assert (await stream.closed())[0] == 4408


async def test_a_server_that_stops_says_goodbye(serve: Serve) -> None:
    server = await serve()
    async with server.stream() as stream:
        await stream.until("session.created")
        await server.hub.drain()
        assert (await stream.closed())[0] == 1001
        assert [event["type"] for event in stream.events[-2:]] == ["session.expiring", "session.ended"]
        assert stream.events[-1]["reason"] == "server_stopping"
    assert (await server.create()).status_code == 503


async def test_right_messages_between_wrong_ones_keep_it_open(server: Server) -> None:
    async with server.stream() as stream:
        for _ in range(15):
            await stream.ws.send("nonsense")
            await stream.ws.send(bytes(64))
        await stream.type("hello")
        await stream.until("response.done")


@pytest.mark.parametrize("wrong", ["nonsense", b"abc"])
async def test_a_flood_of_wrong_messages_with_right_ones_between_closes_with_4429(
    server: Server, wrong: str | bytes
) -> None:
    async with server.stream() as stream:
        with contextlib.suppress(websockets.ConnectionClosed):
            for _ in range(60):
                for _ in range(9):
                    await stream.ws.send(wrong)
                await stream.ws.send(b"")
        assert (await stream.closed())[0] == 4429


async def test_a_message_over_64_kib_closes_with_1009(server: Server) -> None:
    async with server.stream() as stream:
        await stream.ws.send(bytes(65_538))
        assert (await stream.closed())[0] == 1009
    async with server.stream() as stream:
        await stream.ws.send(bytes(65_536))
        await stream.type("hello")
        await stream.until("response.done")


async def test_sound_faster_than_twice_real_time_closes_with_4429(server: Server) -> None:
    async with server.stream() as stream:
        for _ in range(40):
            await stream.ws.send(bytes(32_000))
        assert (await stream.closed())[0] == 4429


async def test_a_flood_of_text_closes_with_4429(server: Server) -> None:
    async with server.stream() as stream:
        for _ in range(400):
            await stream.ws.send('{"type":"output_audio_buffer.clear"}')
        assert (await stream.closed())[0] == 4429


@pytest.mark.parametrize(
    "query",
    ["", "?" + "&".join(f"a{n}=1" for n in range(20)), "?", "?session_id=", "?session_id=nope&ticket=x", "?ticket=x"],
)
async def test_no_such_session_is_accepted_and_closed_with_4404(server: Server, query: str) -> None:
    base = str(server.http.base_url).replace("http", "ws", 1)
    async with server.stream(f"{base}/ws/voice{query}") as stream:
        assert (await stream.closed())[0] == 4404


async def test_a_ticket_is_needed_and_opens_once(server: Server) -> None:
    url = (await server.session())["websocket_url"]
    async with server.stream(url.partition("&ticket=")[0]) as stream:
        assert (await stream.closed())[0] == 4401
    async with server.stream(url + "x") as stream:
        assert (await stream.closed())[0] == 4401
    async with server.stream(url) as stream:
        await stream.until("session.created")
        async with server.stream(url) as second:
            assert (await second.closed())[0] == 4401
        await stream.type("hello")
        await stream.until("response.done")


async def test_a_deleted_session_says_its_last_word_and_closes_cleanly(server: Server) -> None:
    async with server.stream() as stream:
        created = await stream.until("session.created")
        await server.http.delete(f"/api/v1/sessions/{created['session']['id']}")
        assert await stream.closed() == (1000, "the session has ended")
        last = stream.events[-1]
        assert (last["type"], last["reason"]) == ("session.ended", "client_closed")
        assert set(last["usage"]) == {
            "messages",
            "responses",
            "interruptions",
            "tasks",
            "audio_chunks",
            "audio_seconds",
        }


async def test_a_session_deleted_while_it_ends_is_gone_when_that_is_answered(server: Server) -> None:
    async with server.stream() as stream:
        await stream.until("session.created")
        live = server.hub.find(_id(stream))
        for runner in filter(None, [live.runner]):
            runner.say_goodbye()  # it ends a moment later
        await server.hub.delete(live.id)
        assert live.runner is None
        assert (await stream.closed()) == (1000, "the session has ended")
        assert stream.events[-1]["reason"] == "said_goodbye"
    assert len(server.hub._deadlines) == 0


async def test_goodbye_ends_the_session_after_it_was_heard(server: Server) -> None:
    async with server.stream() as stream:
        await stream.type("goodbye")
        await stream.until("response.done")
        code, _ = await stream.closed()
        assert (code, stream.events[-1]["reason"]) == (1000, "said_goodbye")


async def test_silence_warns_and_then_closes_with_4408(serve: Serve) -> None:
    server = await serve(idle_timeout_seconds=0.8)
    async with server.stream() as stream:
        for _ in range(3):
            await stream.ws.send(bytes(640))  # silence is not a sign of life
        expiring = await stream.until("session.expiring")
        assert expiring["reason"] == "idle"
        assert (await stream.closed())[0] == 4408
        assert stream.events[-1]["type"] == "session.ended"


async def test_the_time_limit_ends_a_session_and_get_says_closed_with_nothing_in_it(serve: Serve) -> None:
    server = await serve(session_ttl_hours=1.5 / 3_600)
    async with server.stream() as stream:
        await stream.type("take a note the secret canary")
        session_id = (await stream.until("session.created"))["session"]["id"]
        assert (await stream.closed())[0] == 1000
        assert stream.events[-1]["reason"] == "time_limit"
    view = await server.http.get(f"/api/v1/sessions/{session_id}")
    assert (view.json()["status"], view.json()["message_count"], view.json()["pending_tasks"]) == ("closed", 0, 0)
    assert (await server.http.get(f"/api/v1/sessions/{session_id}/tasks")).json() == []
    refused = await server.http.post(
        f"/api/v1/sessions/{session_id}/tasks", json={"type": "note", "arguments": {"text": "x"}}
    )
    assert refused.status_code == 404


async def test_a_dropped_connection_suspends_and_then_ends_the_session(serve: Serve) -> None:
    server = await serve(grace_seconds=0.5, max_sessions_per_user=1)
    session = await server.session()
    async with server.stream(session["websocket_url"]) as stream:
        await speak(stream, speech()[:40_000])
        await stream.until("input_audio_buffer.speech_started")
        stream.ws.transport.abort()
    seen = set[str]()
    async with asyncio.timeout(10):
        while "closed" not in seen:
            seen.add((await server.http.get(f"/api/v1/sessions/{session['id']}")).json()["status"])
            await asyncio.sleep(0.02)
    assert "suspended" in seen
    assert (await server.create()).status_code == 200


async def test_a_client_that_does_not_read_costs_others_nothing(server: Server) -> None:
    async with server.stream() as slow, server.stream() as other:
        slow.ws.transport.pause_reading()
        for _ in range(150):
            await slow.send(type="session.update", session={"instructions": "x" * 3_900})
        await other.type("hello")
        await other.until("response.done")


async def test_a_language_nobody_hears_is_said_at_once_and_typing_goes_on(server: Server) -> None:
    async with server.stream() as stream:
        session = {"audio": {"input": {"transcription": {"language": "fr"}}}}
        await stream.send(type="session.update", session=session)
        error = (await stream.until("error"))["error"]
        assert error["code"] == "language_not_supported"
        await speak(stream, speech())
        failed = await stream.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "language_not_supported"


async def test_a_thousand_sessions_dropped_mid_word_leave_nothing_behind(serve: Serve) -> None:
    server = await serve(grace_seconds=0.2)
    tasks_before = len(asyncio.all_tasks())

    async def drop(number: int) -> None:
        url = (await server.session(f"n{number}"))["websocket_url"]
        async with server.stream(url) as stream:
            await speak(stream, speech()[:30_000])
            await stream.until("input_audio_buffer.speech_started")
            stream.ws.transport.abort()

    for batch in range(20):
        await asyncio.gather(*(drop(50 * batch + number) for number in range(50)))
    async with asyncio.timeout(30):
        while server.hub.live or len(server.hub.node.detector):
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)
    assert len(asyncio.all_tasks()) <= tasks_before + 2
    assert not server.hub.node.detector.waiting
    assert server.hub.node.metrics.connections_live._value.get() == 0
    assert await server.hub.sessions_of("n1", 10, None) == []
