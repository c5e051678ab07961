from pathlib import Path

import pytest

from sottovoce.errors import SettingsInvalid
from sottovoce.store.valkey_url import Servers, read_password, read_servers


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("valkey://127.0.0.1", Servers(form="single", hosts=(("127.0.0.1", 6379),))),
        ("valkey://[::1]:7000/3", Servers(form="single", hosts=(("::1", 7000),), database=3)),
        (
            "valkeys://cache.example:6380/0?ca_file=/etc/ca.pem",
            Servers(form="single", hosts=(("cache.example", 6380),), tls=True, ca_file=Path("/etc/ca.pem")),
        ),
        (
            "valkey+sentinel://one,two:7/voice/2",
            Servers(form="sentinel", hosts=(("one", 26379), ("two", 7)), name="voice", database=2),
        ),
        ("valkey+cluster://one:7000,two", Servers(form="cluster", hosts=(("one", 7000), ("two", 6379)))),
    ],
)
def test_urls_are_read(url: str, servers: Servers) -> None:
    assert read_servers(url) == servers


@pytest.mark.parametrize(
    "url",
    [
        "valkey://",
        "valkey://one,two/0",
        "valkey://one:0",
        "valkey://one:secret",
        "valkey://one/secret",
        "valkey://one/0/secret",
        "valkey://one/99999",
        "valkey://one?password=secret",
        "valkey://one?ca_file=secret",
        "valkeys://one?ca_file=",
        "valkey://one#secret",
        "valkey://user:secret@one",
        "valkey://:secret@one",
        "valkey+sentinel://one",
        "valkey+cluster://one/1",
        "valkey://[secret",
        "redis://one/secret",
    ],
)
def test_what_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        read_servers(url)
    assert "secret" not in str(raised.value)


def test_a_password_is_what_its_file_holds(tmp_path: Path) -> None:
    file = tmp_path / "password"
    assert read_password(None) is None
    file.write_text("open sesame\n")
    assert read_password(file) == "open sesame"
    for wrong in (b"", b"\n", b"\xff\xfe"):
        file.write_bytes(wrong)
        with pytest.raises(SettingsInvalid, match="no password"):
            read_password(file)
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        read_password(tmp_path / "nothing")
