"""`wyoming://host:port` as a synthesiser: what Home Assistant's users already run (wyoming-piper, …).

A server that streams gets the whole text and sends the sound of each sentence once it has it. Any other gets the text
in pieces of a few sentences, each over a connection of its own, the next one while the one before is still listened to.
What a server sends is taken from it at once, up to half a minute ahead: who listens slowly holds up nobody.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, NamedTuple

import structlog
from wyoming.audio import AudioChunk, AudioStop
from wyoming.event import Eventable
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech.base import EngineStatus
from sottovoce.speech.sentences import pieces
from sottovoce.speech.wyoming_line import Line, connected
from sottovoce.speech.wyoming_peer import Abilities, Offer, Peer, Program, choice, tags
from sottovoce.speech.wyoming_sound import Format, Intake, cut
from sottovoce.speech.wyoming_url import Place, base

ANSWER_S: Final = 20.0
"""How long a server may send no sound while it has something to say."""
FIRST_ANSWER_S: Final = 60.0
"""The same at the start, when it may have to load a voice first."""
AHEAD_S: Final = 30
"""Sound is taken from the server so far ahead of its listener."""
LEAST_MOST_S: Final = 20.0
MOST_S_A_LETTER: Final = 0.5
"""More sound than this for a text, a server does not get rid of: a letter takes 0.07 s to say."""
CHUNKS_A_SECOND: Final = 10
_TRIED_WITH = "Hello."

log = structlog.get_logger()


class _Request(NamedTuple):
    """What the server is asked to say, and what it says when it has."""

    messages: list[Eventable]
    end: type[Eventable]
    letters: int


def _request(texts: list[str], voice: SynthesizeVoice, *, streams: bool) -> _Request:
    letters = sum(map(len, texts))
    if not streams:
        return _Request([Synthesize(" ".join(texts), voice)], AudioStop, letters)
    chunks = [SynthesizeChunk(text + " ") for text in texts]
    return _Request([SynthesizeStart(voice), *chunks, SynthesizeStop()], SynthesizeStopped, letters)


class _Saying:
    """One text on its way over one connection, and the sound of it that nobody has taken yet."""

    def __init__(self, peer: Peer, request: _Request, rate: int) -> None:
        self._peer = peer
        self._request = request
        self._rate = rate
        self._room_bytes = round((LEAST_MOST_S + MOST_S_A_LETTER * request.letters) * rate) * 2
        self._sound: asyncio.Queue[bytes | EngineFault | None] = asyncio.Queue()
        """Chunks, then None; or a fault."""
        self._taken = asyncio.Event()
        self._fetching = peer.run(self._fetch())

    async def sound(self) -> AsyncGenerator[bytes, None]:
        """Raises EngineFault."""
        while (chunk := await self._sound.get()) is not None:
            self._taken.set()
            if isinstance(chunk, EngineFault):
                raise chunk
            yield chunk

    def cancel(self) -> None:
        """Close the connection, forget the rest. Harmless after the end."""
        self._fetching.cancel()

    async def _fetch(self) -> None:
        try:
            async with connected(self._peer.place) as line:
                await self._receive(line)
        except EngineFault as fault:
            self._sound.put_nowait(fault)
            raise
        except asyncio.CancelledError:
            self._sound.put_nowait(self._peer.closed())
            raise
        except Exception as error:
            log.error("engine_failed", engine="wyoming", error=type(error).__name__)
            self._sound.put_nowait(EngineFault("What a Wyoming server sent could not be used"))
            raise
        self._sound.put_nowait(None)

    async def _receive(self, line: Line) -> None:
        intake: Intake | None = None
        await _send(line, self._request)
        while (came := await _next_sound(line, ANSWER_S, self._request.end)) is not None:
            source, pcm = came
            if intake is None or intake.source != source:
                await self._keep(line, intake.flush() if intake is not None else b"")
                intake = Intake(source, self._rate)
            await self._keep(line, intake.take(pcm))
        await self._keep(line, intake.flush() if intake is not None else b"")

    async def _keep(self, line: Line, pcm: bytes) -> None:
        """Until it is taken; waits where too much was not."""
        self._room_bytes -= len(pcm)
        if self._room_bytes < 0:
            raise line.fault("makes more sound than the text can have")
        for chunk in cut(pcm, 2 * (self._rate // CHUNKS_A_SECOND)):
            self._sound.put_nowait(chunk)
        while self._sound.qsize() > AHEAD_S * CHUNKS_A_SECOND:
            self._taken.clear()
            await self._taken.wait()


async def _send(line: Line, request: _Request) -> None:
    try:
        async with asyncio.timeout(ANSWER_S):
            await line.send(*request.messages)
    except TimeoutError:
        raise line.fault("takes no text") from None


async def _next_sound(line: Line, within_s: float, end: type[Eventable]) -> tuple[Format, bytes] | None:
    """None: that was all. Raises EngineFault, also when the server sends everything but sound."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                event = await line.receive()
                if end.is_type(event.type):
                    return None
                if AudioChunk.is_type(event.type) and event.payload:
                    break
    except TimeoutError:
        raise line.fault(f"was silent for {within_s:g} s") from None
    source = line.read(event.data, Format)
    if not source.usable:
        raise line.fault("sends sound of a format that cannot be used: let it send PCM of 8, 16 or 32 bits")
    return source, event.payload


