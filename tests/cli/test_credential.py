from pathlib import Path

import pytest

from sottovoce.cli.credential import MOST_BYTES, VARIABLE, read_credential
from sottovoce.cli.exits import ExitCode
from sottovoce.errors import SettingsInvalid
from tests.cli.conftest import Run
from tests.http.credentials import KeyFile
from tests.servers import INSTANT, serving

KEY = "key-Canary_1"


def shown(file: Path | None) -> str | None:
    found = read_credential(file)
    assert KEY not in repr(found)
    return None if found is None else found.get_secret_value()


def test_a_file_counts_more_than_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(None) is None
    monkeypatch.setenv(VARIABLE, " \n")
    assert shown(None) is None
    monkeypatch.setenv(VARIABLE, KEY)
    assert shown(None) == KEY
    file = tmp_path / "key"
    file.write_text("another\n")
    assert shown(file) == "another"


@pytest.mark.parametrize("held", [b"", b"\n", b"a" * (MOST_BYTES + 1)])
def test_a_file_without_a_credential_is_said_to_be_one(tmp_path: Path, held: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(held)
    with pytest.raises(SettingsInvalid, match="holds no credential"):
        read_credential(file)


def test_a_file_that_is_not_there_or_holds_something_else_is_2(run: Run, instant_server: str, tmp_path: Path) -> None:
    talk = run("talk", "--text", "hello", "--url", instant_server, "--credential-file", "none.txt")
    assert (talk.code, talk.err) == (
        ExitCode.WRONG_USE,
        "sottovoce: none.txt cannot be read: No such file or directory\n",
    )
    (tmp_path / "notes.txt").write_text(f"my key is {KEY}")
    talk = run("talk", "--text", "hello", "--url", instant_server, "--credential-file", "notes.txt")
    assert talk.code == ExitCode.WRONG_USE
    assert "cannot be an API key or a JWT" in talk.err
    assert KEY not in talk.err + talk.out


def test_talk_shows_what_is_in_the_file_or_the_environment(run: Run, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "api-keys.json")
    (tmp_path / "key.txt").write_text(keys.add("alice", "alice") + "\n")
    arguments = ["talk", "--text", "what time is it", "--mute", "--namespace", "alice", "--url"]
    with serving("--log-level", "error", log=None, **INSTANT, SOTTOVOCE_API_KEYS=str(keys.path)) as url:
        talk = run(*arguments, url, "--credential-file", "key.txt")
        assert (talk.code, talk.err) == (0, "")
        talk = run(*arguments, url, **{VARIABLE: (tmp_path / "key.txt").read_text()})
        assert (talk.code, talk.err) == (0, "")
        talk = run(*arguments, url)
        assert talk.code == ExitCode.NO_SERVER
        assert "Say who calls" in talk.err
        talk = run(*arguments, url, **{VARIABLE: "sv_canary"})
        assert talk.code == ExitCode.NO_SERVER
        assert "unknown, withdrawn, expired" in talk.err
        assert "canary" not in talk.err
