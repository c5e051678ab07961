"""The vectors of docs/reference/sealing.md: what was sealed once opens for ever, in the JavaScript client too."""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from sottovoce.vault.keys import NamespaceKeys, decode
from sottovoce.vault.sealing import Purpose, SessionKey, open_sealed
from tests.servers import ROOT

FILE = ROOT / "tests" / "data" / "sealing" / "vectors.json"


def vectors() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return read


def test_the_vectors_open() -> None:
    given = vectors()
    namespace, session_id = given["namespace"], given["session_id"]
    keys = NamespaceKeys(
        x25519.X25519PrivateKey.from_private_bytes(decode(namespace["sealing_private"])),
        ed25519.Ed25519PrivateKey.from_private_bytes(decode(namespace["proof_private"])),
    )
    assert (keys.public.view(), keys.public.key_hash) == (namespace["public_keys"], namespace["key_hash"])
    secret = open_sealed(keys.sealing, Purpose.SESSION_KEY, session_id, decode(given["sealed_session_key"]))
    assert secret == decode(given["session_key"])
    result = open_sealed(keys.sealing, Purpose.RESULT, given["task_id"], decode(given["sealed_result"]))
    assert result.decode() == given["result"]
    opened = SessionKey(session_id, secret).open(Purpose.TASK, decode(given["task_record"]))
    assert opened.decode() == given["result"]
