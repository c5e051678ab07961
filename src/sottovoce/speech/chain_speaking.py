"""A synthesiser made of synthesisers. What was heard is never said again: a sentence that an engine could not begin is
said by the next one; of one that broke off in the middle the rest is lost, and the next engine goes on with the next
sentence."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from sottovoce.errors import EngineFault, EngineUnavailable
from sottovoce.speech.base import Synthesiser
from sottovoce.speech.chain import DEADLINE_S, Chain, Link, Told
from sottovoce.speech.resample import Resampler
from sottovoce.speech.sentences import sentences

CHUNKS_PER_S = 10


class _BrokeOff(Exception):
    """A sentence was heard in part."""

    def __init__(self, why: EngineFault) -> None:
        super().__init__()
        self.why = why


class ChainSynthesiser(Chain[Synthesiser]):
    """Speaks by the first engine; what gives no sound for `deadline_s`, or fails before its first, the next one says.

    Sound comes at the highest rate of the engines that were up at the start. A voice goes to the engines that name it,
    or else to the first; others speak in their own.
    """

    def __init__(
        self,
        engines: Sequence[Synthesiser],
        *,
        deadline_s: float = DEADLINE_S,
        told: Told = lambda _name, _outcome: None,
    ) -> None:
        self.voices: tuple[str, ...] = ()
        self.sample_rate = engines[0].sample_rate
        super().__init__(engines, role="synthesiser", deadline_s=deadline_s, told=told)

    async def start(self) -> None:
        """As Chain; fixes the sample rate."""
        await super().start()
        self.sample_rate = max(link.engine.sample_rate for link in self.links if link.up)

    async def speak(self, text: str, *, language: str, voice: str | None, speed: float) -> AsyncGenerator[bytes, None]:
        """Sound in chunks of at most 100 ms, sentence by sentence.

        Raises LanguageNotSupported; EngineUnavailable when it is not started; EngineFault when no engine can say a
        sentence, or when the last sentence broke off.
        """
        self.check(language)
        tried: list[Link[Synthesiser]] = []
        """Those that broke off, or could not begin: for the length of this text, the others speak."""
        lost: EngineFault | None = None
        for sentence in sentences(text):
            lost = None
            try:
                async with aclosing(self._say(sentence, tried, language, voice, speed)) as sound:
                    async for chunk in sound:
                        yield chunk
            except _BrokeOff as error:
                lost = error.why
        if lost is not None:
            raise lost

    async def _say(
        self, sentence: str, tried: list[Link[Synthesiser]], language: str, voice: str | None, speed: float
    ) -> AsyncGenerator[bytes, None]:
        """One sentence, by the first engine that can begin it. Raises EngineFault, _BrokeOff."""
        why: EngineFault | None = None
        while (link := self.choose(language, tried)) is not None:
            self.begin(link)
            heard = False
            deadline_s = self.deadline(language, [*tried, link])
            sound = link.engine.speak(sentence, language=language, voice=self._voice(link, voice), speed=speed)
            try:
                async with aclosing(self._at_our_rate(link, sound, deadline_s)) as chunks:
                    async for chunk in chunks:
                        heard = True
                        yield chunk
            except (asyncio.CancelledError, GeneratorExit):
                link.breaker.abandon()
                raise
            except Exception as error:  # noqa: BLE001 - whatever an engine throws, the next one goes on
                if not self.started:
                    raise EngineUnavailable("The synthesiser was closed") from None
                tried.append(link)
                why = self.fail(link, error, heard=heard, blame=voice is None or voice in link.engine.voices)
                if heard:
                    raise _BrokeOff(why) from None
            else:
                self.serve(link)
                return
        raise why or EngineUnavailable(f"No engine that speaks {language} is up now")

    async def _at_our_rate(
        self, link: Link[Synthesiser], sound: AsyncGenerator[bytes, None], deadline_s: float
    ) -> AsyncGenerator[bytes, None]:
        """Raises TimeoutError when nothing comes for so long; how long who listens takes does not count."""
        async with aclosing(sound):
            resampler: Resampler | None = None
            while True:
                async with asyncio.timeout(deadline_s):
                    chunk = await anext(sound, None)
                # Some engines know their rate only once they speak.
                resampler = resampler or Resampler(link.engine.sample_rate, self.sample_rate)
                for piece in self._pieces(resampler.flush() if chunk is None else resampler.resample(chunk)):
                    yield piece
                if chunk is None:
                    return

    def _pieces(self, pcm: bytes) -> list[bytes]:
        """A resampler gives what it held back at once."""
        most = 2 * (self.sample_rate // CHUNKS_PER_S)
        return [pcm[first : first + most] for first in range(0, len(pcm), most)]

    def _voice(self, link: Link[Synthesiser], voice: str | None) -> str | None:
        named = [each for each in self.links if voice in each.engine.voices] or self.links[:1]
        return voice if link in named else None

    def _learn(self) -> None:
        super()._learn()
        self.voices = tuple(dict.fromkeys(voice for link in self.links for voice in link.engine.voices))
