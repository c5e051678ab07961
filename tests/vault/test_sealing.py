import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import NotSealedForThis
from sottovoce.vault.keys import NamespaceKeys
from sottovoce.vault.sealing import Purpose, SessionKey, open_sealed, padded, seal_to, unpadded

SESSION = "2f9a3e0c-6f9b-4c0e-9d0a-6d1d5d0f7f11"
WORDS = b"the key is under the mat"


def test_what_is_sealed_to_a_namespace_opens_for_it_and_its_purpose_only() -> None:
    keys, others = NamespaceKeys.generate(), NamespaceKeys.generate()
    sealed = seal_to(keys.public.sealing, Purpose.RESULT, SESSION, WORDS)
    assert open_sealed(keys.sealing, Purpose.RESULT, SESSION, sealed) == WORDS
    for private, purpose, about in (
        (others.sealing, Purpose.RESULT, SESSION),
        (keys.sealing, Purpose.SESSION_KEY, SESSION),
        (keys.sealing, Purpose.RESULT, SESSION[:-1] + "2"),
    ):
        with pytest.raises(NotSealedForThis):
            open_sealed(private, purpose, about, sealed)


def test_a_flipped_bit_anywhere_is_refused() -> None:
    keys, key = NamespaceKeys.generate(), SessionKey(SESSION)
    sealed = seal_to(keys.public.sealing, Purpose.RESULT, SESSION, WORDS)
    record = key.seal(Purpose.TASK, WORDS)
    for bit in range(8 * len(sealed)):
        with pytest.raises(NotSealedForThis):
            open_sealed(keys.sealing, Purpose.RESULT, SESSION, _flipped(sealed, bit))
    for bit in range(8 * len(record)):
        with pytest.raises(NotSealedForThis):
            key.open(Purpose.TASK, _flipped(record, bit))
    for length in range(len(record)):
        with pytest.raises(NotSealedForThis):
            key.open(Purpose.TASK, record[:length])


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_record_opens_under_its_session_and_purpose_only() -> None:
    key = SessionKey(SESSION)
    record = key.seal(Purpose.TASK, WORDS)
    assert key.open(Purpose.TASK, record) == WORDS
    assert SessionKey(SESSION, key.secret).open(Purpose.TASK, record) == WORDS
    with pytest.raises(NotSealedForThis):
        key.open(Purpose.RESULT, record)
    with pytest.raises(NotSealedForThis):
        SessionKey(SESSION[:-1] + "2", key.secret).open(Purpose.TASK, record)


def test_no_nonce_comes_twice() -> None:
    key, later = SessionKey(SESSION), SessionKey(SESSION, epoch=1)
    nonces = {each.seal(Purpose.TASK, WORDS)[2:14] for each in (key, later) for _ in range(500)}
    assert len(nonces) == 1_000


def test_once_the_key_is_dropped_nothing_opens() -> None:
    key = SessionKey(SESSION)
    record = key.seal(Purpose.TASK, WORDS)
    key.drop()
    key.drop()
    assert key.secret == b""
    with pytest.raises(NotSealedForThis):
        key.open(Purpose.TASK, record)
    with pytest.raises(NotSealedForThis):
        key.seal(Purpose.TASK, WORDS)


@given(st.binary(max_size=5_000))
def test_padding_hides_the_length_and_comes_off(text: bytes) -> None:
    made = padded(text)
    assert unpadded(made) == text
    assert len(made) >= 256
    assert len(made).bit_count() == 1
    assert len(made) < 2 * max(256, len(text) + 4)


def test_what_is_not_padded_is_refused() -> None:
    for wrong in (b"", b"\0\0\0", b"\0\0\0\5abcd", b"\xff" * 8):
        with pytest.raises(ValueError, match="padded"):
            unpadded(wrong)
