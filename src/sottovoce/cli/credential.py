"""What a command shows to a server that wants to know who calls: never on the command line, where `ps` shows it."""

import os
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from sottovoce.errors import SettingsInvalid

VARIABLE: Final = "SOTTOVOCE_CREDENTIAL"
MOST_BYTES: Final = 16 * 1024
"""Far more than an API key or a JWT is long."""


def read_credential(file: Path | None) -> SecretStr | None:
    """The file's, or the environment's; None where there is neither. Raises SettingsInvalid."""
    if file is None:
        found = os.environ.get(VARIABLE, "").strip()
        return SecretStr(found) if found else None
    try:
        with file.open("rb") as opened:
            held = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsInvalid(f"{file} cannot be read: {error.strerror}") from None
    text = held.decode("utf-8", "replace").strip()
    if not text or len(held) > MOST_BYTES:
        raise SettingsInvalid(f"{file} holds no credential: it has to hold an API key or a JWT, and nothing else")
    return SecretStr(text)
