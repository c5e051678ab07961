"""The microphone and the loudspeaker, through `sounddevice` (PortAudio), which need not be there."""

import asyncio
import threading
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

from sottovoce.client.errors import MicrophoneUnavailable
from sottovoce.client.events import Event, Sound
from sottovoce.client.voice import BYTES_PER_SECOND, INPUT_RATE
from sottovoce.wire import server_events as se

FRAME_SAMPLES = INPUT_RATE // 50
HOW_TO_GET_IT = (
    "Install the Python package sounddevice (pip install 'sottovoce[microphone]') and PortAudio "
    "(on Debian: apt-get install libportaudio2)"
)


def _sounddevice() -> Any:
    try:
        import sounddevice  # noqa: PLC0415 - optional: without it, all but the microphone works
    except ImportError:
        raise MicrophoneUnavailable(f"Python has no access to a microphone. {HOW_TO_GET_IT}") from None
    except OSError:
        raise MicrophoneUnavailable(f"The library PortAudio is not there. {HOW_TO_GET_IT}") from None
    return sounddevice


def devices() -> tuple[str, str]:
    """The names of the microphone and the loudspeaker that would be used. Raises MicrophoneUnavailable."""
    sounddevice = _sounddevice()
    try:
        heard, played = sounddevice.query_devices(kind="input"), sounddevice.query_devices(kind="output")
    except (sounddevice.PortAudioError, ValueError):
        raise MicrophoneUnavailable(
            "This machine has no microphone or no loudspeaker. Plug one in, or talk with a recording: "
            "sottovoce talk FILE"
        ) from None
    return str(heard["name"]), str(played["name"])


def _start(stream: Any, refusal: type[Exception]) -> None:
    try:
        stream.start()
    except refusal:
        stream.close()
        raise MicrophoneUnavailable("The microphone or the loudspeaker is in use, or does not take 16 kHz") from None


async def record() -> AsyncIterator[bytes]:
    """Sound of the microphone, 20 ms a piece, 16 kHz, 16-bit, mono, without end. Raises MicrophoneUnavailable."""
    sounddevice = _sounddevice()
    devices()
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    def recorded(data: Any, _frames: int, _time: Any, _status: Any) -> None:
        loop.call_soon_threadsafe(pieces.put_nowait, bytes(data))

    stream = sounddevice.RawInputStream(
        samplerate=INPUT_RATE, channels=1, dtype="int16", blocksize=FRAME_SAMPLES, callback=recorded
    )
    _start(stream, sounddevice.PortAudioError)
    try:
        while True:
            yield await pieces.get()
    finally:
        stream.close()


class Speaker:
    """Plays answers, and knows how much of one was heard."""

    def __init__(self) -> None:
        sounddevice = _sounddevice()
        devices()
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._played_bytes = 0
        self._item_id = ""
        self._stream = sounddevice.RawOutputStream(
            samplerate=INPUT_RATE, channels=1, dtype="int16", blocksize=FRAME_SAMPLES, callback=self._fill
        )
        self._refusal = sounddevice.PortAudioError

    def __enter__(self) -> Self:
        _start(self._stream, self._refusal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def _fill(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        """PortAudio's thread asks for the next piece."""
        with self._lock:
            piece = bytes(self._waiting[: len(data)])
            del self._waiting[: len(data)]
            self._played_bytes += len(piece)
        data[:] = piece.ljust(len(data), b"\0")

    def receive(self, message: Event | Sound) -> tuple[str, int] | None:
        """A message of the server's. When it silences an answer: the item's id, and how many ms of it were played."""
        match message:
            case Sound():
                with self._lock:
                    self._waiting += message.pcm
            case se.ResponseOutputItemAdded():
                self._item_id = message.item.id
            case se.OutputAudioBufferStarted():
                with self._lock:
                    self._played_bytes = -len(self._waiting)  # the rest of the last answer is none of this one's
            case se.OutputAudioBufferCleared():
                with self._lock:
                    self._waiting.clear()
                    return self._item_id, max(0, self._played_bytes) * 1000 // BYTES_PER_SECOND
        return None
