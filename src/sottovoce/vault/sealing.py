"""Sealing: to a namespace by HPKE (RFC 9180), and records under one key a session by AES-256-GCM.

Both formats are fixed: docs/reference/sealing.md has them with test vectors.
"""

import os
from enum import IntEnum
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sottovoce.errors import NotSealedForThis

VERSION = 1
KEY_BYTES = 32
SMALLEST_BYTES = 256
"""Padded to, so that a length tells little: this, or a power of two above it."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_HEADER = Struct(">BBIQ")
_LENGTH = Struct(">I")
_RECORD = b"sottovoce record 1\0"


class Purpose(IntEnum):
    """What a thing was sealed for; it opens for nothing else."""

    SESSION_KEY = 1
    TASK = 2
    RESULT = 3


# -- to a namespace ----------------------------------------------------------------------------------------------------


def seal_to(sealing_key: bytes, purpose: Purpose, about: str, secret: bytes) -> bytes:
    """Seal to a namespace's X25519 key; `about` is the id of what it belongs to.

    One byte of version, 32 of the encapsulated key, the ciphertext with its tag of 16.
    """
    public = X25519PublicKey.from_public_bytes(sealing_key)
    return bytes([VERSION]) + _SUITE.encrypt(secret, public, info=_info(purpose, about))


def open_sealed(private: X25519PrivateKey, purpose: Purpose, about: str, sealed: bytes) -> bytes:
    """What `seal_to` sealed. Raises NotSealedForThis."""
    if sealed[:1] != bytes([VERSION]):
        raise NotSealedForThis
    try:
        return _SUITE.decrypt(sealed[1:], private, info=_info(purpose, about))
    except (InvalidTag, ValueError):
        raise NotSealedForThis from None


def _info(purpose: Purpose, about: str) -> bytes:
    return f"sottovoce sealed 1\0{purpose.name.lower()}\0{about}".encode("ascii")


# -- records of a session ----------------------------------------------------------------------------------------------


class SessionKey:
    """One session's key. The server holds it while the session lives, and drops it at the end: that is the erasure.

    A record is version (1 byte), purpose (1), epoch (4), number (8), all big-endian, then the ciphertext with its tag.
    Epoch and number are the nonce. Records of one epoch have one writer, which counts: no nonce comes twice.
    """

    __slots__ = ("_aead", "_epoch", "_key", "_number", "_session_id")

    def __init__(self, session_id: str, key: bytes | None = None, *, epoch: int = 0) -> None:
        self._session_id = session_id.encode("ascii")
        self._key = bytearray(os.urandom(KEY_BYTES) if key is None else key)
        self._aead: AESGCM | None = AESGCM(self._key)
        self._epoch = epoch
        self._number = 0

    @property
    def secret(self) -> bytes:
        """The key itself, to be handed to the client. Empty once dropped."""
        return bytes(self._key)

    def seal(self, purpose: Purpose, text: bytes) -> bytes:
        """A record. Raises NotSealedForThis once the key is dropped."""
        if self._aead is None:
            raise NotSealedForThis
        self._number += 1
        header = _HEADER.pack(VERSION, purpose, self._epoch, self._number)
        return header + self._aead.encrypt(header[2:], padded(text), self._about(header))

    def open(self, purpose: Purpose, record: bytes) -> bytes:
        """What was sealed. Raises NotSealedForThis: another purpose or session, a changed bit, a dropped key."""
        header = record[: _HEADER.size]
        if self._aead is None or len(header) < _HEADER.size or header[:2] != bytes([VERSION, purpose]):
            raise NotSealedForThis
        try:
            return unpadded(self._aead.decrypt(header[2:], record[_HEADER.size :], self._about(header)))
        except (InvalidTag, ValueError):
            raise NotSealedForThis from None

    def drop(self) -> None:
        """Nothing sealed under it opens any more. Harmless when done twice."""
        self._key[:] = bytes(len(self._key))
        self._key.clear()
        self._aead = None

    def _about(self, header: bytes) -> bytes:
        return _RECORD + self._session_id + b"\0" + header


def padded(text: bytes) -> bytes:
    """Its length in 4 bytes, the text, and zeros up to SMALLEST_BYTES or the next power of two."""
    size = max(SMALLEST_BYTES, 1 << (len(text) + _LENGTH.size - 1).bit_length())
    return (_LENGTH.pack(len(text)) + text).ljust(size, b"\0")


def unpadded(text: bytes) -> bytes:
    """The text that was padded. Raises ValueError."""
    length = _LENGTH.unpack_from(text)[0] if len(text) >= _LENGTH.size else len(text)
    if length > len(text) - _LENGTH.size:
        raise ValueError("not padded")
    return text[_LENGTH.size : _LENGTH.size + length]
