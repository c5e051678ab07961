import http.server
import json
import logging
import threading
from collections.abc import Generator

import pytest

from sottovoce.client import CredentialUnusable, VoiceClient
from sottovoce.errors import ClientFault
from tests.client.conftest import KEY_HASH

KEY = "key-Canary_1~+/=="


class _Guarded(http.server.BaseHTTPRequestHandler):
    """Has no sessions, and says so to those who show the key."""

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization")
        code = "credential_required" if sent is None else "credential_invalid"
        known = sent == f"Bearer {KEY}"
        answer: dict[str, object] = {"sessions": [], "next": None} if known else {"code": code, "detail": f"no: {code}"}
        body = json.dumps(answer).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def guarded() -> Generator[str, None, None]:
    """A server that wants a credential."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Guarded) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def client_of(url: str, credential: str | None) -> VoiceClient:
    return VoiceClient(url, namespace_id="a", key_hash=KEY_HASH, credential=credential)


async def test_calls_show_the_credential_and_logs_and_texts_do_not(
    guarded: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with client_of(guarded, KEY) as client:
        assert await client.sessions() == []
        assert KEY not in repr(client)
        assert KEY not in repr(vars(client._rest)) + repr(client._rest._http.headers)
    assert "httpcore" in {record.name.split(".")[0] for record in caplog.records}
    assert KEY not in caplog.text


@pytest.mark.parametrize(("credential", "code"), [(None, "credential_required"), ("canary", "credential_invalid")])
async def test_who_is_not_let_in_is_told_why(guarded: str, credential: str | None, code: str) -> None:
    async with client_of(guarded, credential) as client:
        for call in (client.sessions, client.open):
            with pytest.raises(ClientFault, match=f"no: {code}") as refused:
                await call()
            assert "canary" not in repr(refused.value)


@pytest.mark.parametrize("wrong", ["", "two words", "line\r\nX-Other: 1", "line\n", "schlüssel", "="])
def test_what_can_be_no_credential_is_sent_to_nobody(wrong: str) -> None:
    with pytest.raises(CredentialUnusable) as refused:
        client_of("http://127.0.0.1:9", wrong)
    assert wrong in {"", "="} or wrong not in refused.value.message
