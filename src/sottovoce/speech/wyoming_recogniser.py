"""`wyoming://host:port` as a recogniser: what Home Assistant's users already run (wyoming-faster-whisper, -vosk, …).

Each utterance has a connection of its own, from its first sound on, and every piece of sound is passed on as it comes.
Servers that stream tell words meanwhile; all tell them at the end.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech import base
from sottovoce.speech.base import HEARING_RATE, EngineStatus, Hearing
from sottovoce.speech.wyoming_line import Line, connected
from sottovoce.speech.wyoming_peer import Abilities, Peer, Program, choice, tags
from sottovoce.speech.wyoming_url import Place

ANSWER_S: Final = 30.0
"""How long a server may take from the end of the sound to the transcript."""
MAX_SOUND_BYTES: Final = 2 * HEARING_RATE * 65
"""Sound of an utterance beyond this is not heard. Turns are cut before."""
MAX_LETTERS: Final = 20_000
"""Of a transcript: twenty times what is said in a minute."""
_CHUNK_BYTES: Final = 2 * HEARING_RATE // 10
_FORMAT: Final = {"rate": HEARING_RATE, "width": 2, "channels": 1}


class _Hearing:
    """One utterance, and its connection once there is sound."""

    def __init__(self, peer: Peer, request: Transcribe, on_partial: Callable[[str], None]) -> None:
        self._peer = peer
        self._request = request
        self._on_partial = on_partial
        self._unsent = bytearray()
        self._more = asyncio.Event()
        self._room = MAX_SOUND_BYTES
        self._ended = False
        self._text = ""
        self._told = ""
        self._transcribing: asyncio.Task[str] | None = None

    def feed(self, pcm: bytes) -> None:
        """More sound; the first of it connects. Beyond MAX_SOUND_BYTES it is not heard."""
        pcm = pcm[: self._room]
        if not pcm or self._ended or not self._peer.open:
            return
        self._room -= len(pcm)
        self._unsent += pcm
        self._more.set()
        if self._transcribing is None:
            self._transcribing = self._peer.run(self._transcribe())

    async def finish(self) -> base.Transcript:
        """Raises EngineFault; EngineUnavailable when there is no server, or it was closed meanwhile."""
        self._ended = True
        self._more.set()
        if self._transcribing is None:
            self._peer.check_open()
            return base.Transcript("", 0.0)
        try:
            await asyncio.wait({self._transcribing}, timeout=ANSWER_S)
            if not self._transcribing.done():
                self._peer.doubt()
                raise EngineFault(f"The Wyoming server at {self._peer.place} gave no transcript in {ANSWER_S:g} s")
            if self._transcribing.cancelled():
                raise self._peer.closed()
            text = self._transcribing.result()
        finally:
            self.cancel()
        return base.Transcript(text, 1.0 if text else 0.0)

    def cancel(self) -> None:
        """Forget it and close the connection. Harmless after the end."""
        self._ended = True
        self._unsent.clear()
        self._text = self._told = ""
        if self._transcribing is not None:
            self._transcribing.cancel()

    async def _transcribe(self) -> str:
        async with connected(self._peer.place) as line:
            sending = asyncio.create_task(self._send(line))
            try:
                return await self._receive(line)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, line: Line) -> None:
        """What fails here, the receiving half sees as well: the server has gone."""
        await line.send(self._request, AudioStart(**_FORMAT))
        while self._unsent or not self._ended:
            await self._more.wait()
            self._more.clear()
            sound = bytes(self._unsent)
            self._unsent.clear()
            for first in range(0, len(sound), _CHUNK_BYTES):
                await line.send(AudioChunk(**_FORMAT, audio=sound[first : first + _CHUNK_BYTES]))
        await line.send(AudioStop())

    async def _receive(self, line: Line) -> str:
        """The final text. A server that ends the turn by its own judgement has ended it."""
        while True:
            event = await line.receive()
            if Transcript.is_type(event.type):
                return self._plain(line, line.read(event.data, Transcript).text)
            if TranscriptStop.is_type(event.type):
                return self._plain(line, self._text)
            if TranscriptStart.is_type(event.type):
                self._text = ""
            elif TranscriptChunk.is_type(event.type):
                self._text += line.read(event.data, TranscriptChunk).text
                self._tell(self._plain(line, self._text))

    def _tell(self, text: str) -> None:
        if text and text != self._told:
            self._told = text
            self._on_partial(text)

    def _plain(self, line: Line, text: str) -> str:
        if len(text) > MAX_LETTERS:
            raise line.fault("sends a transcript that is too long")
        return " ".join(text.lower().split())


class WyomingRecogniser:
    """A Wyoming server that hears. `place`: where, with which model, which of its languages."""

    name = "wyoming"
    answers_free_text = False

    def __init__(self, place: Place) -> None:
        self.languages: tuple[str, ...] = place.languages
        """All that the server tells of, once it has started."""
        self._peer = Peer(place, "recogniser")
        self._tags: Mapping[str, str] = {}

    async def start(self) -> None:
        """Ask the server what it hears. Raises EngineUnavailable, saying what to start or to name."""
        try:
            self._tags = self._choose(await self._peer.describe())
        except EngineUnavailable:
            raise
        except EngineFault as error:
            raise EngineUnavailable(error.message) from None
        self.languages = tuple(self._tags)
        self._peer.begin()

    def _choose(self, abilities: Abilities) -> Mapping[str, str]:
        """The languages, each with the server's name for it."""
        place = self._peer.place
        if not abilities.asr:
            raise EngineUnavailable(f"The Wyoming server at {place} hears nothing: name one that recognises speech")
        program: Program = abilities.asr[0]
        models = [model for model in program.models if place.model in {None, model.name}]
        if program.models and not models:
            names = choice(model.name for model in program.models)
            raise EngineUnavailable(f"The Wyoming server at {place} has no such model; it has {names}")
        found = tags([model for model in models if model.installed] or models, place.languages)
        if not found:
            raise EngineUnavailable(
                f"The Wyoming server at {place} does not tell its languages: name them, wyoming://{place}?languages=en"
            )
        return found

    async def close(self) -> None:
        """Cut every connection; who still waits for a transcript gets EngineUnavailable."""
        await self._peer.close()

    def status(self) -> EngineStatus:
        """Whether the server answered when it was last asked."""
        return EngineStatus(ready=self._peer.ready)

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:  # noqa: ARG002
        """Begin an utterance. Raises LanguageNotSupported, EngineUnavailable when it is not started."""
        self._peer.check_open()
        if language not in self._tags:
            raise LanguageNotSupported(
                f"The recogniser wyoming hears {', '.join(self.languages)} here. Type instead, or set "
                "SOTTOVOCE_RECOGNISER to an engine that knows the language"
            )
        request = Transcribe(name=self._peer.place.model, language=self._tags[language])
        return _Hearing(self._peer, request, on_partial)
