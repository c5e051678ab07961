"""API keys: 256 random bits, of which only the hash is kept, in a file that is read again when it changes."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from sottovoce.errors import CredentialInvalid, SettingsInvalid
from sottovoce.vault.callers import PATTERN, Caller

PREFIX = "sv_"
FILE_FORMAT = "sottovoce api keys 1"
MAX_FILE_BYTES = 4 * 1024 * 1024
LOOK_AGAIN_S = 1.0
NAME = re.compile(r"[a-z0-9][a-z0-9._\-]{0,63}")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")

log = structlog.get_logger()


class ApiKey(msgspec.Struct, frozen=True):
    """What is kept of one."""

    name: str
    hash: str
    namespaces: tuple[str, ...]
    """Patterns: `*` stands for any characters."""
    expires_at: datetime


class _File(msgspec.Struct):
    format: str
    keys: list[ApiKey]


def issue(name: str, namespaces: Sequence[str], expires_at: datetime) -> tuple[str, ApiKey]:
    """A new key: its text, for whoever will call, and what is kept of it. Raises SettingsInvalid."""
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(name, _hash(text), tuple(namespaces), expires_at)
    _check(key)
    return text, key


def read(path: Path) -> list[ApiKey]:
    """The keys in a file. Raises SettingsInvalid."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsInvalid(f"{path}, the file of API keys, cannot be read: {error.strerror}") from None
    try:
        held = msgspec.json.decode(content, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        held = _File("", [])
    if held.format != FILE_FORMAT:
        raise SettingsInvalid(f"{path} is no file of API keys. One is made by: sottovoce keys api new")
    for key in held.keys:
        _check(key)
    if len({key.name for key in held.keys}) < len(held.keys):
        raise SettingsInvalid(f"{path} has two API keys of one name")
    return held.keys


def to_text(keys: Iterable[ApiKey]) -> str:
    """A file's content."""
    return msgspec.json.format(msgspec.json.encode(_File(FILE_FORMAT, list(keys)))).decode() + "\n"


def _check(key: ApiKey) -> None:
    """Raises SettingsInvalid."""
    if not NAME.fullmatch(key.name):
        raise SettingsInvalid("An API key's name is 1 to 64 of a-z 0-9 . _ - and begins with a letter or a digit")
    if not key.namespaces or not all(PATTERN.fullmatch(pattern) for pattern in key.namespaces):
        raise SettingsInvalid(
            f"The namespaces of the API key {key.name} are names of A-Z a-z 0-9 . _ : - in which * stands for any "
            "characters; one at least"
        )
    if not _HASH.fullmatch(key.hash):
        raise SettingsInvalid(f"The hash of the API key {key.name} is not sha256: and 64 hex digits")
    if key.expires_at.tzinfo is None:
        raise SettingsInvalid(f"The API key {key.name} expires at a time without a zone: end it with Z")


def _hash(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class ApiKeys:
    """The keys of a file as it is now: who is taken out of it is locked out within LOOK_AGAIN_S. A file that cannot be
    read opens to nobody."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsInvalid."""
        self._path = path
        self._seen = self._signature()
        self._keys = _by_hash(read(path))
        self._readable = True
        self._looked_at = float("-inf")

    def caller(self, text: str, now: float, wall: float) -> Caller:
        """Whose key that is. `now`: seconds of a steady clock; `wall`: seconds since the epoch.

        Raises CredentialInvalid.
        """
        if now - self._looked_at >= LOOK_AGAIN_S:
            self._looked_at = now
            self._look_again()
        key = self._keys.get(_hash(text))
        if key is None or wall >= key.expires_at.timestamp():
            raise CredentialInvalid
        return Caller(key.name, key.namespaces)

    def _look_again(self) -> None:
        signature = self._signature()
        if signature == self._seen and self._readable:
            return
        try:
            self._keys = _by_hash(read(self._path))
        except SettingsInvalid as error:
            self._keys = {}
            if self._readable or signature != self._seen:
                log.error("api_keys_unreadable", reason=error.message)
            self._readable = False  # tried again each time: what was in the way may go without a trace on the file
        else:
            self._readable = True
            log.info("api_keys_read", count=len(self._keys))
        self._seen = signature

    def _signature(self) -> tuple[int, ...] | None:
        """What is another when the file is; with the time of change, which nobody can set back."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _by_hash(keys: Iterable[ApiKey]) -> dict[str, ApiKey]:
    return {key.hash: key for key in keys}
