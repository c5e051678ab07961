from base64 import b64decode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519

from sottovoce.errors import ProofInvalid, ProofRequired
from sottovoce.vault.keys import NamespaceKeys
from sottovoce.vault.proof import MAX_AGE_S, Prover, Request, sign

URL = "https://voice.example.org/api/v1/sessions?limit=3"
BODY = b'{"namespace_id":"alice"}'


def signed(keys: NamespaceKeys, method: str = "POST", url: str = URL, body: bytes = BODY) -> Request:
    request = Request(method, url, {"content-type": "application/json"})
    sign(request, body, keys)
    return request


@pytest.mark.parametrize(
    "make",
    [
        NamespaceKeys.generate,
        lambda: NamespaceKeys(x25519.X25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_a_request_that_the_namespace_signed_is_proof_once(make: Callable[[], NamespaceKeys]) -> None:
    keys, prover = make(), Prover()
    request = signed(keys)
    prover.check(request, BODY, keys.public, 0.0)
    with pytest.raises(ProofInvalid):
        prover.check(request, BODY, keys.public, 1.0)
    prover.check(signed(keys, "GET", body=b""), b"", keys.public, 1.0)


def test_anything_else_is_none() -> None:
    keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
    with pytest.raises(ProofRequired):
        Prover().check(Request("POST", URL, {}), BODY, keys.public, 0.0)
    good = signed(keys)
    for request, body, public in (
        (good, BODY + b" ", keys.public),
        (good, BODY, others.public),
        (Request("DELETE", URL, good.headers), BODY, keys.public),
        (Request("POST", URL.replace("3", "4"), good.headers), BODY, keys.public),
        (Request("POST", URL.replace("voice", "evil"), good.headers), BODY, keys.public),
        (Request("POST", URL, dict(good.headers) | {"Signature": "sottovoce=:AAAA:"}), BODY, keys.public),
        (Request("POST", URL, dict(good.headers) | {"Signature-Input": "nonsense"}), BODY, keys.public),
        (signed(others), BODY, keys.public),
    ):
        with pytest.raises(ProofInvalid):
            Prover().check(request, body, public, 0.0)


def test_a_proof_is_good_for_a_minute() -> None:
    keys = NamespaceKeys.generate()
    request = signed(keys)
    created = int(request.headers["Signature-Input"].partition("created=")[2].partition(";")[0])
    request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(
        str(created), str(created - int(MAX_AGE_S) - 10)
    )
    with pytest.raises(ProofInvalid):
        Prover().check(request, BODY, keys.public, 0.0)


def test_nonces_are_forgotten_when_their_proofs_are_too_old_anyway() -> None:
    keys, prover = NamespaceKeys.generate(), Prover()
    for second in range(200):
        prover.check(signed(keys), BODY, keys.public, float(second))
    assert len(prover._seen) <= MAX_AGE_S + 11


def test_no_namespace_uses_up_the_nonces_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sottovoce.vault.proof.MAX_NONCES_OF_ONE", 3)
    busy, other, prover = NamespaceKeys.generate(), NamespaceKeys.generate(), Prover()
    for _ in range(3):
        prover.check(signed(busy), BODY, busy.public, 0.0)
    with pytest.raises(ProofInvalid):
        prover.check(signed(busy), BODY, busy.public, 0.0)
    prover.check(signed(other), BODY, other.public, 0.0)
    prover.check(signed(busy), BODY, busy.public, MAX_AGE_S + 11)


def test_the_library_agrees_with_the_example_of_rfc_9421() -> None:
    """Appendix B.2.6: Ed25519 over a request, with the RFC's own key and signature."""
    key = load_pem_public_key(
        b"-----BEGIN PUBLIC KEY-----\n"
        b"MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n"
        b"-----END PUBLIC KEY-----\n"
    )
    base = (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        '"content-type": application/json\n"content-length": 18\n'
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    signature = b64decode("wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==")
    ED25519(public_key=key).verify(signature=signature, message=base.encode())  # type: ignore[no-untyped-call]
    headers = {
        "Host": "example.com",
        "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "Content-Type": "application/json",
        "Content-Length": "18",
    }
    request = Request("POST", "https://example.com/foo?param=Value&Pet=dog", headers)
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=None)
    made, _, _ = verifier._build_signature_base(
        request,
        covered_component_ids=list(
            verifier._parse_signature_dictionary(
                'x=("date" "@method" "@path" "@authority" "content-type" "content-length")'
            )["x"]
        ),
        signature_params={"created": 1618884473, "keyid": "test-key-ed25519"},
    )
    assert made == base