class WyomingSynthesiser:
    """A Wyoming server that speaks. `place`: where, with which voices, in which of its languages.

    Wyoming has no speed: every text is said at the server's own.
    """

    name = "wyoming"

    def __init__(self, place: Place) -> None:
        self.languages: tuple[str, ...] = place.languages
        """All that the server tells of, once it has started."""
        self.voices: tuple[str, ...] = place.voices
        """The URL's; without any, the server's that speak these languages, once it has started."""
        self.sample_rate = 22_050
        """The server's own, once it has started; what comes at another is converted."""
        self._peer = Peer(place, "synthesiser")
        self._tags: Mapping[str, str] = {}
        self._own_voices: Mapping[str, str] = {}
        """Language to the voice that the URL names for it."""
        self._streams = False

    async def start(self) -> None:
        """Ask the server what it speaks, and have it say a word. Raises EngineUnavailable, saying what to start or to
        name."""
        try:
            self._choose(await self._peer.describe())
            rates = [await self._try(voice) for voice in self._first_voices()]
        except EngineUnavailable:
            raise
        except EngineFault as error:
            raise EngineUnavailable(error.message) from None
        self.sample_rate = rates[0]
        self._peer.begin()

    def _choose(self, abilities: Abilities) -> None:
        place = self._peer.place
        if not abilities.tts:
            raise EngineUnavailable(f"The Wyoming server at {place} does not speak: name one that synthesises speech")
        program: Program = abilities.tts[0]
        usable = [voice for voice in program.voices if voice.installed] or program.voices
        named = [voice for voice in program.voices if voice.name in place.voices]
        # Who names voices means those and their languages: others a server may have to fetch first.
        offered = named or usable
        self._tags = tags(offered, place.languages)
        if not self._tags:
            raise EngineUnavailable(
                f"The Wyoming server at {place} does not tell its languages: name them, wyoming://{place}?languages=en"
            )
        self.languages = tuple(self._tags)
        self.voices = place.voices or tuple(voice.name for voice in offered if self._tags.keys() & _languages(voice))
        self._own_voices = self._by_language(named)
        self._streams = program.supports_synthesize_streaming

    def _by_language(self, named: list[Offer]) -> Mapping[str, str]:
        """Voices that the URL names, and the server does not, speak whatever no other does."""
        known = {voice.name for voice in named}
        others = [voice for voice in self._peer.place.voices if voice not in known]
        chosen = dict.fromkeys(self.languages, others[0]) if others else {}
        return chosen | {language: voice.name for voice in reversed(named) for language in _languages(voice)}

    def _first_voices(self) -> list[SynthesizeVoice]:
        """Those of the URL, or the server's own for its first language."""
        named = self._peer.place.voices
        return [SynthesizeVoice(name=name) for name in named] or [self._voice(self.languages[0], None)]

    async def _try(self, voice: SynthesizeVoice) -> int:
        """The rate at which the voice speaks. The server loads it meanwhile. Raises EngineFault, naming the voice."""
        try:
            return await self._rate(voice)
        except EngineUnavailable:
            raise
        except EngineFault as error:
            what = f"with the voice {voice.name}" if voice.name else f"in the language {voice.language}"
            raise EngineFault(f"{error.message}, asked to speak {what}") from None

    async def _rate(self, voice: SynthesizeVoice) -> int:
        request = _request([_TRIED_WITH], voice, streams=self._streams)
        rate = 0
        async with connected(self._peer.place) as line:
            await _send(line, request)
            try:
                async with asyncio.timeout(FIRST_ANSWER_S):
                    # To its end: servers log a connection that is cut before as an error.
                    while (came := await _next_sound(line, FIRST_ANSWER_S, request.end)) is not None:
                        rate = rate or came[0].rate
            except TimeoutError:
                raise line.fault("does not come to an end") from None
            if not rate:
                raise line.fault("makes no sound")
        return rate

    async def close(self) -> None:
        """Cut every connection; who still waits for sound gets EngineUnavailable."""
        await self._peer.close()

    def status(self) -> EngineStatus:
        """Whether the server answered when it was last asked."""
        return EngineStatus(ready=self._peer.ready)

    async def speak(
        self,
        text: str,
        *,
        language: str,
        voice: str | None,
        speed: float,  # noqa: ARG002
    ) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of at most 100 ms, as it comes. `voice`: one of `voices`; None: the URL's for the language,
        or else the server's own choice. `speed` changes nothing.

        Raises LanguageNotSupported, EngineUnavailable when it is not started or does not answer, EngineFault.
        """
        self._peer.check_open()
        spoken = self._voice(language, voice)
        texts = pieces(text)
        requests = [texts] if self._streams and texts else [[piece] for piece in texts]
        async with aclosing(self._say([_request(each, spoken, streams=self._streams) for each in requests])) as sound:
            async for chunk in sound:
                yield chunk

    async def _say(self, requests: list[_Request]) -> AsyncGenerator[bytes, None]:
        sayings: list[_Saying] = []
        try:
            for number in range(len(requests)):
                if number == len(sayings):
                    sayings.append(self._begin(requests[number]))
                async with aclosing(sayings[number].sound()) as sound:
                    async for chunk in sound:
                        if len(sayings) == number + 1 < len(requests):
                            sayings.append(self._begin(requests[number + 1]))
                        yield chunk
        finally:
            for saying in sayings:
                saying.cancel()

    def _begin(self, request: _Request) -> _Saying:
        self._peer.check_open()
        return _Saying(self._peer, request, self.sample_rate)

    def _voice(self, language: str, voice: str | None) -> SynthesizeVoice:
        """As the server is to be told. Raises LanguageNotSupported, EngineFault."""
        if language not in self._tags:
            raise LanguageNotSupported(f"The synthesiser wyoming speaks {', '.join(self.languages)} here")
        if voice is not None and voice not in self.voices:
            raise EngineFault(f"The synthesiser wyoming has no such voice; it has {choice(self.voices)}")
        chosen = voice or self._own_voices.get(language)
        return SynthesizeVoice(name=chosen) if chosen else SynthesizeVoice(language=self._tags[language])


def _languages(voice: Offer) -> set[str]:
    return {base(tag) for tag in voice.languages}
