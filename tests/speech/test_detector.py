import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sottovoce.speech.detector import BACKLOG, RING, Detector, Slot
from sottovoce.speech.silero import WINDOW

SPEECH = Path(__file__).parents[1] / "data" / "speech"
EXPECTED = np.loadtxt(SPEECH / "austen-0880.silero.txt")


def recording(name: str = "austen-0880.wav") -> bytes:
    sound, _ = soundfile.read(SPEECH / name, dtype="int16")
    return bytes(sound.tobytes())


class Heard:
    """What one slot was told."""

    def __init__(self, detector: Detector) -> None:
        self.probabilities: list[float] = []
        self.ends: list[int] = []
        self.slot: Slot = detector.open(self.on_window)

    def on_window(self, probability: float, end_sample: int) -> None:
        self.probabilities.append(probability)
        self.ends.append(end_sample)


@pytest.mark.parametrize("piece", [2, 320, 640, 1024, 1026, 4096, 32_766, 65_536])
def test_every_window_is_told_once_however_the_sound_is_cut(piece: int) -> None:
    pcm, detector = recording(), Detector()
    heard = Heard(detector)
    for first in range(0, len(pcm), piece):
        heard.slot.feed(pcm[first : first + piece])
        if first % 640 == 0:
            detector.tick()
    detector.tick()
    np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)
    assert heard.ends == [WINDOW * (window + 1) for window in range(len(EXPECTED))]


def test_a_memoryview_is_sound_too() -> None:
    detector = Detector()
    heard = Heard(detector)
    heard.slot.feed(memoryview(recording()))
    detector.tick()
    np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)


def test_without_ticks_a_full_backlog_is_taken_at_once_and_nothing_is_lost() -> None:
    pcm, detector = recording(), Detector()
    heard = Heard(detector)
    for first in range(0, len(pcm), 640):
        heard.slot.feed(pcm[first : first + 640])
        assert heard.slot.end_sample - heard.slot.heard <= BACKLOG
    assert len(heard.probabilities) >= (len(pcm) // 2 - BACKLOG) // WINDOW
    detector.tick()
    np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)


def test_sessions_that_come_while_others_speak_are_heard_alike() -> None:
    pcm, detector = recording(), Detector(capacity=2)
    early = Heard(detector)
    late: list[Heard] = []
    for count, first in enumerate(range(0, len(pcm), 640)):
        early.slot.feed(pcm[first : first + 640])
        if count % 10 == 5:
            late.append(Heard(detector))
            late[-1].slot.feed(pcm)
        detector.tick()
    assert len(late) >= 14
    for heard in [early, *late]:
        np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)


def test_a_reused_row_knows_nothing_of_the_session_before() -> None:
    detector = Detector(capacity=1)
    first = Heard(detector)
    first.slot.feed(recording("austen-0890.wav"))
    detector.tick()
    first.slot.close()
    second = Heard(detector)
    assert second.slot.row == first.slot.row
    assert second.slot.sound(0, RING) == b""
    second.slot.feed(recording())
    detector.tick()
    np.testing.assert_allclose(second.probabilities, EXPECTED, atol=1e-4)
    assert len(detector) == 1


def test_closing_wipes_every_trace() -> None:
    detector = Detector(capacity=2)
    heard, other = Heard(detector), Heard(detector)
    heard.slot.feed(recording())
    detector.tick()
    assert detector._rings[heard.slot.row].any()
    assert detector._states[heard.slot.row].any()
    heard.slot.close()
    assert not detector._rings.any()
    assert not detector._states.any()
    other.slot.close()
    assert not any(array.any() for array in detector._network._arrays)
    heard.slot.close()
    assert len(detector) == 0


def test_growing_keeps_sound_and_wipes_where_it_was() -> None:
    pcm, detector = recording(), Detector(capacity=1)
    heard = Heard(detector)
    heard.slot.feed(pcm[:20_000])
    before = detector._rings
    Heard(detector)
    assert not before.any()
    assert heard.slot.sound(0, 10_000) == pcm[:20_000]
    heard.slot.feed(pcm[20_000:])
    detector.tick()
    np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)


def test_a_closed_slot_takes_no_sound() -> None:
    heard = Heard(Detector())
    heard.slot.feed(recording()[:640])
    heard.slot.close()
    with pytest.raises(ValueError, match="released"):
        heard.slot.feed(bytes(640))
    with pytest.raises(ValueError, match="released"):
        heard.slot.sound(0, 320)


def test_half_a_sample_is_refused_and_harms_nothing() -> None:
    pcm, detector = recording(), Detector()
    heard = Heard(detector)
    with pytest.raises(ValueError, match="whole samples"):
        heard.slot.feed(b"odd")
    heard.slot.feed(pcm)
    detector.tick()
    np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)


