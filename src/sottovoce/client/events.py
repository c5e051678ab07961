"""What a stream brings: the server's events (`sottovoce.wire.server_events`), typed, and the sound of its answers."""

import msgspec

from sottovoce.wire.server_events import AnyServerEvent


class Sound(msgspec.Struct, frozen=True):
    """A piece of an answer: PCM, 16-bit little-endian, mono, at the session's output rate (16 kHz unless changed)."""

    pcm: bytes


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event of a server newer than this client."""

    type: str
    raw: str


Event = AnyServerEvent | UnknownEvent

_DECODER: msgspec.json.Decoder[AnyServerEvent] = msgspec.json.Decoder(AnyServerEvent)


class _Loose(msgspec.Struct):
    type: str = ""


_LOOSE_DECODER = msgspec.json.Decoder(_Loose)


def decode(raw: str) -> Event:
    """A text message as an event; one that is unknown, or has changed its form, as an UnknownEvent."""
    try:
        return _DECODER.decode(raw)
    except msgspec.ValidationError:
        return UnknownEvent(_LOOSE_DECODER.decode(raw).type, raw)
