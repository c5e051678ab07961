"""An OpenAI-compatible server of our own, for tests: the embedded engines behind the API that others offer.

    python -m tests.peers.openai_server --key KEY

prints its port. What it answers are the official library's own types, checked by them. A model's name says how it
behaves: "words" streams, "plain" does not, "chunks" and "segments" stream as vLLM and Speaches do, and the troubles
below are each what a broken server does.
"""

import argparse
import asyncio
import contextlib
import hmac
import io
import json
import os
import struct
import sys
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from openai.types import Model
from openai.types.audio import Transcription, TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from sottovoce.orchestrator.skills import Skills
from sottovoce.speech.base import HEARING_RATE, EngineContext, Recogniser, Synthesiser
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from sottovoce.speech.resample import Resampler

RATE = 24_000
HEARS = ("words", "plain", "old", "chunks", "segments")
SPEAKS = ("espeak", "wav-anyway")
TROUBLES = ("slow", "dies", "garbage", "endless", "zipped", "busy", "broken", "reports", "elsewhere", "deep", "html")
"""Models that answer like servers that are in trouble."""
LOGPROB = -0.1


class Engines:
    """The embedded engines, started and stopped with the server."""

    def __init__(self) -> None:
        context = EngineContext(grammars=Skills.installed().grammars, workers=1)
        self.recogniser: Recogniser = make_recogniser("pocketsphinx:", context)
        self.synthesiser: Synthesiser = make_synthesiser("espeak:", context)
        self.asked: list[dict[str, Any]] = []
        """What the requests said, but for the sound."""
        self.broken_off = 0
        """Answers that nobody waited for to the end."""

    async def transcript(self, wav: bytes) -> str:
        with wave.open(io.BytesIO(wav)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (HEARING_RATE, 1, 2)
            sound = file.readframes(file.getnframes())
        hearing = self.recogniser.hear(language="en", asked=False, on_partial=lambda _: None)
        hearing.feed(sound)
        return (await hearing.finish()).text

    async def speech(self, text: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:
        """PCM at RATE."""
        language = "de" if voice.startswith("de") else "en"
        resampler = Resampler(self.synthesiser.sample_rate, RATE)
        try:
            async with contextlib.aclosing(
                self.synthesiser.speak(text, language=language, voice=voice, speed=speed)
            ) as sound:
                async for chunk in sound:
                    yield resampler.resample(chunk)
            yield resampler.flush()
        except (GeneratorExit, asyncio.CancelledError):
            self.broken_off += 1
            raise


def make_app(key: str | None) -> FastAPI:
    engines = Engines()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        app.state.engines = engines
        await engines.recogniser.start()
        await engines.synthesiser.start()
        yield
        await engines.recogniser.close()
        await engines.synthesiser.close()

    def allowed(request: Request) -> None:
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key is not None and not hmac.compare_digest(shown, key):
            # As clouds do: with a part of the key in it.
            raise HTTPException(401, {"error": {"message": f"Incorrect API key provided: {shown}"}})

    app = FastAPI(lifespan=lifespan, dependencies=[Depends(allowed)])
    app.include_router(api)
    return app


api = APIRouter()


@api.get("/v1/models")
async def models() -> Response:
    listed = [Model(id=name, created=0, object="model", owned_by="tests") for name in (*HEARS, *SPEAKS, *TROUBLES)]
    return JSONResponse({"object": "list", "data": [model.to_dict() for model in listed]})


@api.get("/asked")
async def asked(request: Request) -> Response:
    """What it was asked for, and how many answers were broken off."""
    engines: Engines = request.app.state.engines
    return JSONResponse({"asked": engines.asked, "broken_off": engines.broken_off})


@api.post("/v1/audio/transcriptions")
async def transcriptions(request: Request) -> Response:
    engines: Engines = request.app.state.engines
    async with request.form() as form:
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        file = form["file"]
        wav = b"" if isinstance(file, str) else await file.read()
    engines.asked.append(fields)
    model = fields["model"]
    if model in TROUBLES:
        return _trouble(model, b'data: {"type": "transcript.text.delta", "delta": "canary "}\n\n', "text/event-stream")
    if model not in HEARS:
        raise HTTPException(404, {"error": {"message": f"The model {model} does not exist"}})
    streamed = fields.get("stream") == "true"
    if model == "old" and (streamed or "include[]" in fields):
        raise HTTPException(400, {"error": {"message": "Unknown parameter"}})
    text = await engines.transcript(wav)
    if not streamed or model == "plain":
        return JSONResponse(Transcription(text=text.capitalize() + ".").to_dict())
    make = {"words": _events, "chunks": _chunks, "segments": _segments}[model]
    return StreamingResponse(_sse(make(text, logprobs="include[]" in fields)), media_type="text/event-stream")


@api.post("/v1/audio/speech")
async def speech(request: Request) -> Response:
    engines: Engines = request.app.state.engines
    said = json.loads(await request.body())
    engines.asked.append(said)
    model, voice = said["model"], said["voice"]
    if model in TROUBLES:
        return _trouble(model, bytes(9_600), "audio/pcm")
    if model not in SPEAKS or not voice.startswith(("en", "de")):
        raise HTTPException(404, {"error": {"message": f"There is no {model} with {voice}; text: {said['input']}"}})
    sound = engines.speech(said["input"], voice, said.get("speed", 1.0))
    if said["response_format"] == "wav" or model == "wav-anyway":
        return StreamingResponse(_wav(sound, 16_000), media_type="audio/wav")
    return StreamingResponse(sound, media_type="audio/pcm")


# -- answers -----------------------------------------------------------------------------------------------------------


async def _sse(events: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[bytes, None]:
    async for event in events:
        yield f"data: {json.dumps(event)}\n\n".encode()
    yield b"data: [DONE]\n\n"


async def _events(text: str, *, logprobs: bool) -> AsyncGenerator[dict[str, Any], None]:
    """OpenAI's own."""
    more: dict[str, Any] = {"logprobs": [{"token": "x", "logprob": LOGPROB}]} if logprobs else {}
    for word in text.split():
        yield TranscriptionTextDeltaEvent(type="transcript.text.delta", delta=f" {word}", **more).to_dict()
        await asyncio.sleep(0.01)
    yield TranscriptionTextDoneEvent(type="transcript.text.done", text=f" {text.capitalize()}.", **more).to_dict()


async def _chunks(text: str, *, logprobs: bool) -> AsyncGenerator[dict[str, Any], None]:  # noqa: ARG001
    """As vLLM writes them: like a chat's."""
    for word in text.split():
        choice = {"index": 0, "delta": {"content": f" {word}"}}
        yield {"id": "trsc-1", "object": "transcription.chunk", "created": 0, "model": "chunks", "choices": [choice]}
    yield {"id": "trsc-1", "object": "transcription.chunk", "created": 0, "model": "chunks", "choices": []}


async def _segments(text: str, *, logprobs: bool) -> AsyncGenerator[dict[str, Any], None]:  # noqa: ARG001
    """As Speaches writes them: a whole answer for each stretch of speech."""
    words = text.split()
    for first in range(0, len(words), 4):
        yield Transcription(text=" ".join(words[first : first + 4]) + ",").to_dict()


async def _wav(sound: AsyncIterator[bytes], rate: int) -> AsyncGenerator[bytes, None]:
    """Made while it is sent, in stereo, at a rate that is not asked for, cut where it is inconvenient."""
    unknown = 0xFFFF_FFFF
    layout = struct.pack("<HHIIHH", 1, 2, rate, 4 * rate, 4, 16)
    head = b"RIFF" + struct.pack("<I", unknown) + b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    head += b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", unknown)
    yield head[:3]
    yield head[3:31]
    resampler = Resampler(RATE, rate)
    rest = head[31:]
    async for chunk in sound:
        mono = resampler.resample(chunk)
        rest += b"".join(mono[at : at + 2] * 2 for at in range(0, len(mono), 2))
        yield rest[:-3]
        rest = rest[-3:]
    mono = resampler.flush()
    yield rest + b"".join(mono[at : at + 2] * 2 for at in range(0, len(mono), 2))


# -- trouble -----------------------------------------------------------------------------------------------------------


def _trouble(kind: str, beginning: bytes, media_type: str) -> Response:
    """The answer of a server that is in trouble. None of its words may get anywhere."""
    answers: dict[str, Callable[[], Response]] = {
        "slow": lambda: StreamingResponse(_then_silence(beginning), media_type=media_type),
        "dies": lambda: StreamingResponse(_then_death(beginning), media_type=media_type),
        "endless": lambda: StreamingResponse(_for_ever(beginning), media_type=media_type),
        "garbage": lambda: Response(b"data: \xff\xfe{canary\n\n", media_type="text/event-stream"),
        "deep": lambda: Response(b"[" * 200_000, media_type="application/json"),
        "html": lambda: Response("<html>canary</html>", media_type="text/html"),
        "zipped": lambda: Response(b"canary", media_type=media_type, headers={"content-encoding": "gzip"}),
        "busy": lambda: JSONResponse({"error": {"message": "canary"}}, 429, headers={"retry-after": "7"}),
        "broken": lambda: JSONResponse({"error": {"message": "canary" * 100_000}}, 500),
        "reports": lambda: Response(b'data: {"error": {"message": "canary"}}\n\n', media_type="text/event-stream"),
        "elsewhere": lambda: Response(status_code=307, headers={"location": "/v1/models"}),
    }
    return answers[kind]()


async def _then_silence(beginning: bytes) -> AsyncGenerator[bytes, None]:
    yield beginning
    await asyncio.sleep(3600)


async def _then_death(beginning: bytes) -> AsyncGenerator[bytes, None]:
    yield beginning
    await asyncio.sleep(0.2)
    os._exit(1)


async def _for_ever(beginning: bytes) -> AsyncGenerator[bytes, None]:
    while True:
        yield beginning * 20
        await asyncio.sleep(0)


class _Server(uvicorn.Server):
    """Prints its port once it listens."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self.servers[0].sockets[0].getsockname()[1], flush=True)  # noqa: T201 - what the test reads


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--key")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    config = uvicorn.Config(
        make_app(arguments.key), port=arguments.port, log_level="error", timeout_graceful_shutdown=1
    )
    _Server(config).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
