"""`valkey://host:port/db` and its kin: which servers, and how they hang together.

No text made here holds a part of the URL, or whoever writes a password into it would find it in a log.
"""

from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from sottovoce.errors import SettingsInvalid

DEFAULT_PORT: Final = 6379
DEFAULT_SENTINEL_PORT: Final = 26379
MOST_DATABASES: Final = 1 << 16
MOST_PASSWORD_BYTES: Final = 4096
FORMS: Final = (
    "valkey://host:port/db, valkeys://host:port/db (TLS), valkey+sentinel://host1,host2/name/db or "
    "valkey+cluster://host1,host2"
)
Form = Literal["single", "sentinel", "cluster"]
_SCHEMES: Final[dict[str, Form]] = {
    "valkey": "single",
    "valkeys": "single",
    "valkey+sentinel": "sentinel",
    "valkey+cluster": "cluster",
}


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """What a URL says."""

    form: Form
    hosts: tuple[tuple[str, int], ...]
    """Of Sentinels, or of some of a cluster's nodes, to ask for the rest."""
    name: str = ""
    """Which Sentinel calls the primary by."""
    database: int = 0
    tls: bool = False
    ca_file: Path | None = None
    """Certificates of who may vouch for the server; None: the system's."""


def read_servers(url: str) -> Servers:
    """Raises SettingsInvalid, saying what is wrong with it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _invalid("this is no URL") from None
    form = _SCHEMES.get(parts.scheme)
    if form is None or parts.fragment:
        raise _invalid("this is another")
    if "@" in parts.netloc:
        raise SettingsInvalid(
            "store: no name or password goes into the URL of a store: put the password into a file, and name that by "
            "store_password_file"
        )
    port = DEFAULT_SENTINEL_PORT if form == "sentinel" else DEFAULT_PORT
    hosts = tuple(_host(each, port) for each in parts.netloc.split(","))
    if form == "single" and len(hosts) > 1:
        raise _invalid("several hosts are for Sentinel and clusters")
    name, database = _path(form, parts.path)
    tls = parts.scheme == "valkeys"
    return Servers(
        form=form, hosts=hosts, name=name, database=database, tls=tls, ca_file=_ca_file(parts.query, tls=tls)
    )


def read_password(path: Path | None) -> str | None:
    """What a file holds, without the end of its line. Raises SettingsInvalid."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            password = file.read(MOST_PASSWORD_BYTES).decode().rstrip("\r\n")
    except OSError as error:
        raise SettingsInvalid(f"store_password_file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        password = ""
    if not password:
        raise SettingsInvalid(f"store_password_file {path} holds no password")
    return password


def _host(text: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _invalid("this is no host and port") from None
    if not host or port == 0 or not host.isascii():
        raise _invalid("this is no host and port")
    return host, port or default_port


def _path(form: Form, path: str) -> tuple[str, int]:
    """The name and the number of the database."""
    given = [part for part in path.split("/") if part]
    name = ""
    if form == "sentinel":
        if not given:
            raise _invalid("Sentinel's name of the primary is missing")
        name = given.pop(0)
    if form == "cluster" and given:
        raise _invalid("a cluster has one database only")
    if len(given) > 1 or (given and not (given[0].isascii() and given[0].isdigit())):
        raise _invalid("the database is a number")
    database = int(given[0]) if given else 0
    if database >= MOST_DATABASES:
        raise _invalid("the database is a number")
    return name, database


def _ca_file(query: str, *, tls: bool) -> Path | None:
    given = dict(parse_qsl(query, keep_blank_values=True))
    ca_file = given.pop("ca_file", None)
    if given or (ca_file is not None and not (tls and ca_file)):
        raise _invalid("behind the question mark there may be ca_file=FILE, for valkeys:// only")
    return None if ca_file is None else Path(ca_file)


def _invalid(why: str) -> SettingsInvalid:
    return SettingsInvalid(f"store: a store is memory:, {FORMS}; {why}")
