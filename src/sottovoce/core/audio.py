"""Formats of sound, and counting in it: samples inside, milliseconds on the wire. Sound is 16-bit little-endian mono
PCM everywhere."""

from typing import Final

import msgspec

from sottovoce.errors import BadMessage

SAMPLE_BYTES: Final = 2
HEARING_RATE: Final = 16_000
"""Samples a second of all sound that is listened to."""
RATES: Final = (8_000, 16_000, 24_000, 48_000)
"""Samples a second that a client may send or ask for. Each is a whole number of samples a millisecond."""


class AudioFormat(msgspec.Struct, frozen=True):
    """`audio/pcm` at one of RATES. Raises BadMessage (unsupported_audio_format) for any other."""

    rate: int = HEARING_RATE

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            allowed = ", ".join(str(rate) for rate in RATES)
            raise BadMessage(f"The sample rate must be one of {allowed}", reason="unsupported_audio_format")

    def samples(self, ms: float) -> int:
        """How many whole samples `ms` last."""
        return int(ms * self.rate) // 1000

    def bytes_in(self, ms: float) -> int:
        """How many bytes `ms` take: always a whole number of samples."""
        return self.samples(ms) * SAMPLE_BYTES

    def ms(self, samples: int) -> int:
        """How many whole milliseconds `samples` last."""
        return samples * 1000 // self.rate

    def ms_of_bytes(self, size: int) -> int:
        """How many whole milliseconds `size` bytes last."""
        return self.ms(size // SAMPLE_BYTES)


def convert_samples(samples: int, from_rate: int, to_rate: int) -> int:
    """A position of one clock on another, rounded down: exact at any length, where adding up floats would drift."""
    return samples * to_rate // from_rate


class SampleClock:
    """How much sound has passed, on one clock. Counts bytes as they come, tells whole milliseconds."""

    __slots__ = ("format", "samples")

    def __init__(self, format_: AudioFormat) -> None:
        self.format = format_
        self.samples = 0

    def add_bytes(self, size: int) -> None:
        """`size` more bytes have passed; an even number."""
        self.samples += size // SAMPLE_BYTES

    @property
    def ms(self) -> int:
        """Whole milliseconds passed."""
        return self.format.ms(self.samples)

    def change(self, format_: AudioFormat) -> None:
        """Go on in another format: what has passed stays as long as it was."""
        self.samples = convert_samples(self.samples, self.format.rate, format_.rate)
        self.format = format_
