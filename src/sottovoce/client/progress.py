"""What is still open in a conversation, by what its events have said so far. Pure: a client's mirror of the server."""

from sottovoce.client.events import Event
from sottovoce.wire import server_events as se
from sottovoce.wire.views import TaskView

AT_WORK = frozenset({"submitted", "working"})
"""States of a task of which something comes without anyone saying anything."""


class Progress:
    """Turns, answers and tasks of one session, as far as they are told."""

    def __init__(self) -> None:
        self.turns = 0
        """How many the server found in the sound."""
        self.failed = 0
        """How many could not be transcribed, or answered."""
        self.faults = 0
        """How many `error` events came."""
        self.heard_to_ms = 0
        """All sound up to here was heard and transcribed."""
        self.ended: str | None = None
        """Why the session is over, once it is."""
        self.tasks: dict[str, TaskView] = {}
        self._open_turns: set[str] = set()
        self._open_answers: set[str] = set()
        self._audible: set[str] = set()
        self._requests: set[str] = set()

    def asked(self, request_id: str) -> None:
        """The client has asked for an answer."""
        self._requests.add(request_id)

    @property
    def tasks_at_work(self) -> int:
        """Tasks that may still do something by themselves."""
        return sum(task["state"] in AT_WORK for task in self.tasks.values())

    def settled(self, sent_ms: int) -> bool:
        """Whether all that was said, and all sound up to `sent_ms`, was heard and answered to the end."""
        everything_heard = self.heard_to_ms >= sent_ms and not self._open_turns
        return self.ended is not None or (everything_heard and not self._open_answers and not self._requests)

    def receive(self, event: Event) -> None:
        """The next event."""
        match event:
            case se.InputAudioBufferAcknowledged():
                self.heard_to_ms = max(self.heard_to_ms, event.audio_end_ms)
            case (
                se.TaskCreated(task=task)
                | se.TaskUpdated(task=task)
                | se.TaskCompleted(task=task)
                | se.TaskFailed(task=task)
            ):
                self.tasks[task["id"]] = task
            case se.SessionEnded():
                self.ended = event.reason
            case se.Error():
                self.faults += 1
                self._requests.discard(event.error.get("event_id") or "")
            case _:
                self._receive_turn(event)
                self._receive_answer(event)

    def _receive_turn(self, event: Event) -> None:
        match event:
            case se.InputAudioBufferSpeechStarted():
                self.turns += 1
                self._open_turns.add(event.item_id)
            case se.InputAudioTranscriptionCompleted():
                self._open_turns.discard(event.item_id)
            case se.InputAudioTranscriptionFailed():
                self.failed += 1
                self._open_turns.discard(event.item_id)

    def _receive_answer(self, event: Event) -> None:
        match event:
            case se.ResponseCreated():
                # Requests are made one at a time, so the next answer to begin is this one's.
                self._requests.clear()
                self._open_answers.add(event.response.id)
            case se.OutputAudioBufferStarted():
                self._audible.add(event.response_id)
            case se.ResponseDone():
                # An answer that was heard from its start is over only when it was heard to its end.
                if event.response.status != "completed" or event.response.id not in self._audible:
                    self._open_answers.discard(event.response.id)
                self.failed += event.response.status == "failed"
            case se.OutputAudioBufferStopped() | se.OutputAudioBufferCleared():
                self._open_answers.discard(event.response_id)
