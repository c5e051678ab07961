"""The client: open a session, speak or type into its stream, and read what comes.

    async with VoiceClient("http://127.0.0.1:8765", namespace_id="alice", key_hash=KEY_HASH) as client:
        async with client.session() as session:
            await session.send_text("what time is it")
            async for message in session:
                match message:
                    case ResponseOutputAudioTranscriptDone():
                        print(message.transcript)
                    case OutputAudioBufferStopped():
                        break

Clients in other languages follow the same shape: one object for the server (REST), one for the session (its stream,
and the calls about it), and a loop over what the session says.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from sottovoce import __version__
from sottovoce.client.calls import Opened, SessionCalls, SessionInfo
from sottovoce.client.errors import ABNORMAL_CLOSURE, ServerUnreachable, StreamClosed
from sottovoce.client.events import Event, Sound, decode
from sottovoce.client.rest import Rest, is_local
from sottovoce.client.stream import open_stream
from sottovoce.errors import NotSealedForThis
from sottovoce.vault.keys import NamespaceKeys
from sottovoce.vault.keys import decode as decode_base64
from sottovoce.vault.sealing import Purpose, SessionKey, open_sealed
from sottovoce.wire import client_events as ce

INPUT_RATE = 16_000
"""Samples a second of the sound that a session takes and gives, unless `session.update` says otherwise."""
BYTES_PER_SECOND = 2 * INPUT_RATE


class _Page(msgspec.Struct):
    sessions: list[SessionInfo]
    next: str | None


class VoiceClient:
    """One server, seen by one namespace. `keys` are its own; without them, `key_hash` is its fingerprint: `sha256:` and
    64 hex digits, the same for all of a namespace. `credential` is an API key or a JWT, where the server wants one.

    Raises CredentialUnusable, and ServerUnreachable for what is no address of a server. Every call raises
    ServerUnreachable, or the error of `sottovoce.errors` that the server answers with.
    """

    def __init__(
        self,
        base_url: str,
        *,
        namespace_id: str,
        key_hash: str = "",
        keys: NamespaceKeys | None = None,
        credential: str | None = None,
        device_type: str = "python",
        client_version: str = __version__,
    ) -> None:
        self._rest = Rest(base_url, keys, credential)
        self._namespace_id = namespace_id
        self._keys = keys
        self._who: dict[str, Any] = {
            "namespace_id": namespace_id,
            "key_hash": key_hash,
            "device_type": device_type,
            "client_version": client_version,
        }
        if keys is not None:
            self._who |= {"key_hash": keys.public.key_hash, "public_keys": keys.public.view()}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._rest.close()

    async def sessions(self) -> list[SessionInfo]:
        """The live sessions of the namespace, newest first."""
        found: list[SessionInfo] = []
        params = {"namespace_id": self._namespace_id}
        while True:
            page = await self._rest.call(_Page, "GET", "/sessions", params=params)
            found += page.sessions
            if page.next is None:
                return found
            params["after"] = page.next

    def at(self, session_id: str) -> SessionCalls:
        """Calls about a session, connected to or not."""
        return SessionCalls(self._rest, session_id)

    async def create(self) -> Opened:
        """A new session for somebody to connect to, within 30 s. Raises TooManySessions, InvalidKeyHash, NodeFull."""
        return await self._rest.call(Opened, "POST", "/sessions", body=self._who)

    async def open(self) -> "VoiceSession":
        """A new session with its stream connected. Raises TooManySessions, InvalidKeyHash, NodeFull."""
        opened = await self.create()
        session = await self._connected(opened)
        session.key = self._session_key(opened)
        return session

    async def attach(self, session_id: str) -> "VoiceSession":
        """Connect to a session that lives; whoever is connected to it no longer is. Raises SessionNotFound."""
        return await self._connected(await self._rest.call(Opened, "POST", f"/sessions/{session_id}/resume"))

    async def _connected(self, opened: Opened) -> "VoiceSession":
        try:
            stream = await open_stream(opened.websocket_url, direct=is_local(self._rest.base_url))
        except (OSError, TimeoutError, InvalidHandshake, InvalidURI):
            # The library's own words may hold the address, and with it the ticket.
            raise ServerUnreachable(
                f"{self._rest.base_url} answers, but its WebSocket does not open. Behind a proxy, the server needs "
                "public_url (SOTTOVOCE_PUBLIC_URL), and the proxy must pass WebSockets on"
            ) from None
        return VoiceSession(self._rest, opened.id, stream)

    def _session_key(self, opened: Opened) -> SessionKey | None:
        handed = opened.session_key
        if handed.plain is not None:
            return SessionKey(opened.id, decode_base64(handed.plain))
        if handed.sealed is None or self._keys is None:
            return None
        sealed = decode_base64(handed.sealed)
        return SessionKey(opened.id, open_sealed(self._keys.sealing, Purpose.SESSION_KEY, opened.id, sealed))

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["VoiceSession", None]:
        """A session that is closed at the end of the block, with all that was said in it."""
        session = await self.open()
        try:
            yield session
        finally:
            await session.close()


class VoiceSession(SessionCalls):
    """One session and its stream. Iterate over it to read; sending and reading may go on at the same time."""

    def __init__(self, rest: Rest, session_id: str, stream: ClientConnection) -> None:
        super().__init__(rest, session_id)
        self.key: SessionKey | None = None
        """What records of the session are sealed under; None if the server handed none over."""
        self.sent_bytes = 0
        """Of sound."""
        self._stream = stream
        self._events_sent = 0

    @property
    def sent_ms(self) -> int:
        """Whole milliseconds of sound sent so far, at 16 kHz: the clock of the server's `…_ms` fields."""
        return self.sent_bytes * 1000 // BYTES_PER_SECOND

    # -- what is said to the server ----------------------------------------------------------------------------------

    async def send_sound(self, pcm: bytes) -> None:
        """A piece of sound: 16 kHz, 16-bit little-endian, mono, at most 64 KiB. At most 10 s at once and twice real
        time on average: see `pacing`. Raises StreamClosed.
        """
        self.sent_bytes += len(pcm)
        await self._send(pcm)

    async def send(self, event: ce.AnyClientEvent) -> str:
        """An event, under an id of its own, which is returned: an `error` event names it. Raises StreamClosed."""
        self._events_sent += 1
        event_id = f"client_{self._events_sent}"
        event.event_id = event_id
        await self._send(msgspec.json.encode(event).decode())
        return event_id

    async def send_text(self, text: str) -> str:
        """Type something and ask for the answer; returns the id of the request. Raises StreamClosed."""
        part = ce.ContentPart(type="input_text", text=text)
        await self.send(ce.ConversationItemCreate(item=ce.MessageItem(type="message", role="user", content=[part])))
        return await self.send(ce.ResponseCreate())

    async def update(self, changes: ce.SessionChanges) -> None:
        """Change settings: language, formats, voice, turn detection. Raises StreamClosed."""
        await self.send(ce.SessionUpdate(session=changes))

    async def report_playback(self, item_id: str, audio_ms: int) -> None:
        """Tell how much of an answer was heard, so that it is cut to that. Raises StreamClosed."""
        await self.send(ce.PlaybackPosition(item_id=item_id, audio_ms=audio_ms))

    async def ping(self) -> Awaitable[float]:
        """What is returned is done once the server has read all that was sent before. Raises StreamClosed."""
        try:
            return await self._stream.ping()
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def _send(self, message: str | bytes) -> None:
        try:
            await self._stream.send(message)
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    # -- what the server says ----------------------------------------------------------------------------------------

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Messages as they come: text is an event's JSON (see `events.decode`), bytes are sound.

        Ends when the session does. Raises StreamClosed if the stream ends in any other way.
        """
        try:
            async for message in self._stream:
                yield message
        except ConnectionClosed as closed:
            raise _closed(closed) from None

    async def __aiter__(self) -> AsyncIterator[Event | Sound]:
        async for message in self.messages():
            yield decode(message) if isinstance(message, str) else Sound(message)

    async def close(self) -> None:
        """End the session and close the stream. Harmless if either is done already."""
        try:
            await self.end()
        finally:
            await self._stream.close()


def open_result(keys: NamespaceKeys, task_id: str, sealed: str) -> Any:
    """What a task made, out of `VoiceSession.sealed_result`. Raises NotSealedForThis."""
    try:
        return msgspec.json.decode(open_sealed(keys.sealing, Purpose.RESULT, task_id, decode_base64(sealed)))
    except ValueError:
        raise NotSealedForThis from None


def _closed(closed: ConnectionClosed) -> StreamClosed:
    return StreamClosed(closed.rcvd.code if closed.rcvd is not None else ABNORMAL_CLOSURE)
