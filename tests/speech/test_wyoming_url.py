"""What names a Wyoming server, and what does not."""

import pytest

from sottovoce.errors import EngineUnavailable, EngineUrlInvalid
from sottovoce.speech.registry import make_recogniser, make_synthesiser
from tests.speech.wyoming_helpers import CONTEXT


@pytest.mark.parametrize(
    "url",
    [
        "wyoming:",
        "wyoming://",
        "wyoming://host",
        "wyoming://:10300",
        "wyoming://host:0",
        "wyoming://host:70000",
        "wyoming://host:x",
        "wyoming://host:10300/path",
        "wyoming://me@host:10300",
        "wyoming://[::1:10300",
        "wyoming://host:10300?nonsense=1",
        "wyoming://host:10300?languages=",
        "wyoming://host:10300?languages=en,,de",
        "wyoming://host:10300?voice=a",
        "wyoming://host:10300?model=a,b",
    ],
)
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(EngineUrlInvalid):
        make_recogniser(url, CONTEXT)


def test_a_model_is_no_matter_of_a_synthesiser() -> None:
    with pytest.raises(EngineUrlInvalid, match="languages, voice"):
        make_synthesiser("wyoming://host:10300?model=x", CONTEXT)


async def test_an_address_of_ipv6_is_shown_as_it_was_named() -> None:
    with pytest.raises(EngineUnavailable, match=r"\[::1\]:9 "):
        await make_recogniser("wyoming://[::1]:9", CONTEXT).start()
