"""A recogniser made of recognisers. An utterance's sound is kept here until it is understood, so that the next engine
can hear it from its beginning."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from sottovoce.errors import EngineFault, EngineUnavailable, LanguageNotSupported
from sottovoce.speech.base import HEARING_RATE, Hearing, Recogniser, Transcript
from sottovoce.speech.chain import DEADLINE_S, Chain, Link, Told

MAX_SOUND_BYTES: Final = 2 * HEARING_RATE * 65
"""Sound of an utterance beyond this is not heard. Turns are cut before."""


class _Hearing:
    """One utterance, and the engine that hears it now."""

    def __init__(
        self, chain: Chain[Recogniser], *, language: str, asked: bool, on_partial: Callable[[str], None]
    ) -> None:
        self._chain = chain
        self._language = language
        self._asked = asked
        self._on_partial: Callable[[str], None] | None = on_partial
        self._told = ""
        self._sound = bytearray()
        self._over = False
        self._tried: list[Link[Recogniser]] = []
        self._heard_by: Link[Recogniser] | None = None
        """Whose partial transcripts count."""
        self._began_at = 0.0
        """When the engine in charge began to hear."""
        self._hearing: Hearing | None = self._next(None)

    def feed(self, pcm: bytes) -> None:
        """More sound. Beyond MAX_SOUND_BYTES it is not heard."""
        room = MAX_SOUND_BYTES - len(self._sound)
        if self._hearing is not None and not self._over and room > 0:
            self._sound += pcm[:room]
            self._hearing.feed(pcm[:room])

    async def finish(self) -> Transcript:
        """Raises EngineFault: what the last engine says, once all have failed."""
        self._over = True
        try:
            while self._hearing is not None:
                try:
                    async with asyncio.timeout(self._patience_s()):
                        transcript = await self._hearing.finish()
                except asyncio.CancelledError:
                    self._tried[-1].breaker.abandon()
                    raise
                except Exception as error:  # noqa: BLE001 - whatever an engine throws, the next one hears it
                    self._hearing = self._next_after(error)
                else:
                    self._chain.serve(self._tried[-1])
                    return transcript
            raise EngineUnavailable("The utterance was cancelled")
        finally:
            self._forget()

    def _patience_s(self) -> float:
        """How long the engine may take from now on: the deadline, and as long as it was spoken for if it heard that at
        once (the next of a chain, or when sound comes late)."""
        spoken_s = len(self._sound) / 2 / HEARING_RATE
        had_s = asyncio.get_running_loop().time() - self._began_at
        return self._chain.deadline(self._language, self._tried) + max(0.0, spoken_s - had_s)

    def cancel(self) -> None:
        """Forget it. Harmless after the end."""
        if not self._over:
            self._tried[-1].breaker.abandon()
        self._forget()

    def _next_after(self, error: Exception) -> Hearing | None:
        """None: nobody wants to know any more. Raises EngineFault when there is none left."""
        if self._hearing is None:
            return None
        if not self._chain.started:
            raise EngineUnavailable("The recogniser was closed") from None
        self._heard_by = None
        self._hearing.cancel()
        return self._next(self._chain.fail(self._tried[-1], error))

    def _next(self, why: EngineFault | None) -> Hearing:
        """Have the next engine hear it, from its beginning. Raises `why` when there is none left."""
        while (link := self._chain.choose(self._language, self._tried)) is not None:
            self._tried.append(link)
            self._heard_by = link
            self._chain.begin(link)
            try:
                hearing: Hearing = link.engine.hear(
                    language=self._language, asked=self._asked, on_partial=self._partials_of(link)
                )
                if self._sound:
                    hearing.feed(bytes(self._sound))
            except LanguageNotSupported as error:
                link.breaker.abandon()
                why = error
            except Exception as error:  # noqa: BLE001 - whatever an engine throws, the next one hears it
                why = self._chain.fail(link, error)
            else:
                self._began_at = asyncio.get_running_loop().time()
                return hearing
        raise why or EngineUnavailable(f"No engine that hears {self._language} is up now")

    def _partials_of(self, link: Link[Recogniser]) -> Callable[[str], None]:
        """Only the engine in charge is listened to."""

        def on_partial(text: str) -> None:
            if self._on_partial is not None and self._heard_by is link and text != self._told:
                self._told = text
                self._on_partial(text)

        return on_partial

    def _forget(self) -> None:
        """Of what was said nothing stays, nor the circle by which something could."""
        self._over = True
        self._on_partial = self._heard_by = None
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            hearing.cancel()
        self._sound.clear()
        self._told = ""


class ChainRecogniser(Chain[Recogniser]):
    """Hears by the first engine; what it fails at, or does not hear within `deadline_s` of the turn's end, the next one
    hears. Partial transcripts are those of the engine in charge."""

    def __init__(
        self,
        engines: Sequence[Recogniser],
        *,
        deadline_s: float = DEADLINE_S,
        told: Told = lambda _name, _outcome: None,
    ) -> None:
        super().__init__(engines, role="recogniser", deadline_s=deadline_s, told=told)
        self.answers_free_text = engines[0].answers_free_text

    def hear(self, *, language: str, asked: bool, on_partial: Callable[[str], None]) -> Hearing:
        """Begin an utterance. Raises LanguageNotSupported, EngineUnavailable when it is not started, EngineFault when
        no engine takes it."""
        self.check(language)
        return _Hearing(self, language=language, asked=asked, on_partial=on_partial)
