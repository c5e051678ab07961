import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sottovoce.vault.api_keys import read, to_text
from sottovoce.vault.store_key import read_store_key
from tests.cli.conftest import Run


def test_keys_are_made_shown_and_used(run: Run, run_process: Run, tmp_path: Path, instant_server: str) -> None:
    file = tmp_path / "alice.keys"
    made = run("keys", "new", file)
    assert made.code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    shown = run("keys", "show", file)
    key_hash = shown.out.split()[1]
    assert key_hash in made.out
    assert "private" not in shown.out
    for _ in range(2):
        talked = run_process(
            "talk", "--url", instant_server, "--namespace", "alice", "--keys", file, "--text", "what time is it"
        )
        assert talked.code == 0, talked.err
        assert "It is" in talked.out


def test_a_file_that_is_there_is_not_overwritten_and_what_is_none_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "alice.keys"
    file.write_text("mine")
    again = run("keys", "new", file)
    assert again.code == 2
    assert "is there already" in again.err
    assert file.read_text() == "mine"
    for wrong in (file, tmp_path / "nothing"):
        shown = run("keys", "show", wrong)
        assert shown.code == 2
        assert "sottovoce keys new" in shown.err
    assert run("keys", "new", tmp_path / "no" / "folder").code == 2


def test_api_keys_are_made_listed_and_withdrawn(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "api-keys.json"
    made = run("keys", "api", "new", file, "--name", "clinic-app", "--namespace", "clinic.*", "--namespace", "x")
    assert made.code == 0
    text = made.out.strip()
    assert text.startswith("sv_")
    assert text not in made.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert text not in file.read_text()
    assert run("keys", "api", "new", file, "--name", "other", "--namespace", "y", "--days", "7").code == 0
    listed = run("keys", "api", "list", file).out
    for shown in ("clinic-app", "clinic.*, x", "other"):
        assert shown in listed
    assert run("keys", "api", "withdraw", file, "clinic-app").code == 0
    assert "clinic-app" not in run("keys", "api", "list", file).out
    assert list(tmp_path.iterdir()) == [file]


def test_of_two_changes_at_once_to_the_file_of_api_keys_none_is_lost(
    run: Run, run_process: Run, tmp_path: Path
) -> None:
    file = tmp_path / "api-keys.json"
    for name in ("a", "b"):
        run("keys", "api", "new", file, "--name", name, "--namespace", name)
    folder = os.open(tmp_path, os.O_RDONLY)
    with ThreadPoolExecutor() as pool:
        fcntl.flock(folder, fcntl.LOCK_EX)  # as a command holds it that changes the file
        waiting = pool.submit(run_process, "keys", "api", "new", file, "--name", "c", "--namespace", "c")
        time.sleep(4)
        assert not waiting.done()
        file.write_text(to_text([key for key in read(file) if key.name != "a"]))
        os.close(folder)
        assert waiting.result().code == 0
    assert {key.name for key in read(file)} == {"b", "c"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_server_that_owns_its_file_of_api_keys_can_read_it_still_when_root_has_changed_it(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "api-keys.json"
    run("keys", "api", "new", file, "--name", "a", "--namespace", "a")
    os.chown(file, 1234, 1235)
    file.chmod(0o400)
    assert run("keys", "api", "new", file, "--name", "b", "--namespace", "b").code == 0
    found = file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 1235, 0o400)


def test_api_keys_say_what_is_wrong(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "api-keys.json"
    assert "is no file of API keys" not in run("keys", "api", "new", file, "--name", "a", "--namespace", "a").err
    for arguments, says in (
        (("new", file, "--name", "a", "--namespace", "a"), "already"),
        (("new", file, "--name", "A", "--namespace", "a"), "begins with"),
        (("new", file, "--name", "b", "--namespace", "a b"), "namespaces"),
        (("new", tmp_path / "no" / "where", "--name", "b", "--namespace", "a"), "cannot be written"),
        (("withdraw", file, "nobody"), "no key named nobody"),
        (("list", tmp_path / "nothing"), "cannot be read"),
    ):
        answer = run("keys", "api", *arguments)
        assert answer.code == 2
        assert says in " ".join(answer.err.split())
        assert "Traceback" not in answer.err


def test_the_key_of_a_store_is_made_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "store.key"
    assert run("keys", "store", file).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    read_store_key(file)
    again = run("keys", "store", file)
    assert again.code == 2
    assert "is there already" in again.err
