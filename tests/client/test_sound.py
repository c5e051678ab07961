from pathlib import Path

import numpy as np
import pytest
import soundfile

from sottovoce.client import SoundUnreadable
from sottovoce.client.sound import SoundWriter, check_readable, read_sound

SPEECH = Path(__file__).parent.parent / "data" / "speech"


def samples(path: Path) -> np.ndarray:
    return np.frombuffer(b"".join(read_sound(path)), dtype="<i2")


def test_what_is_16_khz_mono_already_is_not_changed() -> None:
    path = SPEECH / "austen-0880.wav"
    assert np.array_equal(samples(path), soundfile.read(path, dtype="int16")[0])


def test_another_rate_keeps_its_length_and_its_loudness() -> None:
    path = SPEECH / "jfk.flac"
    info, heard = soundfile.info(path), samples(path)
    assert info.samplerate == 44_100
    assert len(heard) == pytest.approx(info.duration * 16_000, abs=2)
    original = soundfile.read(path, always_2d=True)[0].mean(axis=1)
    assert np.std(heard / 32_768) == pytest.approx(np.std(original), rel=0.05)


@pytest.mark.parametrize(("name", "rate"), [("a.wav", 8_000), ("a.flac", 22_050), ("a.ogg", 48_000)])
def test_every_kind_of_file_is_mixed_to_one_channel(name: str, rate: int, tmp_path: Path) -> None:
    speech = soundfile.read(SPEECH / "austen-0890.wav")[0]
    one_sided = np.stack([speech, np.zeros_like(speech)], axis=1)
    soundfile.write(tmp_path / name, one_sided, rate)  # at the wrong speed, which is all the same here
    heard = samples(tmp_path / name)
    assert len(heard) == pytest.approx(len(speech) * 16_000 / rate, abs=2)
    assert np.std(heard / 32_768) == pytest.approx(np.std(speech) / 2, rel=0.1)


def test_full_scale_does_not_wrap_around(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", np.ones(4410, np.float32), 44_100, subtype="FLOAT")
    assert samples(tmp_path / "loud.wav")[500:1000].min() > 32_000


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 100])
def test_what_is_no_sound_says_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(SoundUnreadable, match=r"broken\.wav cannot be read as WAV, FLAC or OGG"):
        check_readable(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SoundUnreadable, match="There is no file"):
        check_readable(tmp_path / "none.wav")


def test_what_is_written_can_be_read_again(tmp_path: Path) -> None:
    pcm = b"".join(read_sound(SPEECH / "austen-0880.wav"))
    with SoundWriter(tmp_path / "reply.flac") as writer:
        for start in range(0, len(pcm), 3200):
            writer.write(pcm[start : start + 3200])
    assert b"".join(read_sound(tmp_path / "reply.flac")) == pcm


@pytest.mark.parametrize("name", ["reply.txt", "reply", "nowhere/reply.wav"])
def test_where_nothing_can_be_written_it_says_what_can(name: str, tmp_path: Path) -> None:
    with pytest.raises(SoundUnreadable, match=r"its name end in \.wav"):
        SoundWriter(tmp_path / name)