def test_sound_just_passed_can_be_read_and_is_cut_to_what_is_there() -> None:
    pcm, detector = recording(), Detector()
    heard = Heard(detector)
    slot = heard.slot
    assert slot.sound(0, 100) == b""
    slot.feed(pcm[:10_000])
    detector.tick()
    assert slot.sound(-50, 99_999) == pcm[:10_000]
    assert slot.sound(100, 250) == pcm[200:500]
    assert slot.sound(250, 100) == b""
    slot.feed(pcm[10_000:])
    detector.tick()
    end = slot.end_sample
    assert end == len(pcm) // 2
    assert slot.oldest == end - RING
    assert slot.sound(0, end) == pcm[-2 * RING :]
    for first in range(end - RING, end, 1111):
        assert slot.sound(first, first + 1000) == pcm[2 * first : 2 * (first + 1000)]


def test_half_a_second_before_a_window_can_be_read_when_it_is_told() -> None:
    pcm, detector = recording(), Detector()
    wrong: list[int] = []

    def on_window(_: float, end: int) -> None:
        first = max(0, end - 8192)
        if slot.sound(first, end) != pcm[2 * first : 2 * end]:
            wrong.append(end)

    slot = detector.open(on_window)
    slot.feed(pcm[:640])
    slot.feed(pcm[640:])
    detector.tick()
    assert slot.heard > 40_000
    assert wrong == []


def test_a_callback_may_close_slots_and_open_others() -> None:
    detector = Detector(capacity=2)
    opened: list[Heard] = []

    def on_window(_: float, __: int) -> None:
        closing.close()
        other.slot.close()
        opened.append(Heard(detector))
        opened.append(Heard(detector))

    closing = detector.open(on_window)
    other = Heard(detector)
    closing.feed(bytes(4096))
    other.slot.feed(bytes(4096))
    assert detector.tick() == 2
    assert other.probabilities == []
    assert len(detector) == 2
    for heard in opened:
        heard.slot.feed(recording())
    detector.tick()
    np.testing.assert_allclose(opened[1].probabilities, EXPECTED, atol=1e-4)


def test_a_callback_that_closes_its_slot_within_a_large_message_ends_it() -> None:
    ends: list[int] = []

    def on_window(_: float, end: int) -> None:
        ends.append(end)
        slot.close()

    detector = Detector()
    slot = detector.open(on_window)
    slot.feed(bytes(65_536))
    detector.tick()
    assert ends == [WINDOW]
    assert len(detector) == 0


def test_a_callback_that_fails_keeps_no_other_session_from_its_window() -> None:
    detector = Detector()

    def fail(_: float, __: int) -> None:
        raise LookupError

    failing = detector.open(fail)
    heard = Heard(detector)
    failing.feed(bytes(1024))
    heard.slot.feed(recording()[:16_384])
    with pytest.raises(ExceptionGroup) as caught:
        detector.tick()
    assert [type(fault) for fault in caught.value.exceptions] == [LookupError]
    np.testing.assert_allclose(heard.probabilities, EXPECTED[:16], atol=1e-4)
    assert detector.tick() == 0


def test_who_finds_the_backlog_full_is_told_of_no_other_sessions_fault() -> None:
    detector = Detector()

    def fail(_: float, __: int) -> None:
        raise LookupError

    failing = detector.open(fail)
    heard, waiting = Heard(detector), Heard(detector)
    failing.feed(bytes(1024))
    waiting.slot.feed(recording()[:1024])
    heard.slot.feed(recording())
    assert len(heard.probabilities) > 60
    assert len(waiting.probabilities) == 1  # who feeds much takes the others' windows along
    with pytest.raises(ExceptionGroup):
        detector.tick()
    np.testing.assert_allclose(heard.probabilities, EXPECTED, atol=1e-4)
    assert detector.tick() == 0


def test_a_frame_is_fed_in_microseconds() -> None:
    detector, frame = Detector(), bytes(640)
    slot = detector.open(lambda _, __: None)
    best = float("inf")
    for _ in range(200):
        started = time.thread_time_ns()
        for _ in range(10):
            slot.feed(frame)
        best = min(best, (time.thread_time_ns() - started) / 10_000)
        detector.tick()
    assert best < 20, f"{best:.1f} us a frame, where 0.6 was measured"


def test_a_stream_without_sound_is_left_out_and_heard_again_when_there_is_sound() -> None:
    detector, told = Detector(), list[float]()
    slot = detector.open(lambda probability, _end: told.append(probability))
    speech, _ = soundfile.read(SPEECH / "austen-0880.wav", dtype="int16")
    silence = np.zeros(16_000, np.int16)
    for part in (speech, silence, speech):
        before = len(told)
        for at in range(0, len(part), 320):
            slot.feed(part[at : at + 320].tobytes())
            detector.tick()
        if part is silence:
            assert told[-15:] == [0.0] * 15
        else:
            assert sum(probability > 0.5 for probability in told[before:]) > 30
