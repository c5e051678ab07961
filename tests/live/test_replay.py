from hypothesis import given
from hypothesis import strategies as st

from sottovoce.live.replay import KEPT_BYTES, KEPT_EVENTS, Replay


def test_what_came_behind_an_event_comes_once_and_in_order() -> None:
    replay = Replay()
    for number in range(1, 8):
        replay.keep(b"%d" % number)
    assert replay.after(5) == (0, [b"6", b"7"])
    assert replay.after(7) == (0, [])
    assert replay.after(9) == (0, [])
    assert replay.after(0) == (0, [b"%d" % number for number in range(1, 8)])


@given(st.lists(st.integers(0, 9_000), max_size=400), st.integers(0, 400))
def test_what_is_not_kept_any_more_is_counted(sizes: list[int], last: int) -> None:
    replay = Replay()
    for size in sizes:
        replay.keep(bytes(size))
    lost, kept = replay.after(last)
    assert lost + len(kept) == max(0, len(sizes) - last)
    assert [len(each) for each in kept] == sizes[len(sizes) - len(kept) :]
    assert len(kept) <= KEPT_EVENTS
    assert sum(map(len, kept)) <= KEPT_BYTES
