"""Bytes to happenings. Raises BadMessage, which says what was wrong with which field; never what was in it."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

import msgspec
import msgspec.inspect
from msgspec import UNSET

from sottovoce.core import events as ev
from sottovoce.core.end_of_turn import Eagerness
from sottovoce.core.turn import TurnSettings
from sottovoce.errors import BadMessage
from sottovoce.wire import client_events as ce

_CLASSES = {str(each.__struct_config__.tag): each for each in get_args(ce.AnyClientEvent)}
_TYPES = frozenset(_CLASSES)
_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_QUOTED = re.compile(r"(?<=Invalid enum value )'.*'|(?<=Invalid value )'.*'", re.DOTALL)


def client_event(message: bytes | str) -> ce.AnyClientEvent:
    """A JSON message as a client event. Raises BadMessage."""
    try:
        return ce.DECODER.decode(message)
    except msgspec.ValidationError as error:
        raise _invalid(message, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadMessage("The message is not valid JSON", reason="invalid_json") from None


def _invalid(message: bytes | str, why: str) -> BadMessage:
    """What was wrong with a JSON message that is no event of ours."""
    try:
        loose = ce.LOOSE_DECODER.decode(message)
    except msgspec.ValidationError:
        return BadMessage("A message is a JSON object with a `type`", reason="invalid_message")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return BadMessage("The message is not valid JSON", reason="invalid_json")
    if not isinstance(loose.type, str) or loose.type not in _TYPES:
        error = BadMessage(
            "Unknown event type; the known ones are " + ", ".join(sorted(_TYPES)),
            reason="unknown_event_type",
            param="type",
        )
    else:
        found = _PATH.search(why)
        param = found["path"] if found else None
        what = _QUOTED.sub("", _PATH.sub("", why)).strip()
        allowed = _allowed(loose.type, param) if param is not None and what.startswith("Invalid") else ""
        of_rate = param is not None and param.endswith(".format.rate")
        error = BadMessage(
            f"{what}; use {allowed}" if allowed else what,
            reason="unsupported_audio_format" if of_rate else "invalid_value",
            param=param,
        )
    if isinstance(loose.event_id, str):
        error.event_id = loose.event_id[:512]
    return error


def _allowed(event_type: str, path: str) -> str:
    """What may stand at that place of an event, where only a few words or numbers may; else nothing."""
    places: list[msgspec.inspect.Type] = [msgspec.inspect.type_info(_CLASSES[event_type])]
    for name in re.findall(r"\w+|\[[^]]*\]", path):
        structs = [each for each in _options(places) if isinstance(each, msgspec.inspect.StructType)]
        if name.startswith("["):
            places = [each.item_type for each in _options(places) if isinstance(each, msgspec.inspect.ListType)]
        elif tags := [str(each.tag) for each in structs if each.tag_field == name]:
            return ", ".join(tags)
        else:
            places = [field.type for each in structs for field in each.fields if field.encode_name == name]
    literals = (each.values for each in _options(places) if isinstance(each, msgspec.inspect.LiteralType))
    return ", ".join(str(value) for values in literals for value in values)


def _options(places: Iterable[msgspec.inspect.Type]) -> Iterator[msgspec.inspect.Type]:
    """Each of them, or what it is a union of."""
    for place in places:
        yield from place.types if isinstance(place, msgspec.inspect.UnionType) else (place,)


def happening(event: ce.AnyClientEvent, config: ev.Config, end_sample: int) -> ev.Happening:
    """What the client event means; `end_sample` is where the session's sound ends now. Raises BadMessage."""
    return _MEANINGS[type(event)](event, config, end_sample)


def _session_update(event: ce.SessionUpdate, config: ev.Config, _end: int) -> ev.Happening:
    return ev.ConfigChanged(changed(config, event.session))


def changed(config: ev.Config, changes: ce.SessionChanges) -> ev.Config:
    """The settings after `session.update`; null means the default. Raises BadMessage."""
    default = ev.Config()
    new: dict[str, Any] = {}
    if changes.instructions is not UNSET:
        new["instructions"] = changes.instructions or ""
    if changes.output_modalities is not UNSET:
        new["speech_out"] = changes.output_modalities is None or "audio" in changes.output_modalities
    if changes.audio is not UNSET:
        if changes.audio.input is not UNSET:
            new |= _input_changes(config, default, changes.audio.input)
        if changes.audio.output is not UNSET:
            new |= _output_changes(default, changes.audio.output)
    return msgspec.structs.replace(config, **new)


