import os
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sottovoce.errors import CredentialInvalid, SettingsInvalid
from sottovoce.vault import api_keys
from sottovoce.vault.api_keys import ApiKeys

LATER = datetime(2200, 1, 1, tzinfo=UTC)


def test_a_file_holds_hashes_only_and_reads_back(tmp_path: Path) -> None:
    text, key = api_keys.issue("clinic", ["clinic.*"], LATER)
    path = tmp_path / "keys"
    path.write_text(api_keys.to_text([key]))
    assert text.removeprefix("sv_") not in path.read_text()
    assert api_keys.read(path) == [key]
    assert len(text) == 46


def test_a_key_is_good_until_its_time_is_over(tmp_path: Path) -> None:
    text, key = api_keys.issue("clinic", ["clinic.*"], LATER)
    path = tmp_path / "keys"
    path.write_text(api_keys.to_text([key]))
    keys = ApiKeys(path)
    end = LATER.timestamp()
    assert keys.caller(text, 0, end - 1).name == "clinic"
    for wrong, wall in ((text, end), (text + "x", end - 1), (text[:-1], end - 1), ("", end - 1)):
        with pytest.raises(CredentialInvalid):
            keys.caller(wrong, 0, wall)


def test_a_file_that_could_not_be_read_is_read_once_it_can(tmp_path: Path) -> None:
    text, key = api_keys.issue("clinic", ["clinic.*"], LATER)
    path = tmp_path / "keys"
    path.write_text(api_keys.to_text([key]))
    keys = ApiKeys(path)
    path.write_text(api_keys.to_text([key, api_keys.issue("other", ["other"], LATER)[1]]))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))  # as a server with too many connections has it
    try:
        with pytest.raises(CredentialInvalid):
            keys.caller(text, 0, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert keys.caller(text, 2, 0).name == "clinic"


def test_a_file_with_the_size_and_times_of_the_last_is_another(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    issued = [api_keys.issue("clinic", ["clinic.*"], LATER) for _ in range(2)]
    path.write_text(api_keys.to_text([issued[0][1]]))
    keys, before = ApiKeys(path), path.stat()
    path.write_text(api_keys.to_text([issued[1][1]]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    with pytest.raises(CredentialInvalid):
        keys.caller(issued[0][0], 0, 0)
    assert keys.caller(issued[1][0], 2, 0).name == "clinic"


@pytest.mark.parametrize(
    ("name", "namespaces", "expires_at"),
    [
        ("Clinic", ["a"], LATER),
        ("", ["a"], LATER),
        ("a" * 65, ["a"], LATER),
        ("a\n", ["a"], LATER),
        ("a", [], LATER),
        ("a", ["a b"], LATER),
        ("a", ["[a]"], LATER),
        ("a", ["a?"], LATER),
        ("a", ["a"], LATER.replace(tzinfo=None)),
    ],
    ids=str,
)
def test_what_is_malformed_is_not_issued(name: str, namespaces: list[str], expires_at: datetime) -> None:
    with pytest.raises(SettingsInvalid):
        api_keys.issue(name, namespaces, expires_at)


def test_two_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(api_keys.to_text([api_keys.issue("a", ["a"], LATER)[1] for _ in range(2)]))
    with pytest.raises(SettingsInvalid, match="two API keys"):
        api_keys.read(path)
