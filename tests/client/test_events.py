from sottovoce.client import UnknownEvent, server_events
from sottovoce.client.events import decode


def test_an_event_is_typed() -> None:
    event = decode('{"type":"input_audio_buffer.acknowledged","event_id":"event_1","audio_end_ms":1500}')
    assert event == server_events.InputAudioBufferAcknowledged(event_id="event_1", audio_end_ms=1500)


def test_a_new_field_of_a_newer_server_is_passed_over() -> None:
    event = decode('{"type":"input_audio_buffer.cleared","event_id":"event_1","why":"new"}')
    assert event == server_events.InputAudioBufferCleared(event_id="event_1")


def test_an_event_of_a_newer_server_is_kept_as_it_came() -> None:
    raw = '{"type":"rate_limits.updated","event_id":"event_1"}'
    assert decode(raw) == UnknownEvent("rate_limits.updated", raw)
