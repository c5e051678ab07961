"""Many callers from one core: each has a WebSocket and speaks at real speed; one loop keeps time for all of them."""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.speech import FRAME_MS

STAGGER_S = 3.0
"""The callers begin spread over so long."""
SLOTS = FRAME_MS
"""Each caller has its own millisecond of the 20: frames reach the server evenly, as they would from the world."""


class Dialect(msgspec.Struct, frozen=True):
    """How sound is put into messages."""

    frames: Sequence[bytes]
    """One round, a message a frame."""
    speech_begin: int
    """The first of them that holds speech."""
    speech_end: int
    """The first after it."""
    is_sound: Callable[[bytes], bool]
    """Whether a binary message of the server's is the sound of an answer."""


class Measured(msgspec.Struct):
    """What the callers saw."""

    callers: int
    seconds: float
    turns: int
    """Answers that came."""
    missed: int
    """Ends of speech with no answer before the next one."""
    early: int
    """Messages of sound while the caller spoke: answers to a pause within the speech."""
    lost: int
    """Connections that the server ended."""
    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None
    late_p99_ms: float
    """How late the load itself sent its frames: beyond a few ms, the load is what was measured."""
    late_max_ms: float


class Caller(WSListener):
    """One of them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._transport: WSTransport | None = None
        self._at = 0
        self._speech_ended = 0.0
        self.waits: list[float] = []
        self.missed = 0
        self.early = 0
        self.lost = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Ready to speak."""
        self._transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - the library's signature
        """The end, ours or the server's."""
        self.lost = self._transport is not None
        self._transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """The first sound after the end of speech is what was waited for."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        if frame.msg_type != WSMsgType.BINARY or not self._dialect.is_sound(frame.get_payload_as_bytes()):
            return
        if self._speech_ended:
            self.waits.append(time.perf_counter() - self._speech_ended)
            self._speech_ended = 0.0
        elif self._speaking():
            self.early += 1

    def _speaking(self) -> bool:
        return self._dialect.speech_begin < self._at % len(self._dialect.frames) <= self._dialect.speech_end

    def speak(self) -> None:
        """Send the next frame."""
        if self._transport is None:
            return
        frames = self._dialect.frames
        index = self._at % len(frames)
        self._at += 1
        if index == self._dialect.speech_end:
            if self._speech_ended:
                self.missed += 1
            self._speech_ended = time.perf_counter()
        self._transport.send(WSMsgType.BINARY, frames[index])

    def hang_up(self) -> None:
        """Close."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.send_close()
            transport.disconnect()


async def connect(urls: Sequence[str], dialect: Dialect) -> list[Caller]:
    """One caller for each address."""
    callers = [Caller(dialect) for _ in urls]
    for url, caller in zip(urls, callers, strict=True):
        await ws_connect(partial(same, caller), url, websocket_handshake_timeout=30)
    return callers


def same(caller: Caller) -> Caller:
    """The library wants something that makes its listener."""
    return caller


async def talk(callers: Sequence[Caller], seconds: float, look: Callable[[], None]) -> Measured:
    """Let them speak for so long (the last to begin, a little less); `look` is called about every 200 ms."""
    gc.collect()
    gc.freeze()
    slots = [callers[slot::SLOTS] for slot in range(SLOTS)]
    begins = {caller: number * STAGGER_S / len(callers) for number, caller in enumerate(callers)}
    late: list[float] = []
    start = time.perf_counter()
    ms = 0
    while ms < seconds * 1000:
        due = start + ms / 1000
        now = time.perf_counter()
        # Also when late, the loop has to get to what the server sent.
        await asyncio.sleep(max(0.0, due - now))
        late.append(max(0.0, time.perf_counter() - due))
        for caller in slots[ms % SLOTS]:
            if begins[caller] * 1000 <= ms:
                caller.speak()
        if ms % 200 == 0:
            look()
        ms += 1
    took = time.perf_counter() - start
    return summary(callers, took, late)


def summary(callers: Sequence[Caller], seconds: float, late: list[float]) -> Measured:
    """All callers' figures in one. An end of speech that still waits is neither a turn nor missed."""
    waits = sorted(wait for caller in callers for wait in caller.waits)
    late.sort()
    return Measured(
        callers=len(callers),
        seconds=round(seconds, 1),
        turns=len(waits),
        missed=sum(caller.missed for caller in callers),
        early=sum(caller.early for caller in callers),
        lost=sum(caller.lost for caller in callers),
        p50_ms=quantile_ms(waits, 0.5),
        p95_ms=quantile_ms(waits, 0.95),
        max_ms=quantile_ms(waits, 1.0),
        late_p99_ms=quantile_ms(late, 0.99) or 0.0,
        late_max_ms=quantile_ms(late, 1.0) or 0.0,
    )


def quantile_ms(ordered: Sequence[float], part: float) -> float | None:
    """Of seconds in rising order; None of none."""
    return round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))], 1) if ordered else None
