import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from sottovoce.errors import InvalidPublicKeys
from sottovoce.vault.keys import NamespaceKeys, decode, encode, public_keys


def test_a_fingerprint_is_of_both_keys() -> None:
    one, other = NamespaceKeys.generate(), NamespaceKeys.generate()
    mixed = NamespaceKeys(one.sealing, other.proof)
    assert len({one.public.key_hash, other.public.key_hash, mixed.public.key_hash}) == 3
    public = one.public
    encoded = b"sottovoce namespace keys 1\0" + public.sealing + b"\1" + public.proof
    assert public.key_hash == "sha256:" + hashlib.sha256(encoded).hexdigest()


def test_keys_of_both_kinds_go_over_the_wire() -> None:
    for keys in (
        NamespaceKeys.generate(),
        NamespaceKeys(x25519.X25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())),
    ):
        view = keys.public.view()
        assert public_keys(view["sealing"], view["proof"]["alg"], view["proof"]["key"]) == keys.public


@pytest.mark.parametrize(
    ("sealing", "algorithm", "proof"),
    [
        ("", "ed25519", "A" * 43),
        ("A" * 43, "rsa", "A" * 43),
        ("A" * 43, "es256", "A" * 43),
        ("A" * 42, "ed25519", "A" * 43),
        ("A" * 43, "ed25519", "A" * 44),
        ("+" * 43, "ed25519", "A" * 43),
        ("ä" * 43, "ed25519", "A" * 43),
    ],
)
def test_what_are_no_keys_is_refused(sealing: str, algorithm: str, proof: str) -> None:
    with pytest.raises(InvalidPublicKeys):
        public_keys(sealing, algorithm, proof)


def test_a_key_file_holds_them_and_nothing_else_is_one() -> None:
    keys = NamespaceKeys.generate()
    text = keys.to_text()
    assert NamespaceKeys.from_text(text).public == keys.public
    for wrong in ("", "{}", text.replace("keys 1", "keys 2"), text.replace(keys.public.key_hash[-8:], "00000000")):
        with pytest.raises(InvalidPublicKeys):
            NamespaceKeys.from_text(wrong)


def test_base64url_has_one_form() -> None:
    assert decode(encode(b"\xfb\xff")) == b"\xfb\xff"
    for wrong in ("-_9", "-_8=", "a b", "+/8"):
        with pytest.raises(ValueError, match="base64url"):
            decode(wrong)
