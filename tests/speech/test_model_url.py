"""What the URL of an engine with a model may say."""

import pytest

from sottovoce.errors import EngineUrlInvalid
from sottovoce.speech.model_url import ModelUrl

OPTIONS = ("language", "threads", "workers", "device", "compute_type")


def read(url: str) -> ModelUrl:
    return ModelUrl(url, example="engine:small", options=OPTIONS)


def test_a_model_and_how_it_is_run() -> None:
    url = read("engine:/srv/my%20models/small?device=cuda&threads=4&language=de&compute_type=int8")
    assert url.model == "/srv/my models/small"
    assert (url.device(), url.threads(), url.language("en")) == ("cuda", 4, "de")
    assert url.choice("compute_type", "default", ["default", "int8"]) == "int8"


def test_what_is_not_said_is_as_usual() -> None:
    url = read("engine:small")
    assert url.model == "small"
    assert (url.device(), url.threads(), url.language("en"), url.language()) == ("cpu", 1, "en", "")
    assert url.choice("compute_type", "default", ["default", "int8"]) == "default"


@pytest.mark.parametrize(
    ("url", "workers"), [("engine:a", 4), ("engine:a?device=cuda", 1), ("engine:a?device=cuda&workers=2", 2)]
)
def test_on_a_gpu_the_model_is_loaded_once_unless_told_otherwise(url: str, workers: int) -> None:
    assert read(url).workers(4) == workers


@pytest.mark.parametrize("url", ["engine:", "engine:?threads=1", "engine:\x1b"])
def test_without_a_model_an_example_is_shown(url: str) -> None:
    with pytest.raises(EngineUrlInvalid, match=r"comes a model, as in engine:small") as caught:
        read(url)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("query", ["thread=1", "threads=1&threads=2", "language=en&key=secret"])
def test_an_option_that_is_none_is_refused_by_naming_those_that_are(query: str) -> None:
    with pytest.raises(
        EngineUrlInvalid, match=r"once each, language, threads, workers, device, compute_type"
    ) as caught:
        read(f"engine:small?{query}")
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("threads", ["0", "65", "-1", "1.5", "", "two", "²", "1" * 5000])
def test_a_number_out_of_range_is_refused(threads: str) -> None:
    with pytest.raises(EngineUrlInvalid, match="threads is a number from 1 to 64"):
        read(f"engine:small?threads={threads}").threads()


@pytest.mark.parametrize("language", ["", "e", "EN", "en-us", "engl", "é\u00e9"])
def test_a_language_is_a_code(language: str) -> None:
    with pytest.raises(EngineUrlInvalid, match="language is a code such as en"):
        read(f"engine:small?language={language}").language()


def test_a_device_is_one_of_two() -> None:
    with pytest.raises(EngineUrlInvalid, match="device is one of cpu, cuda"):
        read("engine:small?device=tpu").device()
