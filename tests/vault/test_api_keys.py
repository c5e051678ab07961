from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sottovoce.errors import CredentialInvalid, SettingsInvalid
from sottovoce.vault import api_keys
from sottovoce.vault.api_keys import ApiKeys

LATER = datetime.now(UTC) + timedelta(days=1)


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
