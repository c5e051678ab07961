import pytest

from sottovoce.errors import EngineUrlInvalid
from sottovoce.speech.base import EngineContext
from sottovoce.speech.openai_url import read_url
from sottovoce.speech.registry import make_recogniser, make_synthesiser


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("openai+http:", "named like"),
        ("openai+http://", "named like"),
        ("openai+http://host:99999/v1?model=x", "no such address"),
        ("openai+http://host/v1", "model is missing"),
        ("openai+http://host/v1?model=", "model is missing"),
        ("openai+http://host/v1?model=x#sk-canary", "no such address"),
        ("openai+https://me:sk-canary@host/v1?model=x", "key_env or key_file"),
        ("openai+https://host/v1?model=x&api_key=sk-canary", "model, languages, voice, .*key_file; there is another"),
        ("openai+https://host/v1?model=x&sk-canary", "there is another"),
        ("openai+https://host/v1?model=x&model=sk-canary", "given twice"),
        ("openai+https://host/v1?model=x&key_env=sk-canary", "is not set"),
        ("openai+https://host/v1?model=x&key_file=/nowhere/sk-canary", "cannot be read: No such file"),
        ("openai+https://host/v1?model=x&key_file=/dev/null", "no key in"),
        ("openai+https://host/v1?model=x&key_file=/dev/zero", "no key in"),
        ("openai+https://host/v1?model=x&key_file=/dev/zero&key_env=A", "not by both"),
        ("openai+http://host/v1?model=x&timeout=soon", "number of seconds"),
        ("openai+http://host/v1?model=x&timeout=nan", "number of seconds"),
        ("openai+http://host/v1?model=x&timeout=0", "number of seconds"),
        ("openai+http://host/v1?model=x&languages=en,", "codes with commas"),
        ("openai+http://host/v1?model=x&format=mp3", "pcm .* or wav"),
        ("openai+http://host/v1?model=x&voice=", "voice is empty"),
    ],
)
def test_a_wrong_url_is_refused_by_saying_what_is_right(url: str, says: str) -> None:
    for make in (make_recogniser, make_synthesiser):
        with pytest.raises(EngineUrlInvalid, match=says) as caught:
            make(url, EngineContext(grammars={}))
        assert "canary" not in repr(caught.value)


def test_what_a_url_says_is_taken_as_it_is_written() -> None:
    server = read_url(
        "openai+https://[::1]:8443/api/v1/?model=org/large%20v3&voice=af_bella+af_sky&voice_de=x&timeout=5"
    )
    assert server.base_url == "https://[::1]:8443/api/v1"
    assert server.model == "org/large v3"
    assert server.voices == {"": "af_bella+af_sky", "de": "x"}
    assert server.languages == ("en", "de")
    assert server.timeout_s == 5
    assert server.key is None


def test_openais_own_key_goes_to_openai_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    assert read_url("openai+https://api.openai.com/v1?model=x").key == "sk-canary"
    for host in ("api.openai.com.evil.example", "127.0.0.1:8000"):
        assert read_url(f"openai+https://{host}/v1?model=x").key is None


def test_a_role_takes_its_own_parameters_only() -> None:
    thinks = ("model", "timeout", "key_env", "key_file")
    assert read_url("openai+http://h/v1?model=qwen3:4b+q4&timeout=2.5", thinks).model == "qwen3:4b+q4"
    for more in ("voice=x", "voice_de=x", "languages=en"):
        with pytest.raises(EngineUrlInvalid, match="are model, timeout, key_env, key_file; there is another"):
            read_url(f"openai+http://h/v1?model=x&{more}", thinks)
