"""A whole conversation from a list of things to say: each is sent, and answered to the end, before the next."""

import asyncio
import itertools
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec

from sottovoce.client.errors import StreamClosed
from sottovoce.client.events import Event, Sound, decode
from sottovoce.client.pacing import RealTime, Rush
from sottovoce.client.progress import Progress
from sottovoce.client.voice import BYTES_PER_SECOND, VoiceSession
from sottovoce.errors import SottovoceError
from sottovoce.wire import client_events as ce

SILENCE_AFTER_S = 30.0
"""The most silence sent after a recording. Less than 6 s is enough: within 5 s of silence the server says how far it
has heard."""
PATIENCE_S = 60.0
"""A server that owes an answer and says nothing for so long has failed."""
LOOK_AGAIN_S = 0.1

Show = Callable[[str | bytes, Event | Sound], None]
"""Gets every message of the server: as it came, and what it means."""


class Spoken(msgspec.Struct, frozen=True):
    """Sound to be played to the server: 16 kHz, 16-bit, mono PCM, read as it is needed."""

    name: str
    sound: Callable[[], Iterable[bytes]]


class Typed(msgspec.Struct, frozen=True):
    """Text to be sent."""

    text: str


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk."""

    fast: bool = False
    """Send recordings as fast as the server takes them, not at the speed of speech."""
    mute: bool = False
    """Have answers written, not spoken."""
    language: str | None = None
    wait_s: float = 3.0
    """How long to wait, in the end, for tasks that are still at work."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How it went."""

    silent: list[str]
    """Names of recordings in which the server found no speech."""
    unsaid: int
    """How many things were not said, as the session ended before."""
    failed: int
    """Turns that could not be transcribed or answered, and requests that were refused."""
    ended: str
    """Why the session ended."""
    still_at_work: int
    """Tasks that were not awaited, and went with the session."""


class NoAnswer(SottovoceError):
    """The server owes something and has said nothing for long."""


def session_changes(options: Options) -> ce.SessionChanges:
    """What is to be different from the server's defaults."""
    input_ = ce.AudioInput()
    if options.language is not None:
        input_.transcription = ce.Transcription(language=options.language)
    if options.fast:
        # Sent fast, the next turn is there before the answer to the last one was heard. It does not mean to interrupt.
        input_.turn_detection = ce.ServerVad(interrupt_response=False)
    changes = ce.SessionChanges(audio=ce.Audio(input=input_))
    if options.mute:
        changes.output_modalities = ["text"]
    return changes


class Talk:
    """One conversation over one session."""

    def __init__(self, session: VoiceSession, options: Options, show: Show) -> None:
        self.progress = Progress()
        self._session = session
        self._options = options
        self._show = show
        self._pace = Rush(session) if options.fast else RealTime(session)
        self._news = asyncio.Event()
        self._silent: list[str] = []

    async def run(self, things: Sequence[Spoken | Typed]) -> Outcome:
        """Say each thing, wait for what comes of it, and end the session.

        Raises StreamClosed, NoAnswer, SoundUnreadable, and what `show` raises.
        """
        reading = asyncio.create_task(self._read())
        try:
            await self._session.update(session_changes(self._options))
            unsaid = await self._say_all(things, reading)
            await self._tasks_done(reading)
            still_at_work = self.progress.tasks_at_work if self.progress.ended is None else 0
            await self._session.end()
            async with asyncio.timeout(PATIENCE_S):
                await reading
        except TimeoutError:
            raise NoAnswer(f"The server did not close the session within {PATIENCE_S:.0f} s") from None
        finally:
            reading.cancel()
        return Outcome(
            silent=self._silent,
            unsaid=unsaid,
            failed=self.progress.failed + self.progress.faults,
            ended=self.progress.ended or "",
            still_at_work=still_at_work,
        )

    async def run_live(self, sound: AsyncIterable[bytes]) -> None:
        """Send what comes from a microphone until the session ends. Raises StreamClosed, MicrophoneUnavailable."""
        await self._session.update(session_changes(self._options))
        sending = asyncio.create_task(self._send_live(sound))
        try:
            await self._read()
            if sending.done():
                await sending
        finally:
            sending.cancel()
            await asyncio.wait({sending})

    async def _send_live(self, sound: AsyncIterable[bytes]) -> None:
        async for piece in sound:
            await self._session.send_sound(piece)

    async def _read(self) -> None:
        try:
            async for raw in self._session.messages():
                message = decode(raw) if isinstance(raw, str) else Sound(raw)
                if not isinstance(message, Sound):
                    self.progress.receive(message)
                self._show(raw, message)
                self._news.set()
        finally:
            self._news.set()

    async def _say_all(self, things: Sequence[Spoken | Typed], reading: asyncio.Task[None]) -> int:
        """Returns how many could not be said any more."""
        for said, thing in enumerate(things):
            if self.progress.ended is not None:
                return len(things) - said
            try:
                await self._say(thing, reading)
            except StreamClosed:
                await reading  # it knows whether this is how a session ends
        return 0

    async def _say(self, thing: Spoken | Typed, reading: asyncio.Task[None]) -> None:
        if isinstance(thing, Typed):
            self.progress.asked(await self._session.send_text(thing.text))
            await self._settled(reading, self.progress.heard_to_ms)
        else:
            await self._play(thing, reading)

    async def _play(self, recording: Spoken, reading: asyncio.Task[None]) -> None:
        turns_before = self.progress.turns
        sending = asyncio.create_task(self._send(recording))
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await self._settled(reading, await sending)
        finally:
            sending.cancel()
            await asyncio.wait({sending})
        if reading.done():
            reading.result()
        if self.progress.turns == turns_before and self.progress.ended is None:
            self._silent.append(recording.name)

    async def _send(self, recording: Spoken) -> int:
        """The recording, then silence until the server has heard it all. Returns where the recording ends, in ms."""
        await self._pace.send(recording.sound())
        end_ms = self._session.sent_ms
        await self._pace.send(itertools.takewhile(lambda _: self.progress.heard_to_ms < end_ms, _silence()))
        return end_ms

    async def _settled(self, reading: asyncio.Task[None], sent_ms: int) -> None:
        """Wait until everything was heard and answered, or the session is over."""
        while not reading.done():
            self._news.clear()
            if self.progress.settled(sent_ms):
                # An answer that follows upon another is told a moment later: the server knows whether one does.
                if self.progress.ended is not None or (await self._session.info()).turn == "idle":
                    return
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                await self._wait_for_news()
        reading.result()

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._news.wait()
        except TimeoutError:
            raise NoAnswer(
                f"The server owes an answer and has said nothing for {PATIENCE_S:.0f} s. "
                "Its log may say why; `sottovoce doctor` tries its engines"
            ) from None

    async def _tasks_done(self, reading: asyncio.Task[None]) -> None:
        """Give tasks that finish soon the time to, and to be told of."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.wait_s):
                while self.progress.ended is None and not reading.done() and self.progress.tasks_at_work:
                    self._news.clear()
                    await self._news.wait()
        await self._settled(reading, self.progress.heard_to_ms)


def _silence() -> Iterator[bytes]:
    """Pieces of 100 ms."""
    piece = bytes(BYTES_PER_SECOND // 10)
    yield from itertools.repeat(piece, int(SILENCE_AFTER_S * 10))
