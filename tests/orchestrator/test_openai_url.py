from pathlib import Path

import pytest

from sottovoce.errors import EngineUrlInvalid
from sottovoce.orchestrator.openai_url import TIMEOUT_S, read_openai_url

SECRET = "sk-very-secret"  # noqa: S105 - a canary, no key


def test_a_server_and_its_model() -> None:
    server = read_openai_url("openai+http://localhost:11434/v1/?model=qwen3:4b+q4")
    assert (server.base_url, server.model, server.key.value) == ("http://localhost:11434/v1", "qwen3:4b+q4", None)
    assert server.timeout_s == TIMEOUT_S
    assert read_openai_url("OpenAI+HTTPS://api.example.org/v1?model=a%2Fb&timeout=2.5").base_url.startswith("https://")


def test_the_key_comes_from_the_environment_or_a_file_and_is_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    for where in ("key_env=MY_KEY", f"key_file={file}"):
        server = read_openai_url(f"openai+https://h/v1?model=m&{where}")
        assert server.key.value == SECRET
        assert SECRET not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "openai+http:",
        "openai+http://",
        "openai+ftp://h/v1?model=m",
        "openai+http://h/v1",
        "openai+http://h/v1?model=",
        "openai+http://h/v1?model=m&model=n",
        "openai+http://h/v1?model=m&temperature=1",
        "openai+http://h/v1?model=m#part",
        "openai+http://h:port/v1?model=m",
        "openai+http://h/v1?model=m&timeout=soon",
        "openai+http://h/v1?model=m&timeout=0",
        "openai+http://h/v1?model=m&timeout=nan",
        "openai+http://h/v1?model=m&key_env=NOT_THERE",
        "openai+http://h/v1?model=m&key_file=/not/there",
        "openai+http://h/v1?model=m&key_file=/etc/hostname&key_env=HOME",
        f"openai+http://user:{SECRET}@h/v1?model=m",
    ],
)
def test_what_cannot_be_used_is_refused_without_showing_a_key(url: str) -> None:
    with pytest.raises(EngineUrlInvalid) as caught:
        read_openai_url(url)
    assert SECRET not in caught.value.message
