"""What callers show: API keys in a file, tokens of an issuer whose keys are served over HTTP."""

import json
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from sottovoce.vault import api_keys

ISSUER, AUDIENCE = "https://login.example.org", "sottovoce"


class KeyFile:
    """A file of API keys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: list[api_keys.ApiKey] = []
        self._write()

    def add(self, name: str, *namespaces: str, days: float = 1) -> str:
        """The text of a new key."""
        text, key = api_keys.issue(name, namespaces, datetime.now(UTC) + timedelta(days=days))
        self.keys.append(key)
        self._write()
        return text

    def withdraw(self, name: str) -> None:
        self.keys = [key for key in self.keys if key.name != name]
        self._write()

    def _write(self) -> None:
        self.path.write_text(api_keys.to_text(self.keys))


class Issuer:
    """Issues tokens."""

    def __init__(self, key_id: str = "one") -> None:
        self.key_id = key_id
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.jwks_url = ""
        self.asked = 0
        self.drips = False
        """Its answer never ends."""

    def token(self, namespaces: Sequence[str] | str, minutes: float = 5, **changes: Any) -> str:
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "alice@example.org",
            "exp": datetime.now(UTC) + timedelta(minutes=minutes),
            "namespaces": namespaces,
        } | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": self.key_id})

    def jwk(self) -> dict[str, Any]:
        public: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return public | {"kid": self.key_id, "alg": "ES256", "use": "sig"}

    def settings(self) -> dict[str, str]:
        return {"jwks_url": self.jwks_url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}

    @contextmanager
    def published(self) -> Generator["Issuer", None, None]:
        """Its keys are served at `jwks_url`."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                content = json.dumps({"keys": [issuer.jwk()]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(OSError):
                    while issuer.drips:
                        self.wfile.write(b" ")
                        time.sleep(0.1)
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        self.jwks_url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
        try:
            yield self
        finally:
            self.drips = False
            server.shutdown()
            server.server_close()
            serving.join()


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}
