import asyncio
import http.server
import secrets
import threading
from collections.abc import Generator

import pytest

from sottovoce.client import ServerUnreachable, Sound, StreamClosed, VoiceClient, VoiceSession, client_events
from sottovoce.client import server_events as se
from sottovoce.errors import (
    ClientFault,
    InvalidKeyHash,
    SessionNotFound,
    TaskConflict,
    TaskNotFound,
    TooManySessions,
    UnknownTaskType,
)
from tests.client.conftest import KEY_HASH

TIMEOUT_S = 30


async def until(session: VoiceSession, kind: type[object]) -> list[object]:
    """All messages up to the first of that kind, it included."""
    messages: list[object] = []
    async with asyncio.timeout(TIMEOUT_S):
        async for message in session:
            messages.append(message)
            if isinstance(message, kind):
                return messages
    raise AssertionError(f"the session ended without any {kind.__name__}")


async def test_typed_text_is_answered_in_sound_and_words(session: VoiceSession) -> None:
    await session.send_text("hello there")
    messages = await until(session, se.OutputAudioBufferStopped)
    assert isinstance(messages[0], se.SessionCreated)
    sound = b"".join(message.pcm for message in messages if isinstance(message, Sound))
    assert len(sound) == pytest.approx(2 * 16_000, rel=0.05)  # the instant engine's one second
    (words,) = [each.transcript for each in messages if isinstance(each, se.ResponseOutputAudioTranscriptDone)]
    assert "hello there" in words


async def test_changed_settings_come_back(session: VoiceSession) -> None:
    output = client_events.AudioOutput(format=client_events.AudioFormat(type="audio/pcm", rate=24_000))
    await session.update(client_events.SessionChanges(audio=client_events.Audio(output=output)))
    (*_, updated) = await until(session, se.SessionUpdated)
    assert isinstance(updated, se.SessionUpdated)
    assert updated.session["audio"]["output"]["format"]["rate"] == 24_000


async def test_a_wrong_message_is_named_by_its_id(session: VoiceSession) -> None:
    event_id = await session.send(client_events.ResponseCancel())
    (*_, error) = await until(session, se.Error)
    assert isinstance(error, se.Error)
    assert error.error["event_id"] == event_id
    assert error.error["code"] == "response_cancel_not_active"


async def test_playback_is_reported_by_item(session: VoiceSession) -> None:
    await session.report_playback("item_that_is_not", 100)
    (*_, error) = await until(session, se.Error)
    assert isinstance(error, se.Error)
    assert error.error["code"] == "item_not_found"


async def test_the_session_is_shown_as_it_is(client: VoiceClient, session: VoiceSession) -> None:
    info = await session.info()
    assert (info.id, info.status, info.turn) == (session.id, "active", "idle")
    assert [each.id for each in await client.sessions()] == [session.id]
    assert (await session.stats())["device_type"] == "python"


async def test_a_task_from_start_to_end(session: VoiceSession) -> None:
    started = await session.start_task("timer", {"seconds": 3600})
    assert started["state"] in {"submitted", "working"}
    assert [task["id"] for task in await session.tasks()] == [started["id"]]
    assert await session.tasks(state="completed") == []
    cancelled = await session.cancel_task(started["id"])
    assert cancelled["state"] == "cancelled"
    assert (await session.task(started["id"]))["state"] == "cancelled"
    with pytest.raises(TaskConflict):
        await session.cancel_task(started["id"])
    with pytest.raises(TaskConflict):
        await session.answer_task(started["id"], value=True)


async def test_the_result_of_a_task(session: VoiceSession) -> None:
    started = await session.start_task("note", {"text": "the roof leaks"})
    async with asyncio.timeout(TIMEOUT_S):
        while (await session.task(started["id"]))["state"] != "completed":
            await asyncio.sleep(0.05)
    assert "the roof leaks" in str(await session.result(started["id"]))


async def test_the_servers_errors_are_the_clients(
    client: VoiceClient, session: VoiceSession, instant_server: str
) -> None:
    with pytest.raises(TaskNotFound, match="Task not found"):
        await session.task("none")
    with pytest.raises(UnknownTaskType):
        await session.start_task("fly", {})
    others = [await client.open() for _ in range(4)]
    with pytest.raises(TooManySessions, match="Maximum 5 concurrent sessions allowed") as refused:
        await client.open()
    assert refused.value.retry_after_s is not None
    for other in others:
        await other.close()
    namespace = (await session.info()).namespace_id
    async with VoiceClient(instant_server, namespace_id=namespace, key_hash="sha256:" + "d" * 64) as stranger:
        with pytest.raises(InvalidKeyHash):
            await stranger.open()
    async with VoiceClient(instant_server, namespace_id="not a name", key_hash=KEY_HASH) as nameless:
        with pytest.raises(ClientFault, match="namespace_id"):
            await nameless.open()


async def test_the_end_is_told_and_nothing_is_left(client: VoiceClient) -> None:
    session = await client.open()
    await session.end()
    (*_, ended) = [message async for message in session]
    assert isinstance(ended, se.SessionEnded)
    assert ended.reason == "client_closed"
    with pytest.raises(SessionNotFound):
        await session.info()
    with pytest.raises(StreamClosed):
        await session.send_text("anyone there?")
    await session.close()  # again, harmlessly


async def test_more_sound_than_the_server_takes_is_said_in_words(session: VoiceSession) -> None:
    second = bytes(2 * 16_000)
    with pytest.raises(StreamClosed, match="faster than twice real time") as closed:  # noqa: PT012 - either may tell
        for _ in range(12):
            await session.send_sound(second)
        await until(session, se.SessionEnded)
    assert closed.value.close_code == 4429


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "ftp://localhost", "http://"])
def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(ServerUnreachable, match="no address of a server"):
        VoiceClient(url, namespace_id="a", key_hash=KEY_HASH)


async def test_where_nobody_listens_it_says_what_to_start(free_port: int) -> None:
    async with VoiceClient(f"http://127.0.0.1:{free_port}", namespace_id="a", key_hash=KEY_HASH) as client:
        with pytest.raises(ServerUnreachable, match="sottovoce serve"):
            await client.open()


class _Stranger(http.server.BaseHTTPRequestHandler):
    answer = (404, b"<html>not here</html>")

    def do_POST(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def stranger() -> Generator[str, None, None]:
    """A web server that is none of ours."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", [(404, b"<html>not here</html>"), (200, b"hello"), (502, b"")])
async def test_another_kind_of_server_is_seen_to_be_one(
    answer: tuple[int, bytes], stranger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Stranger, "answer", answer)
    async with VoiceClient(stranger, namespace_id="a", key_hash=KEY_HASH) as client:
        with pytest.raises(ServerUnreachable, match="no Sottovoce server"):
            await client.open()


async def test_no_error_holds_a_ticket(stranger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = secrets.token_hex(16)
    url = stranger.replace("http", "ws") + f"/ws/voice?session_id=1&ticket={ticket}"
    body = f'{{"id":"1","namespace_id":"a","status":"created","created_at":"","websocket_url":"{url}"}}'
    monkeypatch.setattr(_Stranger, "answer", (200, body.encode()))
    async with VoiceClient(stranger, namespace_id="a", key_hash=KEY_HASH) as client:
        with pytest.raises(ServerUnreachable, match="WebSocket does not open") as refused:
            await client.open()
    assert refused.value.__suppress_context__
    assert ticket not in str(refused.value)
