from pathlib import Path

import pytest

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.base import EngineContext
from sottovoce.speech.espeak import EspeakSynthesiser
from sottovoce.speech.instant import InstantRecogniser, InstantSynthesiser
from sottovoce.speech.registry import engines, make_recogniser, make_synthesiser

CONTEXT = EngineContext(grammars={})

PROVIDER = """
from sottovoce.speech.instant import InstantRecogniser

class Parrot:
    @staticmethod
    def recogniser(url, context):
        engine = InstantRecogniser()
        engine.made_of = (url, context)
        return engine

class Lazy:
    @staticmethod
    def synthesiser(url, context):
        import no_such_library
"""


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as pip would install it, with engines of its own."""
    info = tmp_path / "sottovoce_parrot-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sottovoce-parrot\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sottovoce.engines]\nparrot = parrot_engine:Parrot\nlazy = parrot_engine:Lazy\n"
        "gone = parrot_engine:Gone\nbroken = no_such_module:Broken\n"
    )
    (tmp_path / "parrot_engine.py").write_text(PROVIDER)
    monkeypatch.syspath_prepend(tmp_path)
    return info


def test_built_in_engines_come_by_their_names() -> None:
    assert {"instant", "openai+http", "openai+https", "pocketsphinx"} <= set(engines("recogniser"))
    assert {"espeak", "instant", "openai+http", "openai+https"} <= set(engines("synthesiser"))
    assert "espeak" not in engines("recogniser")
    assert isinstance(make_recogniser("instant:", CONTEXT), InstantRecogniser)
    assert isinstance(make_synthesiser("instant:", CONTEXT), InstantSynthesiser)
    assert isinstance(make_synthesiser("ESPEAK:", CONTEXT), EspeakSynthesiser)


@pytest.mark.parametrize("url", ["espeak:", "nobody:", "nobody://host:1", "instant", "", ":", "insta\x1bnt:"])
def test_an_engine_that_is_none_is_refused_by_naming_those_that_are(url: str) -> None:
    with pytest.raises(EngineUrlInvalid, match=r"for the recogniser there are .*instant:, .*pocketsphinx:") as caught:
        make_recogniser(url, CONTEXT)
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("url", ["instant:fast", "espeak://host"])
def test_built_in_engines_take_nothing_after_their_name(url: str) -> None:
    with pytest.raises(EngineUrlInvalid, match="Nothing goes after"):
        make_synthesiser(url, CONTEXT)


@pytest.mark.usefixtures("plug_in")
def test_a_plug_in_is_found_and_gets_the_url_and_the_context() -> None:
    engine = make_recogniser("parrot://host:1/path?loud=1", CONTEXT)
    assert engine.made_of == ("parrot://host:1/path?loud=1", CONTEXT)  # type: ignore[attr-defined]
    with pytest.raises(EngineUrlInvalid, match=r"parrot is no synthesiser; .* espeak:, instant:"):
        make_synthesiser("parrot:", CONTEXT)


@pytest.mark.usefixtures("plug_in")
@pytest.mark.parametrize(
    ("name", "missing"), [("lazy", "no_such_library"), ("broken", "no_such_module"), ("gone", "parrot_engine:Gone")]
)
def test_an_engine_that_cannot_be_loaded_names_what_is_missing_and_harms_no_other(name: str, missing: str) -> None:
    with pytest.raises(EngineUnavailable, match=f"{name} cannot be loaded: .*{missing}"):
        make_synthesiser(f"{name}:", CONTEXT)
    assert isinstance(make_synthesiser("instant:", CONTEXT), InstantSynthesiser)
    assert "parrot" in engines("recogniser")


def test_two_packages_with_one_name_are_refused(plug_in: Path) -> None:
    (plug_in / "entry_points.txt").write_text("[sottovoce.engines]\ninstant = parrot_engine:Parrot\n")
    with pytest.raises(EngineUrlInvalid, match="named instant: sottovoce, sottovoce-parrot"):
        make_recogniser("instant:", CONTEXT)
