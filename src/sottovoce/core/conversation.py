"""One conversation: items, turns and answers. `receive(happening, now) -> effects`; decides, and does nothing itself.

Who may speak: the user always; the server while the user is silent and all that was said has been heard. What waits
for that (prompts to be answered, results to be told) waits in one line, `_waiting`.
"""

from collections import deque
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec

from sottovoce.core import events as ev
from sottovoce.core import notices as no
from sottovoce.core.agreement import Agreement
from sottovoce.core.answers import Answers, Effect
from sottovoce.core.events import Item, ItemStatus, Role
from sottovoce.core.items import Items
from sottovoce.core.limits import MAX_ITEMS, MAX_TEXT_CHARACTERS, MAX_WAITING_ANNOUNCEMENTS, MAX_WAITING_PROMPTS
from sottovoce.core.task import Task, TaskState
from sottovoce.core.turn import SAMPLES_PER_MS
from sottovoce.errors import BadMessage

IDLE: Final = "idle"
LISTENING: Final = "listening"
THINKING: Final = "thinking"
SPEAKING: Final = "speaking"


class _Waiting(msgspec.Struct, kw_only=True):
    """Something to be answered or told once the user is silent."""

    item_id: str | None = None
    say: str = ""
    speech_out: bool
    spoken: bool = False
    confidence: float = 1.0
    is_command: bool = False


