from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sottovoce.errors import NotSealedForThis, SettingsInvalid
from sottovoce.vault.store_key import StoreKey, new_text, read_store_key

KEY = bytes(range(32))


@given(text=st.binary(max_size=700), about=st.text(max_size=20))
def test_what_one_node_seals_another_one_opens(text: bytes, about: str) -> None:
    one, other = StoreKey(KEY), StoreKey(KEY)
    sealed = one.seal(about, text)
    assert other.open(about, sealed) == text
    with pytest.raises(NotSealedForThis):
        other.open(about + "!", sealed)
    with pytest.raises(NotSealedForThis):
        StoreKey(bytes(32)).open(about, sealed)


def test_a_flipped_bit_anywhere_is_refused() -> None:
    key = StoreKey(KEY)
    sealed = key.seal("session a", b"text")
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotSealedForThis):
            key.open("session a", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(NotSealedForThis):
            key.open("session a", sealed[:length])


def test_no_two_records_are_alike_and_a_length_tells_little() -> None:
    keys = StoreKey(KEY), StoreKey(KEY)
    records = [key.seal("a", text) for key in keys for text in (b"", b"a", b"a" * 200) for _ in range(5)]
    assert len({record[:25] for record in records}) == len(records), "salt and number, which make the nonce"
    assert len({len(record) for record in records}) == 1


def test_names_are_the_same_for_all_who_have_the_key_and_differ_by_kind() -> None:
    key = StoreKey(KEY)
    assert key.name("session", "a") == StoreKey(KEY).name("session", "a") != StoreKey(bytes(32)).name("session", "a")
    assert len({key.name(kind, of) for kind in ("session", "task") for of in ("a", "b")}) == 4
    assert len(key.name("session", "\udcff")) == 32


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "store.key"
    file.write_text(new_text())
    sealed = read_store_key(file).seal("a", b"text")
    assert read_store_key(file).open("a", sealed) == b"text"


@pytest.mark.parametrize("text", [None, "", "short", "=" * 43, "A" * 63, "ü" * 43])
def test_what_is_no_key_is_said_with_how_to_make_one(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "store.key"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="sottovoce keys store FILE"):
        read_store_key(file)