def _input_changes(config: ev.Config, default: ev.Config, changes: ce.AudioInput) -> dict[str, Any]:
    new: dict[str, Any] = {}
    if changes.format is not UNSET:
        new["input_rate"] = changes.format.rate if changes.format is not None else default.input_rate
    if changes.transcription is not UNSET:
        language = changes.transcription.language if changes.transcription is not None else None
        if language is not UNSET:
            new["language"] = language.partition("-")[0] if language is not None else default.language
    vad = changes.turn_detection
    if vad is None:
        new["turn_detection"] = None
    elif vad is not UNSET:
        new["turn_detection"] = _turns(config.turn_detection or TurnSettings(), vad)
        flags = (("create_response", vad.create_response), ("interrupt_response", vad.interrupt_response))
        new |= {name: flag for name, flag in flags if flag is not UNSET and flag is not None}
    return new


def _turns(old: TurnSettings, vad: ce.ServerVad | ce.SemanticVad) -> TurnSettings:
    if isinstance(vad, ce.SemanticVad):
        named = Eagerness(vad.eagerness) if isinstance(vad.eagerness, str) else None
        return msgspec.structs.replace(old, eagerness=named or old.eagerness or Eagerness.AUTO)
    fields = (
        ("threshold", vad.threshold),
        ("prefix_ms", vad.prefix_padding_ms),
        ("silence_ms", vad.silence_duration_ms),
    )
    changes = {name: value for name, value in fields if value is not UNSET and value is not None}
    return msgspec.structs.replace(old, eagerness=None, **changes)


def _output_changes(default: ev.Config, changes: ce.AudioOutput) -> dict[str, Any]:
    new: dict[str, Any] = {}
    if changes.format is not UNSET:
        new["output_rate"] = changes.format.rate if changes.format is not None else default.output_rate
    if changes.voice is not UNSET:
        new["voice"] = changes.voice
    if changes.speed is not UNSET:
        new["speed"] = changes.speed if changes.speed is not None else default.speed
    return new


def _item_create(event: ce.ConversationItemCreate, _config: ev.Config, _end: int) -> ev.Happening:
    wanted = "output_text" if event.item.role == "assistant" else "input_text"
    for part in event.item.content:
        if part.type != wanted:
            raise BadMessage(
                f"Content of a typed item by the {event.item.role} is of type {wanted}; sound goes as binary messages",
                reason="invalid_value",
                param="item.content",
            )
    text = " ".join(part.text for part in event.item.content).strip()
    if not text:
        raise BadMessage("The item says nothing", reason="invalid_value", param="item.content")
    return ev.CreateItem(event.item.id, ev.Role(event.item.role), text, event.previous_item_id)


def _response_create(event: ce.ResponseCreate, _config: ev.Config, _end: int) -> ev.Happening:
    modalities = event.response.output_modalities if event.response is not None else None
    return ev.CreateResponse("audio" in modalities if modalities else None)


_MEANINGS: dict[type, Callable[[Any, ev.Config, int], ev.Happening]] = {
    ce.SessionUpdate: _session_update,
    ce.InputAudioBufferCommit: lambda _event, _config, end: ev.CommitSound(end),
    ce.InputAudioBufferClear: lambda _event, _config, _end: ev.ClearSound(),
    ce.ConversationItemCreate: _item_create,
    ce.ConversationItemRetrieve: lambda event, _config, _end: ev.RetrieveItem(event.item_id),
    ce.ConversationItemDelete: lambda event, _config, _end: ev.DeleteItem(event.item_id),
    ce.ConversationItemTruncate: lambda event, _config, _end: ev.TruncateItem(event.item_id, event.audio_end_ms),
    ce.ResponseCreate: _response_create,
    ce.ResponseCancel: lambda event, _config, _end: ev.CancelResponse(event.response_id),
    ce.OutputAudioBufferClear: lambda _event, _config, _end: ev.ClearOutput(),
    ce.PlaybackPosition: lambda event, _config, _end: ev.PlaybackReported(event.item_id, event.audio_ms),
}


def sound(message: bytes) -> bytes:
    """A binary message: PCM, 16-bit. Raises BadMessage."""
    if len(message) & 1:
        raise BadMessage("Sound is 16-bit samples: its number of bytes must be even", reason="odd_number_of_bytes")
    return message
