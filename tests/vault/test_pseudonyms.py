from sottovoce.vault.pseudonyms import TURN_S, Pseudonyms


def test_a_name_keeps_its_pseudonym_for_a_day_and_gets_another() -> None:
    pseudonyms = Pseudonyms()
    first = pseudonyms.of("alice", 0)
    assert first == pseudonyms.of("alice", TURN_S - 1)
    assert first != pseudonyms.of("bob", 1)
    assert first != pseudonyms.of("alice", TURN_S)
    assert first != Pseudonyms().of("alice", 0)
    assert "alice" not in first
