"""The answers of a conversation, one at a time: begun, sent, heard, and cut where the user speaks over them."""

from collections.abc import Callable
from typing import ClassVar

import msgspec

from sottovoce.core import events as ev
from sottovoce.core import notices as no
from sottovoce.core.answer import LETTER_MS, Answer
from sottovoce.core.events import Item, ItemStatus, ResponseStatus, Role
from sottovoce.core.items import Items
from sottovoce.errors import BadMessage

Effect = no.Notice | ev.Command


class Answers:
    """What the server says. `items` is the conversation's."""

    def __init__(self, items: Items, new_id: Callable[[str], str]) -> None:
        self.current: Answer | None = None
        """The one that is being made or played."""
        self.begun = 0
        self.interrupted = 0
        self._items = items
        self._new_id = new_id
        self._letter_ms = LETTER_MS
        self._cut: Answer | None = None
        """The one that was interrupted last: the client may yet tell how much of it was heard."""
        self._over: Answer | None = None
        """The one that was heard to its end by the clock: a client that plays it later may still stop it."""

    def receive(self, happening: ev.Happening, effects: list[Effect], now: float) -> None:
        """Take in what happened to an answer. Raises BadMessage."""
        self._HANDLERS[type(happening)](self, happening, effects, now)

    def begin(self, effects: list[Effect], *, speech_out: bool) -> str:
        """A new answer; returns its response id."""
        item = Item(id=self._new_id("item"), role=Role.ASSISTANT, spoken=speech_out, text="")
        response_id = self._new_id("resp")
        previous = self._items.add(item)
        self.current = Answer(response_id, item, speech_out=speech_out, letter_ms=self._letter_ms)
        self.begun += 1
        effects.append(no.ResponseStarted(response_id, msgspec.structs.replace(item), previous, speech_out))
        return response_id

    def _cancel_response(self, event: ev.CancelResponse, effects: list[Effect], now: float) -> None:
        answer = self.current
        if answer is None or (event.response_id is not None and event.response_id != answer.response_id):
            raise BadMessage("There is no such response in progress", reason="response_cancel_not_active")
        self.interrupt(effects, now, ev.CancelReason.CLIENT_CANCELLED)

    def _clear_output(self, _event: ev.ClearOutput, effects: list[Effect], now: float) -> None:
        self.interrupt(effects, now, ev.CancelReason.CLIENT_CANCELLED)

    def interrupt(self, effects: list[Effect], now: float, reason: ev.CancelReason) -> None:
        """Stop the answer, drop what was not played, cut its item to what was heard."""
        answer = self.current
        if answer is None:
            return
        self.current = None
        self._cut = answer
        self.interrupted += 1
        effects.append(ev.StopResponse(answer.response_id))
        heard_ms = answer.heard_ms(now)
        if answer.speech_out:
            answer.cut(heard_ms)
        if answer.audible:
            effects.append(no.PlaybackCleared(answer.response_id))
        if not answer.ended:
            answer.item.status = ItemStatus.INCOMPLETE
            effects.append(self._response_ended(answer, ResponseStatus.CANCELLED, reason=reason))
        if answer.audible:
            effects.append(no.ItemTruncated(answer.item.id, int(heard_ms)))

    def _response_ended(
        self,
        answer: Answer,
        status: ResponseStatus,
        *,
        reason: ev.CancelReason | None = None,
        code: str | None = None,
        message: str | None = None,
    ) -> no.ResponseEnded:
        previous = self._items.before(answer.item.id)
        item = msgspec.structs.replace(answer.item)
        return no.ResponseEnded(answer.response_id, item, previous, status, answer.speech_out, reason, code, message)

    def _replied(self, event: ev.Replied, effects: list[Effect], _now: float) -> None:
        answer = self.current
        if answer is None or answer.response_id != event.response_id:
            return
        delta = answer.add_text(event.text)
        effects.append(no.ResponseGrew(answer.response_id, answer.item.id, delta, answer.speech_out))

    def _spoke(self, event: ev.Spoke, effects: list[Effect], now: float) -> None:
        answer = self.current
        if answer is None or answer.response_id != event.response_id:
            return
        if not answer.audible:
            effects.append(no.PlaybackStarted(answer.response_id))
        answer.add_sound(event.audio_ms, now)

    def _sentence_spoken(self, event: ev.SentenceSpoken, _effects: list[Effect], _now: float) -> None:
        if self.current is not None and self.current.response_id == event.response_id:
            self.current.end_sentence()

    def _reply_ended(self, event: ev.ReplyEnded, effects: list[Effect], _now: float) -> None:
        answer = self.current
        if answer is None or answer.response_id != event.response_id:
            return
        answer.ended = True
        if answer.speech_out:
            self._letter_ms = answer.letter_ms
        answer.item.status = ItemStatus.COMPLETED
        effects.append(self._response_ended(answer, ResponseStatus.COMPLETED))

    def _reply_failed(self, event: ev.ReplyFailed, effects: list[Effect], _now: float) -> None:
        answer = self.current
        if answer is None or answer.response_id != event.response_id:
            return
        self.current = None
        answer.item.status = ItemStatus.INCOMPLETE
        if answer.audible:
            effects.append(no.PlaybackCleared(answer.response_id))
        effects.append(self._response_ended(answer, ResponseStatus.FAILED, code=event.code, message=event.message))

    def _playback_ended(self, event: ev.PlaybackEnded, effects: list[Effect], _now: float) -> None:
        answer = self.current
        if answer is None or answer.response_id != event.response_id or not answer.ended:
            return
        self.current = None
        self._over = answer
        if answer.audible:
            effects.append(no.PlaybackStopped(answer.response_id))

    def _playback_reported(self, event: ev.PlaybackReported, effects: list[Effect], _now: float) -> None:
        if self.current is not None and self.current.item.id == event.item_id:
            self.current.report(event.audio_ms)
        elif self._cut is not None and self._cut.item.id == event.item_id:
            self._cut.report(event.audio_ms)
            self._cut_again(effects)
        else:
            self._items.get(event.item_id)

    def _cut_again(self, effects: list[Effect]) -> None:
        """The client knows better than the clock how much of the interrupted answer was heard."""
        answer = self._cut
        if answer is None or not answer.speech_out:
            return
        heard_ms = answer.heard_ms(0.0)
        answer.cut(heard_ms)
        effects.append(no.ItemTruncated(answer.item.id, int(heard_ms)))

    def _truncate_item(self, event: ev.TruncateItem, effects: list[Effect], now: float) -> None:
        answer = self.current
        if answer is not None and answer.item.id == event.item_id:
            answer.report(event.audio_end_ms)
            self.interrupt(effects, now, ev.CancelReason.CLIENT_CANCELLED)
            return
        if self._over is not None and self._over.item.id == event.item_id:
            self._cut, self._over = self._over, None
        if self._cut is not None and self._cut.item.id == event.item_id:
            self._cut.report(event.audio_end_ms)
            self._cut_again(effects)
        else:
            self._items.get(event.item_id)
            raise BadMessage(
                "Only the answer that was spoken last can be cut", reason="item_not_truncatable", param="item_id"
            )

    _HANDLERS: ClassVar[dict[type, Callable[..., None]]] = {
        ev.TruncateItem: _truncate_item,
        ev.CancelResponse: _cancel_response,
        ev.ClearOutput: _clear_output,
        ev.PlaybackReported: _playback_reported,
        ev.Replied: _replied,
        ev.Spoke: _spoke,
        ev.SentenceSpoken: _sentence_spoken,
        ev.ReplyEnded: _reply_ended,
        ev.ReplyFailed: _reply_failed,
        ev.PlaybackEnded: _playback_ended,
    }
