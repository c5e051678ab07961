"""A Wyoming server as users run them, made of the `wyoming` package's own parts around espeak and pocketsphinx.

    python -m tests.peers.wyoming_server PORT whole|streams [RATE WIDTH CHANNELS]

It says on its output that it listens. `streams`: it takes and gives text in pieces; with a format, its speech comes in
that. `wyoming_server()` starts it in a process of its own.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any

import msgspec
import numpy as np
import soxr
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from sottovoce.errors import EngineFault
from sottovoce.orchestrator.skills import Skills
from sottovoce.speech.base import Hearing
from sottovoce.speech.espeak import EspeakSynthesiser
from sottovoce.speech.pocketsphinx import PocketsphinxRecogniser
from tests.servers import ROOT, environment

REGIONS = {"en": "en_US", "de": "de_DE"}
"""Languages as piper names them."""
LISTENS = "listens"


class Ware(msgspec.Struct):
    """What all connections share."""

    hears: PocketsphinxRecogniser
    speaks: EspeakSynthesiser
    streams: bool
    rate: int
    width: int
    channels: int

    def info(self) -> Info:
        by: dict[str, Any] = {"attribution": Attribution("", ""), "installed": True, "description": "", "version": "1"}
        model = AsrModel(name="sphinx", languages=["en"], **by)
        voices = [
            TtsVoice(name=name, languages=[REGIONS[name[:2]] if name[2:3] != "-" else name[:5]], **by)
            for name in self.speaks.voices
        ]
        return Info(
            asr=[AsrProgram(name="hears", models=[model], supports_transcript_streaming=self.streams, **by)],
            tts=[TtsProgram(name="speaks", voices=voices, supports_synthesize_streaming=self.streams, **by)],
        )

    def sound(self, pcm: bytes) -> bytes:
        """In the format asked for: every channel the same."""
        samples: Any = np.frombuffer(pcm, np.int16)
        if self.rate != self.speaks.sample_rate:
            samples = soxr.resample(samples, self.speaks.sample_rate, self.rate)
        if self.width == 1:
            samples = (samples // 256 + 128).astype(np.uint8)
        elif self.width == 4:
            samples = samples.astype(np.int32) * 65_536
        return np.repeat(samples, self.channels).tobytes()


class Handler(AsyncEventHandler):
    """One connection."""

    def __init__(self, ware: Ware, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._ware = ware
        self._hearing: Hearing | None = None
        self._told: asyncio.Queue[str] = asyncio.Queue()
        self._telling: asyncio.Task[None] | None = None
        self._language = "en"
        self._voice: SynthesizeVoice | None = None
        self._text = ""

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self._say(self._ware.info())
        elif Transcribe.is_type(event.type):
            self._language = Transcribe.from_event(event).language or "en"
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            assert (start.rate, start.width, start.channels) == (16_000, 2, 1)
            await self._listen()
        elif AudioChunk.is_type(event.type) and self._hearing is not None:
            self._hearing.feed(AudioChunk.from_event(event).audio)
        elif AudioStop.is_type(event.type):
            await self._transcribe()
            return False  # as wyoming-faster-whisper does
        else:
            await self._speak(event)
        return True

    async def disconnect(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
        if self._telling is not None:
            self._telling.cancel()

    async def _say(self, message: Eventable) -> None:
        await self.write_event(message.event())

    async def _listen(self) -> None:
        self._hearing = self._ware.hears.hear(language=self._language, asked=False, on_partial=self._told.put_nowait)
        if self._ware.streams:
            await self._say(TranscriptStart(language=self._language))
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        """Words that are added; what was told stays told in this protocol."""
        told = ""
        while True:
            text = await self._told.get()
            if text.startswith(told) and text != told:
                await self._say(TranscriptChunk(text=text[len(told) :]))
                told = text

    async def _transcribe(self) -> None:
        assert self._hearing is not None
        text = (await self._hearing.finish()).text
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._say(Transcript(text=f" {text.capitalize()}." if text else ""))
        if self._ware.streams:
            await self._say(TranscriptStop())

    async def _speak(self, event: Event) -> None:
        try:
            if Synthesize.is_type(event.type):
                synthesize = Synthesize.from_event(event)
                self._voice = synthesize.voice
                await self._sound(synthesize.text)
            elif not self._ware.streams:
                return
            elif SynthesizeStart.is_type(event.type):
                self._voice, self._text = SynthesizeStart.from_event(event).voice, ""
            elif SynthesizeChunk.is_type(event.type):
                self._text += SynthesizeChunk.from_event(event).text
            elif SynthesizeStop.is_type(event.type):
                for sentence in self._text.split(". "):
                    await self._sound(sentence)
                await self._say(SynthesizeStopped())
        except EngineFault as fault:
            await self._say(Error(text=fault.message))

    async def _sound(self, text: str) -> None:
        """A sentence; without streaming, all of the sound comes at once."""
        ware, voice = self._ware, self._voice or SynthesizeVoice()
        style = {"rate": ware.rate, "width": ware.width, "channels": ware.channels}
        language = (voice.name or voice.language or "en")[:2]
        sound = ware.speaks.speak(text, language=language, voice=voice.name, speed=1.0)
        async with aclosing(sound) as chunks:
            whole = b"".join([chunk async for chunk in chunks])
        pcm = ware.sound(whole)
        length = 1000 * ware.width * ware.channels if ware.streams else len(pcm)
        await self._say(AudioStart(**style))
        for first in range(0, len(pcm), max(1, length)):
            await self._say(AudioChunk(**style, audio=pcm[first : first + length]))
        await self._say(AudioStop())


async def main(port: int, kind: str, *style: str) -> None:
    hears, speaks = PocketsphinxRecogniser(Skills.installed().grammars), EspeakSynthesiser()
    await hears.start()
    await speaks.start()
    rate, width, channels = map(int, style or (speaks.sample_rate, 2, 1))
    server = AsyncTcpServer("127.0.0.1", port)
    await server.start(partial(Handler, Ware(hears, speaks, kind == "streams", rate, width, channels)))
    print(LISTENS, flush=True)  # noqa: T201 - it is told to who started it
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    await server.stop()
    await speaks.close()
    await hears.close()


@contextmanager
def wyoming_server(port: int, kind: str, *style: int) -> Generator[subprocess.Popen[str], None, None]:
    """The server at this port, until the end of the block; stopped by its pid."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.peers.wyoming_server", str(port), kind, *map(str, style)],
        env=environment({}),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == LISTENS
            yield process
        finally:
            process.send_signal(signal.SIGCONT)  # some tests have it hang
            process.terminate()
            process.wait(timeout=20)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
