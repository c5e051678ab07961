import numpy as np

from sottovoce.speech.instant import SENTENCE, InstantRecogniser, InstantSynthesiser


async def test_the_tone_is_one_second_of_440_hertz_at_a_moderate_level() -> None:
    engine = InstantSynthesiser()
    await engine.start()
    chunks = [chunk async for chunk in engine.speak("Anything.", language="en", voice=None, speed=1.0)]
    assert {len(chunk) for chunk in chunks} == {3200}
    tone = np.frombuffer(b"".join(chunks), np.int16)
    assert len(tone) == engine.sample_rate == 16_000
    assert np.argmax(np.abs(np.fft.rfft(tone))) == 440
    assert 5_900 <= np.abs(tone).max() <= 6_000


async def test_every_sound_is_the_same_sentence_and_is_answered_as_free_text() -> None:
    engine = InstantRecogniser()
    assert engine.answers_free_text
    await engine.start()
    for language in ("en", "de"):
        partials: list[str] = []
        hearing = engine.hear(language=language, asked=False, on_partial=partials.append)
        hearing.feed(bytes(640))
        hearing.feed(bytes(640))
        transcript = await hearing.finish()
        assert (transcript.text, transcript.confidence, transcript.is_command) == (SENTENCE, 1.0, False)
        assert partials == [SENTENCE]
