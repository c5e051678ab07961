import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core import events as ev
from sottovoce.core.end_of_turn import Eagerness
from sottovoce.core.turn import TurnSettings
from sottovoce.errors import BadMessage
from sottovoce.wire import decode


def meaning(message: dict[str, Any], config: ev.Config | None = None, end_sample: int = 0) -> ev.Happening:
    return decode.happening(decode.client_event(json.dumps(message)), config or ev.Config(), end_sample)


def refused(message: dict[str, Any] | str) -> BadMessage:
    text = message if isinstance(message, str) else json.dumps(message)
    with pytest.raises(BadMessage) as error:
        decode.happening(decode.client_event(text), ev.Config(), 0)
    return error.value


@pytest.mark.parametrize(
    ("session", "code", "says"),
    [
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 44_100}}}},
            "unsupported_audio_format",
            "8000, 16000, 24000, 48000",
        ),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, "invalid_value", "audio/pcm"),
        (
            {"audio": {"input": {"turn_detection": {"type": "video_vad"}}}},
            "invalid_value",
            "server_vad, semantic_vad",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "videos"}}}},
            "invalid_value",
            "auto, high, low, medium",
        ),
        ({"output_modalities": ["video"]}, "invalid_value", "audio, text"),
        ({"instructions": 5}, "invalid_value", "Expected `str | null`, got `int`"),
    ],
)
def test_what_may_stand_there_instead_is_said(session: dict[str, Any], code: str, says: str) -> None:
    error = refused({"type": "session.update", "session": session})
    assert error.reason == code
    assert error.message.endswith(says)
    assert not any(word in error.message for word in ("pcmu", "video"))


def test_settings_change_where_they_are_named_and_stay_elsewhere() -> None:
    before = ev.Config(language="de", voice="de+f2", turn_detection=TurnSettings(silence_ms=900))
    update = {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": "Be brief.",
            "output_modalities": ["text"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 8000},
                    "turn_detection": {"type": "server_vad", "threshold": 0.7, "interrupt_response": False},
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1.25},
            },
            "tools": [],
            "model": "gpt-realtime",
        },
    }
    changed = meaning(update, before)
    assert isinstance(changed, ev.ConfigChanged)
    assert changed.config == ev.Config(
        input_rate=8_000,
        output_rate=24_000,
        turn_detection=TurnSettings(threshold=0.7, silence_ms=900),
        interrupt_response=False,
        instructions="Be brief.",
        language="de",
        voice="de+f2",
        speed=1.25,
        speech_out=False,
    )


def test_null_means_the_default_and_for_turn_detection_none() -> None:
    before = ev.Config(language="de", input_rate=8_000, speed=1.5, instructions="x")
    audio = {
        "input": {"format": None, "turn_detection": None, "transcription": None},
        "output": {"format": None, "speed": None, "voice": None},
    }
    changed = meaning({"type": "session.update", "session": {"instructions": None, "audio": audio}}, before)
    assert isinstance(changed, ev.ConfigChanged)
    assert changed.config == ev.Config(turn_detection=None)


def test_a_language_may_bear_a_region() -> None:
    session = {"audio": {"input": {"transcription": {"language": "de-AT", "model": "whisper-1"}}}}
    changed = meaning({"type": "session.update", "session": session})
    assert isinstance(changed, ev.ConfigChanged)
    assert changed.config.language == "de"


@pytest.mark.parametrize(
    ("message", "happening"),
    [
        ({"type": "input_audio_buffer.commit"}, ev.CommitSound(77)),
        ({"type": "input_audio_buffer.clear"}, ev.ClearSound()),
        (
            {
                "type": "conversation.item.create",
                "previous_item_id": "root",
                "item": {
                    "type": "message",
                    "role": "user",
                    "id": "mine",
                    "content": [{"type": "input_text", "text": " hi "}],
                },
            },
            ev.CreateItem("mine", ev.Role.USER, "hi", "root"),
        ),
        ({"type": "conversation.item.retrieve", "item_id": "a"}, ev.RetrieveItem("a")),
        ({"type": "conversation.item.delete", "item_id": "a"}, ev.DeleteItem("a")),
        (
            {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 1500},
            ev.TruncateItem("a", 1500),
        ),
        ({"type": "response.create"}, ev.CreateResponse(None)),
        ({"type": "response.create", "response": {"output_modalities": ["text"]}}, ev.CreateResponse(False)),
        ({"type": "response.cancel"}, ev.CancelResponse(None)),
        ({"type": "output_audio_buffer.clear"}, ev.ClearOutput()),
        ({"type": "playback.position", "item_id": "a", "audio_ms": 20}, ev.PlaybackReported("a", 20)),
    ],
)
def test_each_event_means_one_thing(message: dict[str, Any], happening: ev.Happening) -> None:
    assert meaning(message, end_sample=77) == happening


