"""What a shared store may know: names that only the nodes can make, and records that only they can open.

All nodes share one key of 32 bytes. A name is the first 16 bytes of an HMAC-SHA256 of what it stands for. A record is

    version (1 byte), salt (16), number (8, big-endian), AES-256-GCM ciphertext with its tag

under a key that HKDF-SHA256 makes of the shared key and the salt. Each process draws its salt and counts its records,
so no nonce comes twice, however many records there are: random nonces would have to stop at 2**32.
"""

import hmac
import os
from functools import lru_cache
from pathlib import Path
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sottovoce.errors import NotSealedForThis, SettingsInvalid
from sottovoce.vault.keys import decode, encode
from sottovoce.vault.sealing import padded, unpadded

KEY_BYTES = 32
NAME_BYTES = 16
VERSION = 1
_SALT_BYTES = 16
_MOST_FILE_BYTES = 256
_HEADER = Struct(f">B{_SALT_BYTES}sQ")
_NONCE = Struct(">IQ")
_NAMES, _RECORDS = b"sottovoce store names 1", b"sottovoce store records 1"
_SALTS_KEPT = 1_000
"""Processes whose records are opened without making their key anew."""


class StoreKey:
    """The key that all nodes of one store share."""

    def __init__(self, key: bytes) -> None:
        self._names = _derived(key, None, _NAMES)
        self._salt = os.urandom(_SALT_BYTES)
        self._number = 0
        self._aead = AESGCM(_derived(key, self._salt, _RECORDS))

        @lru_cache(_SALTS_KEPT)
        def aead_of(salt: bytes) -> AESGCM:
            return AESGCM(_derived(key, salt, _RECORDS))

        self._aead_of = aead_of

    def name(self, kind: str, of: str) -> str:
        """32 hex digits that stand for `of`, a thing of that kind, for whoever has the key."""
        text = f"{kind}\0{of}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._names, text, "sha256")[:NAME_BYTES].hex()

    def seal(self, about: str, text: bytes) -> bytes:
        """A record that opens only as one about `about`."""
        self._number += 1
        header = _HEADER.pack(VERSION, self._salt, self._number)
        nonce = _NONCE.pack(0, self._number)
        return header + self._aead.encrypt(nonce, padded(text), header + about.encode())

    def open(self, about: str, record: bytes) -> bytes:
        """What was sealed. Raises NotSealedForThis: another key, about something else, or changed."""
        header = record[: _HEADER.size]
        if len(header) < _HEADER.size or header[0] != VERSION:
            raise NotSealedForThis
        _, salt, number = _HEADER.unpack(header)
        try:
            nonce = _NONCE.pack(0, number)
            return unpadded(self._aead_of(salt).decrypt(nonce, record[_HEADER.size :], header + about.encode()))
        except (InvalidTag, ValueError):
            raise NotSealedForThis from None


def _derived(key: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(key)


def new_text() -> str:
    """A new key, as its file has it."""
    return encode(os.urandom(KEY_BYTES)) + "\n"


def read_store_key(path: Path) -> StoreKey:
    """The key in a file: 32 bytes in base64url. Raises SettingsInvalid."""
    try:
        with path.open("rb") as file:
            key = decode(file.read(_MOST_FILE_BYTES).decode("ascii").strip())
    except OSError as error:
        raise SettingsInvalid(f"store_key_file {path} cannot be read: {error.strerror}. {_HOW}") from None
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(f"store_key_file {path} holds no key of 32 bytes in base64url. {_HOW}")
    return StoreKey(key)


_HOW = "One is made by: sottovoce keys store FILE; all nodes of a store need the same"
