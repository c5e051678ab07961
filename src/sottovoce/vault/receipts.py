"""Receipts of erasure: JWS (RFC 7515) by an Ed25519 key of the server's."""

import hashlib
import uuid
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sottovoce.errors import SettingsInvalid
from sottovoce.vault.keys import encode

TYPE = "sottovoce-erasure+jwt"


def hash_of(full_id: str) -> str:
    """What a receipt says in place of an id: whoever holds the id finds it again. An id of ours cannot be guessed from
    it; the name of a namespace, if it is a usual word, can."""
    return "sha256:" + hashlib.sha256(full_id.encode()).hexdigest()


def read_key(path: Path) -> Ed25519PrivateKey:
    """A private key in PEM. Raises SettingsInvalid."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise SettingsInvalid(f"{path}, the key of receipts, cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsInvalid(f"{path} holds no Ed25519 key in PEM. One is made by: openssl genpkey -algorithm ed25519")
    return key


class Signer:
    """Signs receipts; without a key of the settings, with one that is made now and goes with the process."""

    def __init__(self, key: Ed25519PrivateKey | None = None) -> None:
        self._key = key or Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes_raw()
        thumbprint = hashlib.sha256(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % encode(public).encode()).digest()
        self.public = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": encode(public),
            "kid": encode(thumbprint),
            "alg": "EdDSA",
            "use": "sig",
        }
        """As a JWK; its id is its thumbprint (RFC 7638)."""

    def sign(self, claims: dict[str, Any]) -> str:
        """The receipt, in JWS's compact form."""
        return jwt.encode(
            claims | {"jti": str(uuid.uuid4())},
            self._key,
            algorithm="EdDSA",
            headers={"kid": self.public["kid"], "typ": TYPE},
        )


def check(receipt: str, public: dict[str, str]) -> dict[str, Any]:
    """What a receipt says, if it was signed with the key `public` (a JWK). Raises jwt.InvalidTokenError."""
    if jwt.get_unverified_header(receipt).get("typ") != TYPE:
        raise jwt.InvalidTokenError("this is no receipt of erasure")
    key: Ed25519PublicKey = jwt.PyJWK(public, algorithm="EdDSA").key
    return jwt.decode(receipt, key, algorithms=["EdDSA"], options={"require": ["iat"]})
