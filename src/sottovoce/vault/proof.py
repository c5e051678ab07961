"""Proof of possession: HTTP Message Signatures (RFC 9421) by a namespace's key, over `@method`, `@target-uri` and
`content-digest`, with `created`, `nonce` and the tag "sottovoce". Each nonce counts once.
"""

import secrets
from collections import Counter, OrderedDict
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ECDSA_P256_SHA256, ED25519, HTTPSignatureAlgorithm
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from sottovoce.errors import ProofInvalid, ProofRequired
from sottovoce.vault.keys import NamespaceKeys, ProofAlgorithm, PublicKeys

TAG = "sottovoce"
COVERED = ("@method", "@target-uri", "content-digest")
MAX_AGE_S = 60.0
SKEW_S = 5.0
"""As the library allows it."""
MAX_NONCES = 100_000
MAX_NONCES_OF_ONE = 5_000
"""Of one namespace's key: some 70 calls a second, and no namespace uses up what is remembered for all."""
MAX_NONCE_CHARACTERS = 64

_ALGORITHMS: Mapping[ProofAlgorithm, type[HTTPSignatureAlgorithm]] = {
    ProofAlgorithm.ED25519: ED25519,
    ProofAlgorithm.ES256: ECDSA_P256_SHA256,
}


class Request(msgspec.Struct):
    """What is signed: `url` is absolute, as the client used it."""

    method: str
    url: str
    headers: MutableMapping[str, str]


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, public: PublicKeys, private: NamespaceKeys | None = None) -> None:
        self._public = public
        self._private = private

    def resolve_public_key(self, key_id: str) -> Any:
        return self._public.proof_key() if key_id == self._public.key_hash else None

    def resolve_private_key(self, _key_id: str) -> Any:
        return self._private.proof if self._private is not None else None


def sign(request: Request, body: bytes, keys: NamespaceKeys) -> None:
    """Add `Content-Digest`, `Signature-Input` and `Signature` to the request's headers."""
    public = keys.public
    signer = HTTPMessageSigner(signature_algorithm=_ALGORITHMS[public.algorithm], key_resolver=_Keys(public, keys))
    signer.sign(
        request,
        key_id=public.key_hash,
        created=datetime.now(UTC),
        nonce=secrets.token_urlsafe(16),
        label=TAG,
        tag=TAG,
        covered_component_ids=COVERED,
        body=body,
    )


class Prover:
    """Checks proofs, and remembers the nonces of a minute."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()
        """Fingerprint of the key and nonce, to when it can be forgotten."""
        self._counts: Counter[str] = Counter()

    def check(self, request: Request, body: bytes, keys: PublicKeys, now: float) -> None:
        """That the namespace's own key signed this request, lately and not before. `now`: seconds of a steady clock.

        Raises ProofRequired, ProofInvalid.
        """
        if "signature-input" not in {name.lower() for name in request.headers}:
            raise ProofRequired
        verifier = HTTPMessageVerifier(signature_algorithm=_ALGORITHMS[keys.algorithm], key_resolver=_Keys(keys))
        try:
            [found] = verifier.verify(
                request,
                max_age=timedelta(seconds=MAX_AGE_S),
                expect_tag=TAG,
                require_components=COVERED,
                body=body,
            )
        except (HTTPMessageSignaturesException, ValueError):
            raise ProofInvalid from None
        nonce = found.nonce
        if nonce is None or not 0 < len(nonce) <= MAX_NONCE_CHARACTERS or not self._is_new(keys.key_hash, nonce, now):
            raise ProofInvalid

    def _is_new(self, key_hash: str, nonce: str, now: float) -> bool:
        seen, counts = self._seen, self._counts
        while seen and next(iter(seen.values())) <= now:
            (of, _), _ = seen.popitem(last=False)
            counts[of] -= 1
            if not counts[of]:
                del counts[of]
        if (key_hash, nonce) in seen or len(seen) >= MAX_NONCES or counts[key_hash] >= MAX_NONCES_OF_ONE:
            return False
        seen[key_hash, nonce] = now + MAX_AGE_S + 2 * SKEW_S
        counts[key_hash] += 1
        return True
