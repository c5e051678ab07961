from hypothesis import given
from hypothesis import strategies as st

from sottovoce.core.limits import Admission, TokenBucket, admission


def test_a_namespace_is_admitted_up_to_its_limit_with_its_own_key() -> None:
    assert admission(pinned_hash=None, key_hash="a", live=0, limit=5) is Admission.ADMITTED
    assert admission(pinned_hash="a", key_hash="a", live=4, limit=5) is Admission.ADMITTED
    assert admission(pinned_hash="a", key_hash="a", live=5, limit=5) is Admission.NAMESPACE_FULL
    assert admission(pinned_hash="a", key_hash="b", live=5, limit=5) is Admission.KEY_MISMATCH


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    bucket = TokenBucket(rate=10, burst=5, now=0.0)
    assert [bucket.take(1, 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert bucket.take(1, 0.1)
    assert not bucket.take(1, 0.1)


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 8)), max_size=60))
def test_never_more_than_the_rate_and_the_burst(takes: list[tuple[float, float]]) -> None:
    bucket = TokenBucket(rate=3, burst=7, now=0.0)
    now, taken = 0.0, 0.0
    for wait, amount in takes:
        now += wait
        if bucket.take(amount, now):
            taken += amount
        assert taken <= 7 + 3 * now + 1e-6
