"""Fingerprints of namespaces' keys."""

import re

from sottovoce.errors import InvalidKeyHash

_FORM = re.compile(r"sha256:[0-9a-fA-F]{64}")


def fingerprint(key_hash: str) -> str:
    """A key's fingerprint in its one form (`sha256:` and 64 small hex digits). Raises InvalidKeyHash."""
    if not _FORM.fullmatch(key_hash):
        raise InvalidKeyHash
    return key_hash.lower()