class Conversation:
    """The state of one conversation. `new_id(prefix)` makes ids, so that nothing here is random."""

    def __init__(self, session_id: str, config: ev.Config, expires_at: float, new_id: Callable[[str], str]) -> None:
        self.config = config
        self.items = Items(MAX_ITEMS)
        self.answers = Answers(self.items, new_id)
        self._session_id = session_id
        self._expires_at = expires_at
        self._new_id = new_id
        self._utterance: str | None = None
        """Item id of the turn that is being spoken."""
        self._unheard: list[str] = []
        """Item ids of turns that are over and not yet transcribed."""
        self._waiting: deque[_Waiting] = deque()
        self._unanswered: str | None = None
        """The newest thing the user said that has had no answer."""
        self._open_questions: set[str] = set()
        self._told_tasks: dict[str, Task] = {}
        """As the client knows them."""
        self._pending_tasks: set[str] = set()
        self._announcing: tuple[str, _Waiting] | None = None
        """The newest answer to nobody, something that there was to be told: its response id, and what it was."""
        self._present = True
        """Whether the client is connected: to nobody, nothing is said."""
        self._shown: dict[str, Agreement] = {}
        """Of each turn on its way, the words shown."""

    # -- what it is doing ------------------------------------------------------------------------------------------

    @property
    def turn(self) -> str:
        """idle, listening, thinking or speaking."""
        if self._user_speaks:
            return LISTENING
        if self.answers.current is not None:
            return SPEAKING if self.answers.current.audible else THINKING
        return THINKING if self._unheard else IDLE

    @property
    def _user_speaks(self) -> bool:
        """A client that commits its turns itself may leave its microphone on: its sound is speech once committed."""
        return self._utterance is not None and self.config.turn_detection is not None

    @property
    def pending_tasks(self) -> bool:
        """Whether something may still come of a task."""
        return bool(self._pending_tasks)

    @property
    def tasks_known(self) -> int:
        """How many tasks there were."""
        return len(self._told_tasks)

    @property
    def open_question(self) -> bool:
        """Whether a task waits for an answer."""
        return bool(self._open_questions)

    def opened(self) -> no.SessionOpened:
        """The first word on a connection."""
        return no.SessionOpened(self._session_id, self.config, self._expires_at)

    def answering(self, response_id: str) -> bool:
        """Whether this response may still send."""
        return self.answers.current is not None and self.answers.current.response_id == response_id

    def receive(self, happening: ev.Happening, now: float) -> list[Effect]:
        """Take in what happened. Raises BadMessage if the client asked for what cannot be; nothing has changed then."""
        effects: list[Effect] = []
        handle = self._HANDLERS.get(type(happening))
        if handle is not None:
            handle(self, happening, effects, now)
        else:
            self.answers.receive(happening, effects, now)
        self._advance(effects)
        return effects

    def suspend(self, now: float) -> list[Effect]:
        """The connection is gone: stop speaking. What the user is saying goes on once the rest of its sound comes.

        What was being told and not heard to its end is told anew to a client that is back.
        """
        effects: list[Effect] = []
        self._present = False
        if self._announcing is not None and self.answering(self._announcing[0]):
            self._waiting.appendleft(self._announcing[1])
            self._announcing = None
        self.answers.interrupt(effects, now, ev.CancelReason.CLIENT_CANCELLED)
        return effects

    def resume(self) -> list[Effect]:
        """The client is back: what waited to be said is said."""
        effects: list[Effect] = []
        self._present = True
        self._advance(effects)
        return effects

    # -- the client's settings ---------------------------------------------------------------------------------------

    def _on_config(self, event: ev.ConfigChanged, effects: list[Effect], _now: float) -> None:
        if len(event.config.instructions) > MAX_TEXT_CHARACTERS:
            raise BadMessage(
                f"Instructions are at most {MAX_TEXT_CHARACTERS} characters",
                reason="string_above_max_length",
                param="session.instructions",
            )
        if (event.config.turn_detection is None) != (self.config.turn_detection is None):
            self._forget_utterance(effects)
        self.config = event.config
        effects.append(no.SessionConfigured(self._session_id, self.config, self._expires_at))

    # -- the user speaks -----------------------------------------------------------------------------------------------

    def _begin(self, start_sample: int, effects: list[Effect]) -> str:
        item_id = self._new_id("item")
        self._utterance = item_id
        self._shown[item_id] = Agreement()
        effects.append(ev.StartHearing(item_id, start_sample, self.open_question))
        return item_id

    def _on_speech_began(self, event: ev.SpeechBegan, effects: list[Effect], now: float) -> None:
        item_id = self._begin(event.start_sample, effects)
        effects.append(no.UserStarted(item_id, event.start_sample // SAMPLES_PER_MS))
        if self.config.interrupt_response:
            self.answers.interrupt(effects, now, ev.CancelReason.TURN_DETECTED)

    def _on_speech_ended(self, event: ev.SpeechEnded, effects: list[Effect], _now: float) -> None:
        if self._utterance is None:
            return
        effects.append(no.UserStopped(self._utterance, event.end_sample // SAMPLES_PER_MS))
        self._commit(event.end_sample, effects)

    def _on_sound_appended(self, event: ev.SoundAppended, effects: list[Effect], _now: float) -> None:
        if self._utterance is None:
            self._begin(event.start_sample, effects)

    def _on_commit(self, event: ev.CommitSound, effects: list[Effect], _now: float) -> None:
        if self._utterance is None:
            raise BadMessage("There is no sound to commit", reason="input_audio_buffer_commit_empty")
        self._commit(event.end_sample, effects)

    def _commit(self, end_sample: int, effects: list[Effect]) -> None:
        item_id = self._utterance
        assert item_id is not None  # noqa: S101 - both callers have looked
        self._utterance = None
        self._unheard.append(item_id)
        item = Item(id=item_id, role=Role.USER, spoken=True)
        previous = self.items.add(item)
        self._unanswered = item_id
        effects.append(ev.FinishHearing(item_id, end_sample))
        effects.append(no.SoundCommitted(item_id, previous))
        effects.append(no.ItemAdded(item, previous))

    def _on_clear(self, _event: ev.ClearSound, effects: list[Effect], _now: float) -> None:
        self._forget_utterance(effects)
        effects.append(no.SoundCleared())

    def _forget_utterance(self, effects: list[Effect]) -> None:
        if self._utterance is not None:
            effects.append(ev.CancelHearing(self._utterance))
            self._shown.pop(self._utterance, None)
            self._utterance = None

    # -- it is heard -------------------------------------------------------------------------------------------------

    def _on_partial(self, event: ev.PartialHeard, effects: list[Effect], _now: float) -> None:
        shown = self._shown.get(event.item_id)
        delta = shown.receive(event.text) if shown is not None else ""
        if delta:
            effects.append(no.TranscriptGrew(event.item_id, delta))

    def _on_heard(self, event: ev.Heard, effects: list[Effect], _now: float) -> None:
        if not self._was_unheard(event.item_id):
            return
        effects.append(no.TranscriptCompleted(event.item_id, event.text, event.confidence, event.duration_ms))
        if event.item_id not in self.items:
            return
        self._settle_item(event.item_id, event.text, ItemStatus.COMPLETED, effects)
        if self.config.turn_detection is not None and self.config.create_response and event.text:
            self._wait(
                _Waiting(
                    item_id=event.item_id,
                    speech_out=self.config.speech_out,
                    spoken=True,
                    confidence=event.confidence,
                    is_command=event.is_command,
                )
            )

    def _on_hearing_failed(self, event: ev.HearingFailed, effects: list[Effect], _now: float) -> None:
        if not self._was_unheard(event.item_id):
            return
        effects.append(no.TranscriptFailed(event.item_id, event.code, event.message))
        if event.item_id in self.items:
            self._settle_item(event.item_id, "", ItemStatus.INCOMPLETE, effects)

    def _was_unheard(self, item_id: str) -> bool:
        self._shown.pop(item_id, None)
        if item_id not in self._unheard:
            return False
        self._unheard.remove(item_id)
        return True

    def _settle_item(self, item_id: str, text: str, status: ItemStatus, effects: list[Effect]) -> None:
        item = self.items.get(item_id)
        item.text = text
        item.status = status
        effects.append(no.ItemDone(item, self.items.before(item_id)))

    # -- the client's items ------------------------------------------------------------------------------------------

    def _on_create_item(self, event: ev.CreateItem, effects: list[Effect], _now: float) -> None:
        if len(event.text) > MAX_TEXT_CHARACTERS:
            raise BadMessage(
                f"A typed item is at most {MAX_TEXT_CHARACTERS} characters",
                reason="string_above_max_length",
                param="item.content",
            )
        item = Item(
            id=event.item_id or self._new_id("item"),
            role=event.role,
            spoken=False,
            status=ItemStatus.COMPLETED,
            text=event.text,
        )
        previous = self.items.add(item, event.previous_item_id)
        if event.role is Role.USER:
            self._unanswered = item.id
        effects.append(no.ItemAdded(item, previous))
        effects.append(no.ItemDone(item, previous))

    def _on_delete_item(self, event: ev.DeleteItem, effects: list[Effect], _now: float) -> None:
        self.items.remove(event.item_id)
        effects.append(no.ItemDeleted(event.item_id))

    def _on_retrieve_item(self, event: ev.RetrieveItem, effects: list[Effect], _now: float) -> None:
        effects.append(no.ItemRetrieved(self.items.get(event.item_id)))

    # -- answers -----------------------------------------------------------------------------------------------------

    def _wait(self, waiting: _Waiting) -> None:
        if not self._full(announced=bool(waiting.say)):
            self._waiting.append(waiting)

    def _full(self, *, announced: bool) -> bool:
        """Whether no more prompts, or no more announcements, may wait: neither takes the other's room."""
        most = MAX_WAITING_ANNOUNCEMENTS if announced else MAX_WAITING_PROMPTS
        return sum(bool(each.say) is announced for each in self._waiting) >= most

    def _advance(self, effects: list[Effect]) -> None:
        """Start the next answer if nobody speaks and nothing said is still unheard."""
        if not self._present or self.answers.current is not None or self._user_speaks or self._unheard:
            return
        if not self._waiting:
            return
        waiting = self._waiting.popleft()
        item_id = waiting.item_id
        if item_id is not None and item_id == self._unanswered:
            self._unanswered = None
        heard = self.items.get(item_id) if item_id is not None and item_id in self.items else None
        response_id = self.answers.begin(effects, speech_out=waiting.speech_out)
        self._announcing = (response_id, waiting) if waiting.say else None
        effects.append(
            ev.StartResponse(
                response_id=response_id,
                speech_out=waiting.speech_out,
                text=(heard.text or "") if heard is not None else "",
                spoken=waiting.spoken,
                confidence=waiting.confidence,
                is_command=waiting.is_command,
                say=waiting.say,
                item_id=heard.id if heard is not None else None,
            )
        )

    def _on_create_response(self, event: ev.CreateResponse, effects: list[Effect], now: float) -> None:
        current = self.answers.current
        announcing = self._announcing is not None and self.answering(self._announcing[0])
        if current is not None and not current.ended and not announcing:
            raise BadMessage(
                "A response is in progress: wait for its response.done, or cancel it",
                reason="conversation_already_has_active_response",
            )
        if self._full(announced=False):
            raise BadMessage("Too many responses wait already", reason="too_many_responses")
        if current is not None:
            self.answers.interrupt(effects, now, ev.CancelReason.CLIENT_CANCELLED)
        last = self._unanswered
        item = self.items.get(last) if last is not None and last in self.items else None
        # What there is to be told can wait: nobody has asked for it.
        place = next((at for at, each in enumerate(self._waiting) if each.say), len(self._waiting))
        self._waiting.insert(
            place,
            _Waiting(
                item_id=item.id if item is not None else None,
                speech_out=self.config.speech_out if event.speech_out is None else event.speech_out,
                spoken=item is not None and item.spoken,
            ),
        )

    # -- tasks -------------------------------------------------------------------------------------------------------

    def _on_task(self, event: ev.TaskMoved, effects: list[Effect], _now: float) -> None:
        task = event.task
        told = self._told_tasks.get(task.id)
        self._told_tasks[task.id] = task
        if task.state is TaskState.INPUT_REQUIRED:
            self._open_questions.add(task.id)
        else:
            self._open_questions.discard(task.id)
        if task.pending:
            self._pending_tasks.add(task.id)
        else:
            self._pending_tasks.discard(task.id)
        if task != told:  # else it only has something to say
            effects.append(no.TaskNotice(task, created=told is None))
        self._announce(event.say)

    def _on_announced(self, event: ev.Announced, _effects: list[Effect], _now: float) -> None:
        self._announce(event.say)

    def _announce(self, say: str) -> None:
        if say:
            self._wait(_Waiting(say=say, speech_out=self.config.speech_out))

    _HANDLERS: ClassVar[dict[type, Callable[..., None]]] = {
        ev.ConfigChanged: _on_config,
        ev.SpeechBegan: _on_speech_began,
        ev.SpeechEnded: _on_speech_ended,
        ev.SoundAppended: _on_sound_appended,
        ev.CommitSound: _on_commit,
        ev.ClearSound: _on_clear,
        ev.PartialHeard: _on_partial,
        ev.Heard: _on_heard,
        ev.HearingFailed: _on_hearing_failed,
        ev.CreateItem: _on_create_item,
        ev.DeleteItem: _on_delete_item,
        ev.RetrieveItem: _on_retrieve_item,
        ev.CreateResponse: _on_create_response,
        ev.TaskMoved: _on_task,
        ev.Announced: _on_announced,
    }
