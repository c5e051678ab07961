"""`openai+http://host/v1?model=…`, the recogniser: what an OpenAI-compatible server makes of an utterance.

The utterance is kept here until it is over, then goes out as one WAV file. Servers that stream tell words as they find
them, each in one of three forms: OpenAI's own events, vLLM's chunks (like those of chats), or a text for each segment.
"""

import asyncio
import io
import math
import re
import wave
from collections.abc import Callable, Mapping
from typing import Any, Final

from openai import APIStatusError, AsyncStream

from sottovoce.errors import LanguageNotSupported
from sottovoce.speech.base import HEARING_RATE, EngineStatus, Hearing, Transcript
from sottovoce.speech.openai_api import OpenAIServer
from sottovoce.speech.openai_faults import NonsenseError
from sottovoce.speech.openai_url import Server

MAX_SOUND_BYTES: Final = 2 * HEARING_RATE * 120
"""Sound of an utterance beyond this is not heard. Turns are cut before."""
LEAST_SOUND_BYTES: Final = 2 * HEARING_RATE // 10
"""Less holds no word, and OpenAI refuses it."""
MOST_ANSWER_BYTES: Final = 4 << 20
MOST_LETTERS: Final = 4_000
"""Of a transcript. Two minutes of fast speech hold half of it."""

_WAYS: Final[tuple[Mapping[str, Any], ...]] = ({"stream": True, "include": ["logprobs"]}, {"stream": True}, {})
"""What to ask for besides the words: all that is of use first, then what every server knows."""
_NOT_THAT_WAY: Final = frozenset({400, 415, 422, 501})
_ANNOTATION = re.compile(r"\[[^\[\]]{0,40}\]|<\|[^<|>]{0,40}\|>")
"""What Whisper's models say of silence and noise, and their marks."""
_MARKS = re.compile(r"(?<!\S)[\"'“”„«»(¿¡.,;:!?…–—-]+(?!\d)|[\"'“”„«»).,;:!?…–—-]+(?!\S)")
"""Punctuation around words; within them (10:30, o'clock, 3.5) it belongs to them."""

_File = tuple[str, bytes, str]
"""Name, content, type."""


class _Answer:
    """What has come of an answer so far."""

    def __init__(self, on_partial: Callable[[str], None]) -> None:
        self._on_partial = on_partial
        self._told = ""
        self._heard = ""
        self._final: str | None = None
        self._logprobs: list[float] = []
        self._has_end = False
        """Whether this server tells when it is done."""

    def take(self, event: Mapping[str, Any]) -> None:
        """An event of a stream. Raises NonsenseError."""
        match event:
            case {"type": "transcript.text.delta", "delta": str(delta)}:
                self._has_end = True
                self._hear(delta)
            case {"type": "transcript.text.done"}:
                self.end(event)
            case {"choices": [{"delta": {"content": str(delta)}}, *_]}:
                self._hear(delta)
            case {"text": str(segment)}:
                self._hear(f" {segment}")
            case _:
                return  # usage, or something newer than this
        self._logprobs += _logprobs(event)

    def end(self, event: Mapping[str, Any]) -> None:
        """The whole of it. Raises NonsenseError."""
        text = event.get("text")
        if not isinstance(text, str) or len(text) > MOST_LETTERS:
            raise NonsenseError
        # Some servers leave it empty after the parts.
        self._final = text or self._heard
        self._logprobs = _logprobs(event) or self._logprobs

    def transcript(self) -> Transcript:
        """Raises NonsenseError where the end is missing."""
        if self._final is None and self._has_end:
            raise NonsenseError
        text = words(self._heard if self._final is None else self._final)
        if not text:
            return Transcript("", 0.0)
        confidence = math.exp(sum(self._logprobs) / len(self._logprobs)) if self._logprobs else 1.0
        return Transcript(text, min(confidence, 1.0))

    def _hear(self, more: str) -> None:
        self._heard += more
        if len(self._heard) > MOST_LETTERS:
            raise NonsenseError
        text = words(self._heard)
        if text != self._told:
            self._told = text
            self._on_partial(text)


