"""The hearing half of a session's shell: sound in, turns and transcripts out."""

import structlog

from sottovoce.core import events as ev
from sottovoce.core.limits import AUDIO_BURST_S, AUDIO_SPEED, FRAMES_BURST, FRAMES_PER_S, TokenBucket
from sottovoce.core.turn import SAMPLES_PER_MS, ManualTurn, SpeechStarted, TurnDetector
from sottovoce.errors import SottovoceError
from sottovoce.live.node import Node
from sottovoce.live.ports import Shell
from sottovoce.live.second_opinion import SecondOpinion
from sottovoce.logs import place, short
from sottovoce.speech.base import HEARING_RATE, Hearing, Transcript
from sottovoce.speech.resample import Resampler

ACKNOWLEDGE_SAMPLES = 5 * HEARING_RATE
"""While nobody speaks, sound is acknowledged so often."""
BYTES_PER_SAMPLE = 2

log = structlog.get_logger()


class _Deaf:
    """Stands for a hearing that could not begin; says why when asked for the transcript."""

    def __init__(self, why: SottovoceError) -> None:
        self._why = why

    def feed(self, pcm: bytes) -> None:
        """Hears nothing."""

    async def finish(self) -> Transcript:
        """Raises what kept it from hearing."""
        raise self._why

    def cancel(self) -> None:
        """Nothing to forget."""


