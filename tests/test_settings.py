"""How settings that take several values are written."""

from pathlib import Path

import pytest

from sottovoce.errors import SettingsInvalid
from sottovoce.settings import read_settings

TWO = ("openai+http://host/v1?model=a,b", "pocketsphinx:")


def test_several_engines_are_separated_by_spaces_since_urls_may_hold_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOTTOVOCE_RECOGNISER", " ".join(TWO))
    assert read_settings().recogniser == TWO
    assert read_settings(recogniser="instant:").recogniser == ("instant:",)


def test_several_engines_are_a_list_in_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text('synthesiser = ["espeak:", "instant:"]\nrecogniser = "instant:"\n')
    monkeypatch.setenv("SOTTOVOCE_CONFIG", str(tmp_path / "here.toml"))
    assert read_settings().synthesiser == ("espeak:", "instant:")
    assert read_settings().recogniser == ("instant:",)


@pytest.mark.parametrize("engines", [" ", "instant: " * 9])
def test_no_engine_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch, engines: str) -> None:
    monkeypatch.setenv("SOTTOVOCE_SYNTHESISER", engines)
    with pytest.raises(SettingsInvalid, match="synthesiser"):
        read_settings()