class _Hearing:
    """One utterance."""

    def __init__(self, engine: "OpenAIRecogniser", language: str, on_partial: Callable[[str], None]) -> None:
        self._engine = engine
        self._language = language
        self._on_partial = on_partial
        self._sound = bytearray()
        self._over = False
        self._asking: asyncio.Task[Transcript] | None = None

    def feed(self, pcm: bytes) -> None:
        """More sound. Beyond MAX_SOUND_BYTES it is not heard."""
        if not self._over:
            self._sound += pcm[: MAX_SOUND_BYTES - len(self._sound)]

    async def finish(self) -> Transcript:
        """Raises EngineFault; EngineUnavailable when the server does not answer, or the engine was closed meanwhile."""
        self._over = True
        sound = bytes(self._sound)
        self._sound.clear()
        self._asking = asyncio.create_task(self._engine.transcribe(sound, self._language, self._on_partial))
        return await self._asking

    def cancel(self) -> None:
        """Forget it, and break off the request. Harmless after the end."""
        self._over = True
        self._sound.clear()
        if self._asking is not None:
            self._asking.cancel()


class OpenAIRecogniser:
    """Asks the server for a transcript at the end of each utterance."""

    name = "openai"
    answers_free_text = False

    def __init__(self, server: Server) -> None:
        self.languages = server.languages
        self._model = server.model
        self._server = OpenAIServer(server, engine="openai recogniser", most_bytes=MOST_ANSWER_BYTES)
        self._way = 0
        """Which of _WAYS the server takes."""

    async def start(self) -> None:
        """Ask the server for its models. Raises EngineUnavailable, saying what is wrong with it."""
        await self._server.start()

    async def close(self) -> None:
        """Break off every request; who waits for a transcript gets EngineUnavailable."""
        await self._server.close()

    def status(self) -> EngineStatus:
        """How it fares; `waiting` are transcripts under way."""
        return self._server.status()

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:  # noqa: ARG002
        """Begin an utterance. Raises LanguageNotSupported, EngineUnavailable when it is not started."""
        if language not in self.languages:
            raise LanguageNotSupported(
                f"This recogniser is set to hear {', '.join(self.languages)}; languages= in its URL can name more"
            )
        _ = self._server.client
        return _Hearing(self, language, on_partial)

    async def transcribe(self, sound: bytes, language: str, on_partial: Callable[[str], None]) -> Transcript:
        """What the server hears in the sound, PCM at HEARING_RATE. Raises EngineFault."""
        if len(sound) < LEAST_SOUND_BYTES:
            return Transcript("", 0.0)
        file = ("speech.wav", _wav(sound), "audio/wav")
        async with self._server.asking(), self._server.waiting():
            return await self._transcript(file, language, on_partial, self._way)

    async def _transcript(self, file: _File, language: str, on_partial: Callable[[str], None], way: int) -> Transcript:
        """By one of _WAYS, or by the next where the server refuses it."""
        answer = _Answer(on_partial)
        try:
            await self._ask(answer, file, language, _WAYS[way])
        except APIStatusError as error:
            if error.status_code not in _NOT_THAT_WAY or way + 1 == len(_WAYS):
                raise
            return await self._transcript(file, language, on_partial, way + 1)
        self._way = way
        return answer.transcript()

    async def _ask(self, answer: _Answer, file: _File, language: str, way: Mapping[str, Any]) -> None:
        transcriptions = self._server.client.audio.transcriptions.with_streaming_response
        async with transcriptions.create(
            file=file, model=self._model, language=language, response_format="json", **way
        ) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                answer.end(_object(await response.json()))
                return
            stream = await response.parse()
            if not isinstance(stream, AsyncStream):
                raise NonsenseError
            async for event in stream:
                answer.take(_object(event.to_dict() if hasattr(event, "to_dict") else event))


def words(text: str) -> str:
    """The text as the contract of recognisers has it: lower-case words with single spaces, no punctuation around."""
    plain = _ANNOTATION.sub(" ", text.replace("’", "'"))
    return " ".join(_MARKS.sub(" ", plain).split()).lower()


def _object(answer: object) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise NonsenseError
    return answer


def _logprobs(event: Mapping[str, Any]) -> list[float]:
    entries = event.get("logprobs")
    values = [entry.get("logprob") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [float(value) for value in values if isinstance(value, float | int) and value <= 0]


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(HEARING_RATE)
        writer.writeframes(pcm)
    return file.getvalue()