@pytest.mark.parametrize(
    ("message", "reason", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ("[" * 100_000, "invalid_message", None),
        ('"hello"', "invalid_message", None),
        ("[]", "invalid_message", None),
        ("{}", "unknown_event_type", "type"),
        ('{"type": 5}', "unknown_event_type", "type"),
        ('{"type": "response.make"}', "unknown_event_type", "type"),
        ('{"type": "session.update"}', "invalid_value", None),
        ('{"type":"session.update","session":{"type":"transcription"}}', "invalid_value", "session.type"),
        ('{"type":"conversation.item.delete","item_id":""}', "invalid_value", "item_id"),
        ('{"type":"playback.position","item_id":"a","audio_ms":-1}', "invalid_value", "audio_ms"),
    ],
)
def test_what_is_wrong_is_said_by_code_and_field(message: str, reason: str, param: str | None) -> None:
    error = refused(message)
    assert (error.reason, error.param) == (reason, param)


@pytest.mark.parametrize("rate", [0, 44_100, "16000", None])
def test_a_wrong_rate_is_refused(rate: object) -> None:
    session = {"audio": {"input": {"format": {"type": "audio/pcm", "rate": rate}}}}
    error = refused({"type": "session.update", "session": session})
    assert error.param == "session.audio.input.format.rate"


def test_an_error_bears_the_clients_event_id_and_never_its_words() -> None:
    error = refused({"type": "session.update", "event_id": "mine", "session": {"type": "canary words"}})
    assert error.event_id == "mine"
    error_2 = refused({"type": "canary words", "event_id": "mine"})
    assert error_2.event_id == "mine"
    assert "canary" not in error.message + error_2.message + str(error) + str(error_2)


def test_a_typed_item_needs_words_of_the_right_kind() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAAA"}]}
    assert refused({"type": "conversation.item.create", "item": item}).param == "item.content"
    item["content"] = [{"type": "input_text", "text": "  "}]
    assert refused({"type": "conversation.item.create", "item": item}).param == "item.content"


def test_sound_is_whole_samples() -> None:
    assert decode.sound(b"ab") == b"ab"
    with pytest.raises(BadMessage) as error:
        decode.sound(b"abc")
    assert error.value.reason == "odd_number_of_bytes"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(decode._TYPES)), st.dictionaries(st.sampled_from(
    ["session", "item", "item_id", "audio", "response", "event_id", "audio_ms", "audio_end_ms", "content_index"]
), json_values))  # fmt: skip
def test_no_json_brings_anything_but_a_happening_or_a_clear_error(type_: str, fields: dict[str, Any]) -> None:
    try:
        event = decode.client_event(json.dumps({**fields, "type": type_}))
        if type_ != "input_audio_buffer.append":
            decode.happening(event, ev.Config(), 0)
    except BadMessage as error:
        assert error.reason in {"invalid_value", "invalid_json"}  # noqa: PT017 - most of what is tried is right


@given(st.binary(max_size=64))
def test_no_bytes_bring_anything_but_a_clear_error(message: bytes) -> None:
    with pytest.raises(BadMessage):
        decode.client_event(message)


def test_semantic_turn_detection_and_back() -> None:
    def after(config: ev.Config, **turns: Any) -> ev.Config:
        update = {"type": "session.update", "session": {"audio": {"input": {"turn_detection": turns}}}}
        changed = decode.happening(decode.client_event(json.dumps(update)), config, 0)
        assert isinstance(changed, ev.ConfigChanged)
        return changed.config

    before = ev.Config(turn_detection=TurnSettings(threshold=0.6, silence_ms=700))
    semantic = after(before, type="semantic_vad", interrupt_response=False)
    assert semantic.turn_detection == TurnSettings(threshold=0.6, silence_ms=700, eagerness=Eagerness.AUTO)
    assert not semantic.interrupt_response
    low = after(semantic, type="semantic_vad", eagerness="low")
    assert low.turn_detection is not None
    assert low.turn_detection.eagerness is Eagerness.LOW
    assert after(low, type="semantic_vad").turn_detection == low.turn_detection
    assert after(low, type="server_vad").turn_detection == before.turn_detection
    assert after(ev.Config(turn_detection=None), type="semantic_vad").turn_detection == TurnSettings(
        eagerness=Eagerness.AUTO
    )
