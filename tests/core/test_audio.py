import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.audio import RATES, AudioFormat, SampleClock, convert_samples
from sottovoce.errors import BadMessage

rates = st.sampled_from(RATES)


@given(rates, st.integers(0, 100_000_000))
def test_milliseconds_survive_the_way_to_samples_and_back(rate: int, ms: int) -> None:
    format_ = AudioFormat(rate)
    assert format_.ms(format_.samples(ms)) == ms
    assert format_.ms_of_bytes(format_.bytes_in(ms)) == ms


@pytest.mark.parametrize(("rate", "frame_bytes"), [(8_000, 320), (16_000, 640), (24_000, 960), (48_000, 1920)])
def test_a_frame_of_twenty_milliseconds(rate: int, frame_bytes: int) -> None:
    assert AudioFormat(rate).bytes_in(20) == frame_bytes


def test_a_part_of_a_millisecond_gives_whole_samples() -> None:
    assert AudioFormat(16_000).samples(0.1) == 1
    assert AudioFormat(16_000).bytes_in(0.1) == 2


def test_another_rate_is_no_format() -> None:
    with pytest.raises(BadMessage, match="8000, 16000, 24000, 48000") as caught:
        AudioFormat(44_100)
    assert caught.value.reason == "unsupported_audio_format"


@given(rates, st.lists(st.integers(0, 65_536).map(lambda samples: 2 * samples)))
def test_a_clock_counts_exactly(rate: int, sizes: list[int]) -> None:
    clock = SampleClock(AudioFormat(rate))
    for size in sizes:
        clock.add_bytes(size)
    assert clock.samples == sum(sizes) // 2
    assert clock.ms == sum(sizes) // 2 * 1000 // rate


@given(rates, rates, st.integers(0, 10_000_000))
def test_a_clock_that_changes_its_format_keeps_its_time(old: int, new: int, ms: int) -> None:
    clock = SampleClock(AudioFormat(old))
    clock.add_bytes(AudioFormat(old).bytes_in(ms))
    clock.change(AudioFormat(new))
    assert clock.ms == ms
    assert clock.format.rate == new


@given(rates, rates, st.integers(0, 1 << 50))
def test_a_position_is_carried_over_rounded_down(old: int, new: int, samples: int) -> None:
    carried = convert_samples(samples, old, new)
    assert carried * old <= samples * new < (carried + 1) * old
