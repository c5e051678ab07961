import numpy as np
import pytest

from sottovoce.core.audio import RATES
from sottovoce.speech.resample import Resampler

PAIRS = [(rate, 16_000) for rate in RATES if rate != 16_000] + [
    (made, rate) for made in (16_000, 22_050) for rate in RATES if made != rate
]


def tone(rate: int, hertz: float = 440.0, seconds: float = 1.0) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def in_pieces(resampler: Resampler, pcm: bytes, sizes: list[int]) -> bytes:
    out, first, turn = [], 0, 0
    while first < len(pcm):
        size = sizes[turn % len(sizes)]
        out.append(resampler.resample(pcm[first : first + size]))
        first, turn = first + size, turn + 1
    return b"".join([*out, resampler.flush()])


def strength(sound: np.ndarray, rate: int, hertz: float) -> float:
    middle = sound[rate // 10 : -rate // 10].astype(float)
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / rate)
    return float(2 * abs(np.mean(middle * wave)))


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_a_tone_stays_as_long_as_high_and_as_loud(from_rate: int, to_rate: int) -> None:
    out = np.frombuffer(
        in_pieces(Resampler(from_rate, to_rate), tone(from_rate).tobytes(), [from_rate // 25]), np.int16
    )
    assert abs(len(out) - to_rate) <= 1
    assert strength(out, to_rate, 440.0) == pytest.approx(8000, rel=0.01)
    assert np.abs(out).max() < 8100


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_where_it_is_cut_makes_no_difference(from_rate: int, to_rate: int) -> None:
    pcm = tone(from_rate, hertz=1000.0).tobytes()
    whole = np.frombuffer(in_pieces(Resampler(from_rate, to_rate), pcm, [len(pcm)]), np.int16).astype(int)
    pieces = np.frombuffer(in_pieces(Resampler(from_rate, to_rate), pcm, [2, 640, 318, 6002]), np.int16).astype(int)
    assert len(whole) == len(pieces)
    assert np.abs(whole - pieces).max() <= 3


def test_what_is_too_high_for_the_new_rate_is_left_out() -> None:
    out = np.frombuffer(in_pieces(Resampler(48_000, 16_000), tone(48_000, 11_000.0).tobytes(), [1920]), np.int16)
    assert np.abs(out[800:-800]).max() < 20


def test_equal_rates_pass_through() -> None:
    resampler = Resampler(16_000, 16_000)
    pcm = tone(16_000).tobytes()
    assert resampler.resample(pcm) is pcm
    assert resampler.flush() == b""
    assert resampler.delay_ms == 0


@pytest.mark.parametrize(("rate", "most_ms"), [(8_000, 31), (24_000, 41), (48_000, 41)])
def test_little_is_held_back_and_it_says_how_much(rate: int, most_ms: float) -> None:
    resampler, out = Resampler(rate, 16_000), 0
    frame = bytes(2 * rate // 50)
    for fed in range(1, 51):
        out += len(resampler.resample(frame)) // 2
        held_back_ms = fed * 20 - out / 16
        assert resampler.delay_ms == pytest.approx(held_back_ms, abs=0.01)
        assert held_back_ms <= most_ms


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_after_a_flush_a_new_stream_begins(rate: int) -> None:
    resampler, pcm = Resampler(rate, 16_000), tone(rate).tobytes()
    first = in_pieces(resampler, pcm, [640])
    second = in_pieces(resampler, pcm, [640])
    assert len(first) == len(second)
    assert resampler.delay_ms == 0
    difference = np.frombuffer(first, np.int16).astype(int) - np.frombuffer(second, np.int16)
    assert np.abs(difference).max() <= 3
