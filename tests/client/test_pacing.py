import asyncio
from itertools import repeat

import pytest

from sottovoce.client import VoiceSession
from sottovoce.client import server_events as se
from sottovoce.client.pacing import RUSH_BURST_S, UNCONFIRMED_S, RealTime, Rush, frames

SECOND = bytes(2 * 16_000)


def test_frames_are_cut_from_pieces_of_any_length() -> None:
    pieces = [bytes([1] * 100), bytes([2] * 1000), b"", bytes([3] * 200)]
    cut = list(frames(pieces, 20))
    assert [len(frame) for frame in cut] == [640, 640, 20]
    assert b"".join(cut) == b"".join(pieces)


async def test_real_time_takes_as_long_as_the_sound(session: VoiceSession) -> None:
    clock, pace = asyncio.get_running_loop().time, RealTime(session)
    started = clock()
    await pace.send([SECOND])
    await pace.send([SECOND[:16_000]])
    assert clock() - started >= 1.47
    assert session.sent_ms == 1500
    assert (await session.stats())["audio_chunks_received"] <= 75


async def test_a_rush_is_fast_and_never_too_fast(session: VoiceSession) -> None:
    length_s = 13.0
    clock = asyncio.get_running_loop().time
    started = clock()
    await Rush(session).send(repeat(SECOND, int(length_s)))
    assert clock() - started >= (length_s - RUSH_BURST_S) / 2
    assert (await session.info()).status == "active"  # 4429 would have suspended it
    await session.end()
    acknowledged = [each.audio_end_ms async for each in session if isinstance(each, se.InputAudioBufferAcknowledged)]
    assert acknowledged[-1] == pytest.approx(10_000, abs=100)


async def test_what_a_stalled_server_finds_waiting_is_not_too_much(session: VoiceSession) -> None:
    """The client sends on while nothing is read for a while, and all of it arrives at once."""
    sending = asyncio.create_task(Rush(session).send(repeat(SECOND, 12)))
    await asyncio.sleep(0.1)
    transport = session._stream.transport
    transport.pause_reading()  # so no confirmation comes in
    try:
        await asyncio.sleep(2.5)
        assert session.sent_ms <= (RUSH_BURST_S + 2 * UNCONFIRMED_S) * 1000
        assert not sending.done()
    finally:
        transport.resume_reading()
    await sending
    assert session.sent_ms == 12_000
    assert (await session.info()).status == "active"
