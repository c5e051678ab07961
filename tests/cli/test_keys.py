from pathlib import Path

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
