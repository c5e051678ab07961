"""The client of a server that tells its callers apart."""

import logging
from collections.abc import Generator

import pytest

from sottovoce.client import CredentialUnusable, VoiceClient
from sottovoce.errors import CredentialInvalid, CredentialRequired, NamespaceNotAllowed, SottovoceError
from tests.client.conftest import KEY_HASH
from tests.http.credentials import KeyFile
from tests.servers import INSTANT, serving


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    return KeyFile(tmp_path_factory.mktemp("keys") / "api-keys.json")


@pytest.fixture(scope="module")
def key(keys: KeyFile) -> str:
    return keys.add("alice", "alice")


@pytest.fixture(scope="module")
def guarded(keys: KeyFile) -> Generator[str, None, None]:
    """A server that wants a credential."""
    with serving("--log-level", "error", log=None, **INSTANT, SOTTOVOCE_API_KEYS=str(keys.path)) as url:
        yield url


def client_of(url: str, credential: str | None, namespace: str = "alice") -> VoiceClient:
    return VoiceClient(url, namespace_id=namespace, key_hash=KEY_HASH, credential=credential)


async def test_calls_show_the_credential_and_logs_and_texts_do_not(
    guarded: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with client_of(guarded, key) as client, client.session() as session:
        assert [each.id for each in await client.sessions()] == [session.id]
        await session.start_task("note", {"text": "x"})
        assert len(await session.tasks()) == 1
        for each in (client, session, vars(client), vars(session), vars(client._rest), client._rest._http.headers):
            assert key not in repr(each)
    assert "httpcore" in {record.name.split(".")[0] for record in caplog.records}
    assert key not in caplog.text


@pytest.mark.parametrize(("credential", "refusal"), [(None, CredentialRequired), ("sv_canary", CredentialInvalid)])
async def test_who_is_not_let_in_is_told_why(
    guarded: str, credential: str | None, refusal: type[SottovoceError]
) -> None:
    async with client_of(guarded, credential) as client:
        for call in (client.sessions, client.open):
            with pytest.raises(refusal) as refused:
                await call()
            assert "canary" not in repr(refused.value)


async def test_a_key_for_another_namespace_opens_none_here(guarded: str, key: str) -> None:
    async with client_of(guarded, key, "bob") as client:
        with pytest.raises(NamespaceNotAllowed) as refused:
            await client.open()
    assert key not in repr(refused.value)


@pytest.mark.parametrize("wrong", ["", "two words", "line\r\nX-Other: 1", "line\n", "schlüssel", "="])
def test_what_can_be_no_credential_is_sent_to_nobody(wrong: str) -> None:
    with pytest.raises(CredentialUnusable) as refused:
        client_of("http://127.0.0.1:9", wrong)
    assert wrong in {"", "="} or wrong not in refused.value.message
