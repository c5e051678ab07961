"""Landlock: a Linux process gives up, for good and for all its children, the power to change any file.

See `man 7 landlock`. Reading stays possible, and what is no file of a file system: sockets, pipes, and the memory files
of memfd_create(2).
"""

import ctypes
import os
import struct
from typing import Final

NULL: Final = "/dev/null"

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""The same numbers on every architecture."""
_VERSION_WANTED: Final = 1
_RULE_PATH_BENEATH: Final = 1

WRITE_FILE: Final = 1 << 1
_MAKE_AND_REMOVE: Final = sum(1 << bit for bit in range(4, 13))
"""Remove directories and files; make character devices, directories, files, sockets, FIFOs, block devices and
symbolic links."""
_REFER: Final = 1 << 13
"""Link or rename from one directory to another; before version 2 of the interface always refused."""
_TRUNCATE: Final = 1 << 14
_IOCTL_DEVICE: Final = 1 << 15
FIRST_WITH_TRUNCATE: Final = 3
_FIRST_WITH_IOCTL: Final = 5

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Of the kernel's Landlock. Raises OSError where it has none."""
    return _call(_CREATE_RULESET, None, 0, _VERSION_WANTED)


def give_up_writing() -> None:
    """From now on this thread, and every thread and process that it starts, can write, truncate, make, remove, rename
    and link no file; only /dev/null can be written to. PR_SET_NO_NEW_PRIVS must be set. Raises OSError.
    """
    rights = _rights(version())
    ruleset = _call(_CREATE_RULESET, _bytes(struct.pack("=Q", rights)), 8, 0)
    null = os.open(NULL, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, _bytes(struct.pack("=Qi", WRITE_FILE, null)), 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(null)
        os.close(ruleset)


def _rights(interface: int) -> int:
    rights = WRITE_FILE | _MAKE_AND_REMOVE
    if interface > 1:
        rights |= _REFER
    if interface >= FIRST_WITH_TRUNCATE:
        rights |= _TRUNCATE
    return rights | (_IOCTL_DEVICE if interface >= _FIRST_WITH_IOCTL else 0)


def _bytes(packed: bytes) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(packed, len(packed))


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
