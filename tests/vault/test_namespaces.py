import pytest

from sottovoce.errors import InvalidKeyHash
from sottovoce.vault.namespaces import fingerprint


def test_a_fingerprint_has_one_form() -> None:
    assert fingerprint("sha256:" + "aB" * 32) == "sha256:" + "ab" * 32


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:" + "a" * 63, "sha256:" + "g" * 64, "md5:" + "a" * 64,
                                  "sha256:" + "a" * 64 + "\n", " sha256:" + "a" * 64])  # fmt: skip
def test_anything_else_is_refused_in_the_contracts_words(text: str) -> None:
    with pytest.raises(InvalidKeyHash) as error:
        fingerprint(text)
    assert error.value.message == "Invalid encryption key hash"
