"""The keys of a namespace: X25519 for sealing to it, Ed25519 or ES256 for proving to be it. The private halves are the
client's; the server sees public ones only, and their fingerprint.

The fingerprint (`key_hash`) is `sha256:` and the hex digits of SHA-256 over

    "sottovoce namespace keys 1" 0x00, 32 bytes of X25519, 1 byte (1: Ed25519, 2: ES256), the key to prove with

where an Ed25519 key is its 32 bytes and an ES256 key the 65 bytes of its uncompressed point (SEC 1).
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from enum import StrEnum
from typing import Any, Self

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sottovoce.errors import InvalidPublicKeys

FINGERPRINT_OF = b"sottovoce namespace keys 1\0"
FILE_FORMAT = "sottovoce namespace keys 1"
RAW_BYTES = 32
POINT_BYTES = 65


class ProofAlgorithm(StrEnum):
    """How a namespace proves to be itself."""

    ED25519 = "ed25519"
    ES256 = "es256"


_NUMBERS = {ProofAlgorithm.ED25519: b"\1", ProofAlgorithm.ES256: b"\2"}
_LENGTHS = {ProofAlgorithm.ED25519: RAW_BYTES, ProofAlgorithm.ES256: POINT_BYTES}


class PublicKeys(msgspec.Struct, frozen=True, gc=False):
    """What a namespace shows of its keys."""

    sealing: bytes
    """X25519, 32 bytes."""
    algorithm: ProofAlgorithm
    proof: bytes
    """32 bytes (Ed25519) or 65 (ES256)."""

    @property
    def key_hash(self) -> str:
        """Their fingerprint."""
        encoded = FINGERPRINT_OF + self.sealing + _NUMBERS[self.algorithm] + self.proof
        return "sha256:" + hashlib.sha256(encoded).hexdigest()

    def view(self) -> dict[str, Any]:
        """As they go over the wire."""
        return {"sealing": encode(self.sealing), "proof": {"alg": str(self.algorithm), "key": encode(self.proof)}}

    def proof_key(self) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey:
        """What signatures are checked with."""
        if self.algorithm is ProofAlgorithm.ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(self.proof)
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.proof)


def public_keys(sealing: str, algorithm: str, proof: str) -> PublicKeys:
    """What came over the wire. Raises InvalidPublicKeys."""
    try:
        keys = PublicKeys(decode(sealing), ProofAlgorithm(algorithm), decode(proof))
        if len(keys.sealing) != RAW_BYTES or len(keys.proof) != _LENGTHS[keys.algorithm]:
            raise InvalidPublicKeys
        keys.proof_key()
    except ValueError:
        raise InvalidPublicKeys from None
    return keys


class NamespaceKeys:
    """Both key pairs, as the client has them."""

    def __init__(
        self, sealing: x25519.X25519PrivateKey, proof: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    ) -> None:
        self.sealing = sealing
        self.proof = proof

    @classmethod
    def generate(cls) -> Self:
        """New ones."""
        return cls(x25519.X25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate())

    @property
    def public(self) -> PublicKeys:
        """Their public halves."""
        sealing = self.sealing.public_key().public_bytes_raw()
        if isinstance(self.proof, ed25519.Ed25519PrivateKey):
            return PublicKeys(sealing, ProofAlgorithm.ED25519, self.proof.public_key().public_bytes_raw())
        point = self.proof.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return PublicKeys(sealing, ProofAlgorithm.ES256, point)

    def to_text(self) -> str:
        """As a key file has them: JSON. Whoever reads it can read what is sealed to the namespace."""
        proof = self.proof
        if not isinstance(proof, ed25519.Ed25519PrivateKey):
            raise TypeError("key files hold Ed25519 keys")
        made = {
            "format": FILE_FORMAT,
            "key_hash": self.public.key_hash,
            "sealing_private": encode(self.sealing.private_bytes_raw()),
            "proof_private": encode(proof.private_bytes_raw()),
        }
        return msgspec.json.format(msgspec.json.encode(made)).decode() + "\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """What `to_text` made. Raises InvalidPublicKeys."""
        try:
            read = msgspec.json.decode(text, type=dict[str, str])
            if read.get("format") != FILE_FORMAT:
                raise InvalidPublicKeys
            keys = cls(
                x25519.X25519PrivateKey.from_private_bytes(decode(read["sealing_private"])),
                ed25519.Ed25519PrivateKey.from_private_bytes(decode(read["proof_private"])),
            )
        except (KeyError, ValueError):
            raise InvalidPublicKeys from None
        if keys.public.key_hash != read.get("key_hash"):
            raise InvalidPublicKeys
        return keys


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 7515)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of base64url without padding. Raises ValueError for anything else."""
    if not text.isascii() or set(text) & set("+/= \n\r\t"):
        raise ValueError("not base64url")
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except NotBase64:
        raise ValueError("not base64url") from None
    if encode(raw) != text:
        raise ValueError("not base64url")
    return raw