class Listening:
    """The sound of one session."""

    def __init__(self, shell: Shell, node: Node, config: ev.Config) -> None:
        self.chunks_received = 0
        self.chunks_processed = 0
        self._shell = shell
        self._node = node
        self._slot = node.detector.open(self._on_window)
        self._hearing: Hearing | None = None
        self._opinion = SecondOpinion(node.endings, node.turn_judge)
        self._heard_to = 0
        self._started: dict[str, tuple[Hearing, int]] = {}
        """Item id to its hearing and its first sample, until it is transcribed."""
        self._acknowledged_at = 0
        self._frames = TokenBucket(FRAMES_PER_S, FRAMES_BURST, node.clock.steady())
        self._seconds = TokenBucket(AUDIO_SPEED, AUDIO_BURST_S, node.clock.steady())
        self._set_rate(config.input_rate)
        self._set_turns(config)

    def _set_rate(self, rate: int) -> None:
        self._resampler = Resampler(rate, HEARING_RATE)
        self._bytes_per_s = rate * BYTES_PER_SAMPLE

    def _set_turns(self, config: ev.Config) -> None:
        turns = config.turn_detection
        self._turn: TurnDetector | ManualTurn = (
            ManualTurn() if turns is None else TurnDetector(turns, self._slot.end_sample)
        )
        self._semantic = turns is not None and turns.eagerness is not None

    def reconfigure(self, old: ev.Config, new: ev.Config) -> None:
        """The settings changed."""
        if new.input_rate != old.input_rate:
            self.catch_up()
            self._set_rate(new.input_rate)
        if isinstance(self._turn, TurnDetector) and new.turn_detection is not None:
            self._turn.settings = new.turn_detection  # a turn that has begun goes on
            self._semantic = new.turn_detection.eagerness is not None
        elif new.turn_detection != old.turn_detection:
            self._set_turns(new)

    @property
    def end_sample(self) -> int:
        """Where the sound ends now, at HEARING_RATE."""
        return self._slot.end_sample

    def feed(self, pcm: bytes) -> bool:
        """Take in sound of the client; False: more than may come, and nothing was taken. The hot path."""
        now = self._node.clock.steady()
        if not (self._seconds.take(len(pcm) / self._bytes_per_s, now) and self._frames.take(1.0, now)):
            return False
        self.chunks_received += 1
        if isinstance(self._turn, ManualTurn) and self._turn.begin(self._slot.end_sample):
            self._shell.receive(ev.SoundAppended(self._slot.end_sample))
        self._slot.feed(self._resampler.resample(pcm))
        return True

    def catch_up(self) -> None:
        """All sound that has come is heard now: what the resampler holds back would go to the next turn."""
        self._slot.feed(self._resampler.flush())

    def turn_over(self) -> None:
        """The client ended its turn, or took it back."""
        self._turn.reset(self._slot.end_sample)

    def _on_window(self, probability: float, end_sample: int) -> None:
        """The detector has heard 32 ms more. Called from the node's one batch: what fails here is this session's."""
        try:
            self._heard_window(probability, end_sample)
        except Exception as error:  # noqa: BLE001 - all others' windows follow
            self._shell.fail(error)

    def _heard_window(self, probability: float, end_sample: int) -> None:
        self.chunks_processed = self.chunks_received
        turn = self._turn.receive(probability, end_sample)
        if self._semantic and isinstance(self._turn, TurnDetector):
            self._opinion.look(self._turn, end_sample)
        if turn is not None:
            if isinstance(turn, SpeechStarted):
                self._shell.receive(ev.SpeechBegan(turn.start_sample))
            elif isinstance(self._turn, ManualTurn):
                self._shell.receive(ev.CommitSound(turn.end_sample))
            else:
                self._shell.receive(ev.SpeechEnded(turn.end_sample))
        if self._hearing is not None:
            self._pass_on(end_sample)
        elif end_sample - self._acknowledged_at >= ACKNOWLEDGE_SAMPLES and not self._started:
            self._acknowledge(end_sample)

    def _pass_on(self, to_sample: int) -> None:
        if self._hearing is not None and to_sample > self._heard_to:
            sound = self._slot.sound(self._heard_to, to_sample)
            self._hearing.feed(sound)
            if self._semantic:
                self._opinion.sounded(sound)
            self._heard_to = to_sample

    def _acknowledge(self, end_sample: int) -> None:
        self._acknowledged_at = end_sample
        self._shell.acknowledge(end_sample // SAMPLES_PER_MS)

    # -- hearing -----------------------------------------------------------------------------------------------------

    def start(self, command: ev.StartHearing, language: str) -> None:
        """Give the recogniser all sound from there on."""
        self._opinion.begin(command.item_id, language, asked=command.asked)

        def on_partial(text: str) -> None:
            try:
                self._opinion.heard(command.item_id, text)
                self._shell.receive(ev.PartialHeard(command.item_id, text))
            except Exception as error:  # noqa: BLE001 - the engine serves other sessions, too
                self._shell.fail(error)

        hearing: Hearing
        try:
            hearing = self._node.recogniser.hear(language=language, asked=command.asked, on_partial=on_partial)
        except SottovoceError as error:
            hearing = _Deaf(error)
        self._hearing = hearing
        self._started[command.item_id] = (hearing, command.from_sample)
        self._heard_to = command.from_sample
        self._pass_on(self._slot.end_sample)

    async def finish(self, command: ev.FinishHearing) -> None:
        """Ask for the transcript and tell it. The first step, up to the first wait, is taken by `stop`."""
        hearing, from_sample = self._started[command.item_id]
        happening = await self._transcript(command, hearing, (command.to_sample - from_sample) // SAMPLES_PER_MS)
        self._started.pop(command.item_id, None)
        self._shell.receive(happening)
        if self._hearing is None and not self._started:
            self._acknowledge(command.to_sample)

    def stop(self, command: ev.FinishHearing) -> None:
        """No sound beyond there belongs to the turn."""
        self._pass_on(command.to_sample)
        self._hearing = None
        self._opinion.forget()

    async def _transcript(
        self, command: ev.FinishHearing, hearing: Hearing, duration_ms: int
    ) -> ev.Heard | ev.HearingFailed:
        asked_at = self._node.clock.steady()
        try:
            transcript = await hearing.finish()
        except SottovoceError as error:
            return ev.HearingFailed(command.item_id, error.code, error.message)
        except Exception as error:  # noqa: BLE001 - whatever an engine throws costs this turn, not the session
            log.error(
                "hearing_failed",
                session=short(self._shell.session_id),
                error=type(error).__name__,
                where=place(error),
            )
            return ev.HearingFailed(command.item_id, "hearing_failed", "The turn could not be transcribed")
        self._node.metrics.transcription_seconds.observe(self._node.clock.steady() - asked_at)
        return ev.Heard(command.item_id, transcript.text, transcript.confidence, transcript.is_command, duration_ms)

    def cancel(self, command: ev.CancelHearing) -> None:
        """Forget the turn."""
        started = self._started.pop(command.item_id, None)
        if started is not None:
            started[0].cancel()
        self._hearing = None
        self._opinion.forget()

    def close(self) -> None:
        """Forget all sound."""
        for hearing, _ in self._started.values():
            hearing.cancel()
        self._started.clear()
        self._hearing = None
        self._opinion.forget()
        self._slot.close()
        self._resampler = Resampler(HEARING_RATE, HEARING_RATE)  # any other keeps some sound
