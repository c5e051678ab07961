"""One answer on its way out: from the orchestrator's words to paced sound."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from sottovoce.core import events as ev
from sottovoce.errors import SottovoceError
from sottovoce.live.clock import Clock
from sottovoce.live.ports import Shell
from sottovoce.logs import place, short
from sottovoce.orchestrator.base import Goodbye, Prompt, Reply, Say
from sottovoce.speech.base import Synthesiser
from sottovoce.speech.resample import Resampler

LEAD_S = 0.3
"""Sound is sent so far ahead of its playing: enough for a network's hiccups, little to be dropped at barge-in."""

log = structlog.get_logger()


class Answering:
    """Makes one answer, and tells the conversation of each step."""

    def __init__(self, command: ev.StartResponse, shell: Shell, synthesiser: Synthesiser, clock: Clock) -> None:
        self._command = command
        self._shell = shell
        self._synthesiser = synthesiser
        self._clock = clock
        self._started_at: float | None = None
        self._sent_s = 0.0

    async def run(self) -> None:
        """From the first word until it has been heard. Cancelling stops it at once."""
        response_id = self._command.response_id
        try:
            goodbye = await self._speak_all()
        except SottovoceError as error:
            self._shell.receive(ev.ReplyFailed(response_id, error.code, error.message))
            return
        except Exception as error:  # noqa: BLE001 - whatever an engine throws costs this answer, not the session
            log.error(
                "answer_failed",
                session=short(self._shell.session_id),
                error=type(error).__name__,
                where=place(error),
            )
            self._shell.receive(ev.ReplyFailed(response_id, "answer_failed", "The answer could not be made"))
            return
        self._shell.receive(ev.ReplyEnded(response_id))
        if self._started_at is not None:
            await asyncio.sleep(self._started_at + self._sent_s - self._clock.steady())
        self._shell.receive(ev.PlaybackEnded(response_id))
        if goodbye:
            self._shell.say_goodbye()

    async def _speak_all(self) -> bool:
        """Whether the session is to end after it."""
        goodbye = False
        async with aclosing(self._replies()) as replies:
            async for reply in replies:
                if isinstance(reply, Goodbye):
                    goodbye = True
                else:
                    await self._say(reply.text)
        return goodbye

    async def _replies(self) -> AsyncGenerator[Reply, None]:
        command = self._command
        if command.say:
            yield Say(command.say)
            return
        prompt = Prompt(
            text=command.text,
            spoken=command.spoken,
            confidence=command.confidence,
            is_command=command.is_command,
            item_id=command.item_id,
        )
        async with aclosing(self._shell.reply(prompt)) as replies:
            async for reply in replies:
                yield reply

    async def _say(self, text: str) -> None:
        self._shell.receive(ev.Replied(self._command.response_id, text))
        if not self._command.speech_out:
            return
        config = self._shell.config
        sound = self._synthesiser.speak(text, language=config.language, voice=config.voice, speed=config.speed)
        resampler = Resampler(self._synthesiser.sample_rate, config.output_rate)
        async with aclosing(sound) as chunks:
            async for chunk in chunks:
                await self._send(resampler.resample(chunk), config.output_rate)
        await self._send(resampler.flush(), config.output_rate)
        self._shell.receive(ev.SentenceSpoken(self._command.response_id))

    async def _send(self, pcm: bytes, rate: int) -> None:
        if not pcm:
            return
        now = self._clock.steady()
        if self._started_at is None:
            self._started_at = now
        elif now > self._started_at + self._sent_s:
            self._started_at = now - self._sent_s  # it fell silent: what follows plays later
        length_s = len(pcm) / 2 / rate
        self._shell.receive(ev.Spoke(self._command.response_id, length_s * 1000))
        self._shell.send_sound(pcm)
        self._sent_s += length_s
        ahead_s = self._started_at + self._sent_s - now
        if ahead_s > LEAD_S:
            await asyncio.sleep(ahead_s - LEAD_S)
