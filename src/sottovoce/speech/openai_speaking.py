"""`openai+http://host/v1?model=…&voice=…`, the synthesiser: an OpenAI-compatible server's speech as it arrives."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any, Final

from sottovoce.errors import LanguageNotSupported
from sottovoce.speech.base import EngineStatus
from sottovoce.speech.openai_api import OpenAIServer
from sottovoce.speech.openai_faults import EndlessError, NonsenseError
from sottovoce.speech.openai_sound import RATE, Incoming
from sottovoce.speech.openai_url import Server
from sottovoce.speech.sentences import pieces

CHUNK_BYTES: Final = 2 * RATE // 20
"""50 ms: the first sound waits for that much of it."""
MOST_CHARACTERS: Final = 4_000
"""Of one request; OpenAI takes 4,096."""
MOST_ANSWER_BYTES: Final = 128 << 20
"""More than MOST_CHARACTERS can take at the slowest speed, in stereo at 48 kHz."""
MOST_S_ASIDE: Final = 20.0
MOST_S_PER_CHARACTER: Final = 0.5
"""At normal speed, where a fifteenth of a second is usual. What speaks on is stuck."""
_SLOWEST, _FASTEST = 0.25, 1.5
_NO_SOUND: Final = ("text/", "application/json", "application/xml", "audio/mpeg", "audio/mp3", "audio/ogg", "audio/aac")
"""Types of answers that are neither PCM nor WAV. Many servers give a type of their own to these."""


class OpenAISynthesiser:
    """Asks the server to say each text, and passes its sound on as it comes, at 24000 samples a second.

    `voice`: whatever the server calls one. Without it, the URL's for the language is taken.
    """

    name = "openai"
    sample_rate = RATE

    def __init__(self, server: Server) -> None:
        self.languages = server.languages
        self.voices = tuple(dict.fromkeys(server.voices.values()))
        self._settings = server
        self._server = OpenAIServer(server, engine="openai synthesiser", most_bytes=MOST_ANSWER_BYTES)

    async def start(self) -> None:
        """Ask the server for its models. Raises EngineUnavailable, saying what is wrong with it."""
        await self._server.start()

    async def close(self) -> None:
        """Break off every request; who waits for sound gets EngineUnavailable."""
        await self._server.close()

    def status(self) -> EngineStatus:
        """How it fares; `waiting` are answers that sound is being waited for from."""
        return self._server.status()

    async def speak(self, text: str, *, language: str, voice: str | None, speed: float) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of 50 ms. A speed beyond 0.25 to 1.5 counts as the nearest in it.

        Raises LanguageNotSupported, EngineUnavailable when it is not started or does not answer, EngineFault.
        """
        if language not in self.languages:
            raise LanguageNotSupported(
                f"This synthesiser is set to speak {', '.join(self.languages)}; languages= in its URL can name more"
            )
        _ = self._server.client
        pace = min(max(speed, _SLOWEST), _FASTEST)
        for part in pieces(text, MOST_CHARACTERS):
            if any(sign.isalnum() for sign in part):
                async with aclosing(self._say(part, language, voice, pace)) as sound:
                    async for chunk in sound:
                        yield chunk

    async def _say(self, text: str, language: str, voice: str | None, pace: float) -> AsyncGenerator[bytes, None]:
        left_bytes = int(2 * RATE * (MOST_S_ASIDE + MOST_S_PER_CHARACTER * len(text) / pace))
        async with (
            self._server.asking(chosen=voice is not None),
            aclosing(self._sound(text, language, voice, pace)) as sound,
        ):
            async for pcm in sound:
                left_bytes -= len(pcm)
                if left_bytes < 0:
                    raise EndlessError
                for first in range(0, len(pcm), CHUNK_BYTES):
                    yield pcm[first : first + CHUNK_BYTES]

    async def _sound(self, text: str, language: str, voice: str | None, pace: float) -> AsyncGenerator[bytes, None]:
        """PCM at RATE, in whatever pieces it comes."""
        settings = self._settings
        # Not every server knows the speed.
        more: dict[str, Any] = {} if pace == 1.0 else {"speed": pace}
        request = self._server.client.audio.speech.with_streaming_response.create(
            input=text,
            model=settings.model,
            voice=voice or settings.voices.get(language, settings.voices[""]),
            response_format=settings.sound_format,
            **more,
        )
        async with AsyncExitStack() as stack:
            async with self._server.waiting():
                response = await stack.enter_async_context(request)
            if response.headers.get("content-type", "").startswith(_NO_SOUND):
                raise NonsenseError
            incoming = Incoming()
            arriving = await stack.enter_async_context(aclosing(self._arriving(response.iter_bytes())))
            async for data in arriving:
                if pcm := incoming.take(data):
                    yield pcm
            if rest := incoming.end():
                yield rest

    async def _arriving(self, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """What arrives, each piece within the URL's timeout; how long who listens takes does not count."""
        while True:
            async with self._server.waiting():
                data = await anext(body, None)
            if data is None:
                return
            yield data
