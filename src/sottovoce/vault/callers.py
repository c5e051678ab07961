"""Who calls, and whose things they may ask for."""

import re
from fnmatch import fnmatchcase

import msgspec

PATTERN = re.compile(r"[A-Za-z0-9._:*\-]{1,128}")
"""Of namespaces: a name, in which each `*` stands for any characters."""


class Caller(msgspec.Struct, frozen=True):
    """Whoever holds a credential."""

    name: str
    """Of an API key or of whom a token is about; never a credential."""
    patterns: tuple[str, ...] = ()
    namespaces: frozenset[str] = frozenset()
    personal: bool = False
    """Whether the name may be a person's."""

    def may(self, namespace_id: str) -> bool:
        """Whether the namespace is theirs to ask for."""
        return namespace_id in self.namespaces or any(fnmatchcase(namespace_id, pattern) for pattern in self.patterns)


ANYBODY = Caller("anybody", ("*",))
"""Where the server is open, every caller is this one."""
