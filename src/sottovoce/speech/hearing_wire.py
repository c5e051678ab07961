"""What the server and a worker process that hears say to each other, over pipes: MessagePack, each message behind its
length.

The server begins with what the worker has to load, in a message of the engine's own, which the worker answers with
`Ready` or `Unavailable`. From then on utterances run side by side, told apart by numbers that the server gives; the
worker tells `Heard`, or `Failed`, once for each that is not cancelled.
"""

import struct
from collections.abc import Iterator
from typing import TypeVar

import msgspec

_LENGTH = struct.Struct("<I")
M = TypeVar("M")


class Begin(msgspec.Struct, tag=True):
    """An utterance."""

    number: int
    language: str
    asked: bool


class Sound(msgspec.Struct, tag=True):
    """More of it: 16-bit little-endian mono PCM at 16 kHz."""

    number: int
    pcm: bytes


class End(msgspec.Struct, tag=True):
    """No more of it."""

    number: int


class Cancel(msgspec.Struct, tag=True):
    """Forget it."""

    number: int


class Ready(msgspec.Struct, tag=True):
    """The worker hears."""

    languages: tuple[str, ...] = ()
    """What the model turned out to know; nothing: what the server knows already."""
    unknown_words: int = 0
    """Words of the grammar that have no pronunciation: sentences that need one are not heard as commands."""


class Unavailable(msgspec.Struct, tag=True):
    """The worker will not hear."""

    why: str
    """A sentence for the operator, without a full stop."""


class Partial(msgspec.Struct, tag=True):
    """The words so far."""

    number: int
    text: str


class Heard(msgspec.Struct, tag=True):
    """All words."""

    number: int
    text: str
    confidence: float
    is_command: bool = False


class Failed(msgspec.Struct, tag=True):
    """It could not be heard; the worker hears on."""

    number: int


ToWorker = Begin | Sound | End | Cancel
FromWorker = Ready | Unavailable | Partial | Heard | Failed

_encoder = msgspec.msgpack.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """One message, behind its length."""
    payload = _encoder.encode(message)
    return _LENGTH.pack(len(payload)) + payload


def take(buffer: bytearray, decoder: msgspec.msgpack.Decoder[M]) -> Iterator[M]:
    """The whole messages at the beginning of `buffer`, which loses them."""
    while len(buffer) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(buffer)
        end = _LENGTH.size + length
        if len(buffer) < end:
            return
        payload = bytes(buffer[_LENGTH.size : end])
        del buffer[:end]
        yield decoder.decode(payload)
