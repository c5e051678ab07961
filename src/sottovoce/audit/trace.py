"""What strace tells: which files were made, changed, or opened to be, and all bytes that were written to them."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

CALLS: Final = (
    "open,openat,openat2,creat,write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice,truncate,"
    "ftruncate,fallocate,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,"
    "unlinkat,rmdir"
)
COMMAND: Final = ("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}")
"""`-y`: the path of each descriptor; `-xx`: every string in hexadecimal, whole."""

_CALL = re.compile(r"(?P<name>[a-z0-9]+)\((?P<rest>.*)\) += (?P<result>-?\d+)(?P<path><[^>]*>)?")
_RESUMED = re.compile(r"<\.\.\. (?P<name>[a-z0-9]+) resumed>(?P<rest>.*)")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"^\d+<(?P<path>[^>]*)>")
_PROCESS = re.compile(r"^(?:\[pid +)?(?P<pid>\d+)\]? +(?P<call>.*)$")
_UNFINISHED: Final = " <unfinished ...>"
_OPENS: Final = frozenset({"open", "openat", "openat2", "creat"})
_WRITES: Final = frozenset(
    {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice"}
)
_TO_WRITE: Final = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")


class Trace:
    """What a run of the server did to files."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.calls = 0
        """Lines that were understood."""
        self.changed: list[str] = []
        """Calls that changed a file, or opened one to do so, and succeeded: `openat`, `mkdir`."""
        self.written = bytearray()
        """Everything that was written to files, one after the other, with the names of files in between."""
        for name, rest, path in _whole_calls(lines):
            self.calls += 1
            self._take(name, rest, path)

    def _take(self, name: str, rest: str, path: str) -> None:
        target = _DESCRIPTOR.match(rest)
        if name in _WRITES:
            if target is None or not is_file(_text(target["path"])):
                return
            self.changed.append(name)
        elif name in _OPENS:
            if not (name == "creat" or any(flag in rest for flag in _TO_WRITE)) or not is_file(_text(path)):
                return
            self.changed.append(name)
        else:
            if name in {"ftruncate", "fallocate"} and target is not None and not is_file(_text(target["path"])):
                return
            self.changed.append(name)
        for string in _STRING.findall(rest):
            self.written += bytes.fromhex(string.replace("\\x", "")) + b"\n"


def is_file(path: str) -> bool:
    """Whether this is a file that stays: no pipe, no socket, no memory, no device that forgets."""
    return path.startswith("/") and path not in {"/dev/null", "/dev/tty"} and not path.startswith("/memfd:")


def _text(path: str) -> str:
    """Paths come in hexadecimal too."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), path.strip("<>"))


def _whole_calls(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Name, arguments, and the path of what came back, of each call that succeeded."""
    begun: dict[str, str] = {}
    for line in lines:
        of_process = _PROCESS.match(line.rstrip("\n"))
        if of_process is None:
            continue
        pid, call = of_process["pid"], of_process["call"]
        if call.endswith(_UNFINISHED):
            begun[pid] = call.removesuffix(_UNFINISHED)
            continue
        resumed = _RESUMED.match(call)
        if resumed is not None:
            call = begun.pop(pid, "") + resumed["rest"]
        found = _CALL.match(call)
        if found is not None and int(found["result"]) >= 0:
            yield found["name"], found["rest"], found["path"] or ""
