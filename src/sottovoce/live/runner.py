"""One session's shell: pumps what happens into the conversation, does what it says, and decides nothing."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable
from typing import ClassVar

import structlog

from sottovoce.core import events as ev
from sottovoce.core import notices as no
from sottovoce.core.answers import Effect
from sottovoce.core.conversation import IDLE, Conversation
from sottovoce.core.limits import BAD_MESSAGES_IN_A_ROW, MESSAGES_BURST, MESSAGES_PER_S, TokenBucket
from sottovoce.core.turn import SAMPLES_PER_MS
from sottovoce.errors import BadMessage
from sottovoce.live.answering import Answering
from sottovoce.live.connection import NOT_THE_PROTOCOL, TOO_FAST, Close, Connection
from sottovoce.live.listening import Listening
from sottovoce.live.node import Node
from sottovoce.live.replay import Replay
from sottovoce.live.talk import LiveTalk
from sottovoce.logs import place, short
from sottovoce.orchestrator.base import Prompt, Reply, TaskUpdate
from sottovoce.wire import client_events as ce
from sottovoce.wire import decode
from sottovoce.wire.encode import Encoder

log = structlog.get_logger()


def new_id(prefix: str) -> str:
    """An id for an item or a response."""
    return f"{prefix}_{secrets.token_hex(12)}"


class Runner:
    """From a session's first connection to its end."""

    def __init__(
        self,
        node: Node,
        talk: LiveTalk,
        *,
        touched: Callable[[], None],
        goodbye: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self.session_id = talk.session_id
        self.say_goodbye = goodbye
        self._failed = failed
        self._has_failed = False
        self.conversation = Conversation(talk.session_id, ev.Config(), talk.ends_at, new_id)
        self.listening = Listening(self, node, self.config)
        self._node = node
        self._talk = talk
        talk.about(self.conversation.items.all)
        self._touched = touched
        self._connection: Connection | None = None
        self._encoder = Encoder()
        self._replay = Replay()
        self._answering: asyncio.Task[None] | None = None
        self._turn: str | None = IDLE
        """As it was counted; None once it counts no more."""
        node.census.ear_opened(self.listening)
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn_ended_at: float | None = None
        self._bad_in_a_row = 0
        self._message_bucket = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, node.clock.steady())

    @property
    def config(self) -> ev.Config:
        """The settings in force."""
        return self.conversation.config

    # -- the connection ----------------------------------------------------------------------------------------------

    def attach(self, connection: Connection) -> None:
        """A client is there."""
        self._connection = connection
        self.tell(self.conversation.opened())

    def detach(self) -> None:
        """The client is gone; the session is not."""
        self._connection = None
        self._perform(self.conversation.suspend(self._node.clock.steady()))

    def reattach(self, connection: Connection, last_event: int | None) -> None:
        """The client is back. It gets what came behind the event of that number, then how far its sound has come."""
        lost, missed = self._replay.after(self._replay.newest if last_event is None else last_event)
        for event in missed:
            connection.send_event(event)
        self.attach(connection)
        if lost:
            self.tell(no.Fault("events_lost", f"{lost} events were too long ago to be sent again", client_fault=False))
        self.acknowledge(self.listening.end_sample // SAMPLES_PER_MS)
        self._perform(self.conversation.resume())

    def end(self, notice: no.SessionEnded, close: Close) -> None:
        """Say the last word and forget everything."""
        connection = self._connection
        if connection is not None:
            connection.drop_sound()
            self.tell(notice)
            self._connection = None
            connection.close(close)
        for task in self._tasks:
            task.cancel()
        self.listening.close()
        if self._turn is not None:
            self._node.census.turn_moved(self._turn, IDLE)
            self._turn = None
        self._node.census.ear_closed(self.listening)

    async def gone(self) -> None:
        """Wait until nothing of it runs any more; then nothing that was said is left in it."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Whoever carries the stream may hold this a little longer, and so do circles.
        self.conversation = Conversation(self.session_id, self.config, self._talk.ends_at, new_id)
        self._replay = Replay()
        self._answering = None
        await self._talk.close()

    # -- what comes in -----------------------------------------------------------------------------------------------

    def receive_sound(self, message: bytes, event_id: str | None = None) -> None:
        """A binary message, or the sound of the event of that id. The hot path: 50 a second and session."""
        try:
            pcm = decode.sound(message)
        except BadMessage as error:
            error.event_id = event_id
            self._not_of_the_protocol(error)
            return
        self._bad_in_a_row = 0
        if not self.listening.feed(pcm):
            self._refuse(TOO_FAST)

    def receive_message(self, message: str) -> None:
        """A text message."""
        try:
            event = decode.client_event(message)
        except BadMessage as error:
            self._not_of_the_protocol(error)
            return
        if isinstance(event, ce.InputAudioBufferAppend):
            self.receive_sound(event.audio, event.event_id)  # counted as sound, not as a message
            return
        self._bad_in_a_row = 0
        if not self._message_bucket.take(1.0, self._node.clock.steady()):
            self._refuse(TOO_FAST)
            return
        try:
            self._receive_event(event)
        except BadMessage as error:
            error.event_id = event.event_id
            self._bad(error)

    def _receive_event(self, event: ce.AnyClientEvent) -> None:
        self._touched()
        if isinstance(event, ce.InputAudioBufferCommit | ce.InputAudioBufferClear):
            self.listening.catch_up()
        config = self.config
        happening = decode.happening(event, config, self.listening.end_sample)
        self.receive(happening)
        if self.config is not config:
            self._reconfigured(config)
        if isinstance(happening, ev.CommitSound | ev.ClearSound):
            self.listening.turn_over()

    def receive(self, happening: ev.Happening) -> None:
        """Anything that happened."""
        self._perform(self.conversation.receive(happening, self._node.clock.steady()))

    def on_task(self, update: TaskUpdate) -> None:
        """A task of this session changed."""
        self.receive(ev.TaskMoved(update.task, update.say))

    def _bad(self, error: BadMessage) -> None:
        self._node.metrics.bad_messages.labels(error.reason).inc()
        self._complain(error.reason, error.message, error.param, error.event_id)

    def _not_of_the_protocol(self, error: BadMessage) -> None:
        self._bad(error)
        self._bad_in_a_row += 1
        if self._bad_in_a_row >= BAD_MESSAGES_IN_A_ROW:
            self._refuse(NOT_THE_PROTOCOL)
        elif not self._message_bucket.take(1.0, self._node.clock.steady()):
            self._refuse(TOO_FAST)  # a right message now and then must not make room for thousands of wrong ones

    def _complain(self, code: str, message: str, param: str | None, event_id: str | None = None) -> None:
        self.tell(no.Fault(code, message, client_fault=True, param=param, client_event_id=event_id))

    def _refuse(self, close: Close) -> None:
        """Cut the connection; the session lives on."""
        if self._connection is not None and not self._connection.closing:
            self._node.metrics.connections_refused.labels(str(close.code)).inc()
            self._connection.close(close)

    def _reconfigured(self, old: ev.Config) -> None:
        new = self.config
        self.listening.reconfigure(old, new)
        self._talk.instructions = new.instructions
        if new.language != old.language:
            self._talk.speak(new.language)
        recogniser = self._node.recogniser
        if new.language != old.language and new.language not in recogniser.languages:
            self._complain(
                "language_not_supported",
                f"The recogniser {recogniser.name} hears only {', '.join(recogniser.languages)}; typed text works. "
                "To be heard in another language, the server needs another engine (SOTTOVOCE_RECOGNISER)",
                "session.audio.input.transcription.language",
            )

    def fail(self, error: Exception) -> None:
        """A fault of ours: it ends this session, and no other. What else fails on the way out is not told again."""
        if self._has_failed:
            return
        self._has_failed = True
        log.error("session_failed", session=short(self.session_id), error=type(error).__name__, where=place(error))
        self._failed()

    # -- what goes out -----------------------------------------------------------------------------------------------

    def tell(self, notice: no.Notice) -> None:
        """Tell the client, at once or when it is back."""
        for event in self._encoder.encode(notice):
            self._replay.keep(event)
            if self._connection is not None:
                self._connection.send_event(event)

    def acknowledge(self, audio_end_ms: int) -> None:
        """All sound up to here is safe."""
        self.tell(no.SoundAcknowledged(audio_end_ms))

    def send_sound(self, pcm: bytes) -> None:
        """A piece of the answer."""
        if self._turn_ended_at is not None:
            self._node.metrics.answer_seconds.observe(self._node.clock.steady() - self._turn_ended_at)
            self._turn_ended_at = None
        if self._connection is not None:
            self._connection.send_sound(pcm)

    def reply(self, prompt: Prompt) -> AsyncGenerator[Reply, None]:
        """Ask whoever thinks for this session."""
        return self._node.orchestrator.reply(prompt, self._talk)

    # -- effects -----------------------------------------------------------------------------------------------------

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            do = self._DO.get(type(effect))
            if do is not None:
                do(self, effect)
            if not isinstance(effect, ev.Command):
                self.tell(effect)
        turn = self.conversation.turn
        if self._turn not in {None, turn}:
            self._node.census.turn_moved(self._turn, turn)
            self._turn = turn

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold on to a task until it is done, or the session is."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _start_hearing(self, command: ev.StartHearing) -> None:
        self._touched()
        self.listening.start(command, self.config.language)

    def _finish_hearing(self, command: ev.FinishHearing) -> None:
        self._touched()
        self._turn_ended_at = self._node.clock.steady()
        self._node.metrics.turns.inc()
        self.listening.stop(command)
        self._keep(asyncio.create_task(self.listening.finish(command)))

    def _cancel_hearing(self, command: ev.CancelHearing) -> None:
        self.listening.cancel(command)

    def _start_response(self, command: ev.StartResponse) -> None:
        if not command.spoken:
            self._turn_ended_at = None  # what is answered now is no turn: one before it had no answer
        answering = Answering(command, self, self._node.synthesiser, self._node.clock)
        self._answering = asyncio.create_task(answering.run())
        self._keep(self._answering)

    def _stop_response(self, _command: ev.StopResponse) -> None:
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
        if self._connection is not None:
            self._connection.drop_sound()

    def _response_ended(self, notice: no.ResponseEnded) -> None:
        self._touched()
        self._talk.last_said = notice.item.text or self._talk.last_said
        self._node.metrics.responses.labels(str(notice.status)).inc()
        if notice.reason is ev.CancelReason.TURN_DETECTED:
            self._node.metrics.interruptions.inc()

    _DO: ClassVar[dict[type, Callable[..., None]]] = {
        ev.StartHearing: _start_hearing,
        ev.FinishHearing: _finish_hearing,
        ev.CancelHearing: _cancel_hearing,
        ev.StartResponse: _start_response,
        ev.StopResponse: _stop_response,
        no.ResponseEnded: _response_ended,
    }
