"""What the server and a pocketsphinx worker say to each other, over pipes: MessagePack, each message behind its length.

The server begins with `Setup`, which the worker answers with `Ready`. From then on utterances run side by
side, told apart by numbers that the server gives; the worker tells `Heard`, or `Failed`, once for each that
is not cancelled.
"""

import struct
from collections.abc import Iterator
from typing import TypeVar

import msgspec

_LENGTH = struct.Struct("<I")
M = TypeVar("M")


class Setup(msgspec.Struct, tag=True):
    """What is to be understood."""

    grammar: str
    """JSGF, with the rules `command`, `answer` and `text`; empty: free text only."""
    streams: int
    """How many utterances may be heard at the same time; more of them wait."""


class Begin(msgspec.Struct, tag=True):
    """An utterance."""

    number: int
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

    unknown_words: int
    """Words of the grammar that have no pronunciation: sentences that need one are not heard as commands."""


class Partial(msgspec.Struct, tag=True):
    """The words so far."""

    number: int
    text: str


class Heard(msgspec.Struct, tag=True):
    """All words."""

    number: int
    text: str
    confidence: float
    is_command: bool


class Failed(msgspec.Struct, tag=True):
    """It could not be heard; the worker hears on."""

    number: int


ToWorker = Setup | Begin | Sound | End | Cancel
FromWorker = Ready | Partial | Heard | Failed

_encoder = msgspec.msgpack.Encoder()


def encode(message: ToWorker | FromWorker) -> bytes:
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
