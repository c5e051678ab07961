from hypothesis import given
from hypothesis import strategies as st

from sottovoce.live.deadlines import Deadlines


def test_each_is_due_once_at_its_newest_time() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 10.0)
    deadlines.set("b", 5.0)
    deadlines.set("a", 20.0)
    assert deadlines.due(4.9) == []
    assert deadlines.due(15.0) == ["b"]
    assert deadlines.due(20.0) == ["a"]
    assert len(deadlines) == 0


def test_what_is_removed_is_never_due() -> None:
    deadlines = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.remove("a")
    assert deadlines.due(9.0) == []


def test_a_session_that_is_put_off_again_and_again_leaves_no_heap_behind() -> None:
    deadlines = Deadlines()
    for n in range(20_000):
        deadlines.set("a", 1_000.0 + n)
        deadlines.due(0.0)
    assert len(deadlines._heap) <= 1_004
    assert deadlines.due(30_000.0) == ["a"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 50)), max_size=60))
def test_it_agrees_with_a_plain_dictionary(steps: list[tuple[str, int | None]]) -> None:
    deadlines, model = Deadlines(), dict[str, float]()
    for now, (name, wait) in enumerate(steps):
        if wait is None:
            deadlines.remove(name)
            model.pop(name, None)
        else:
            deadlines.set(name, float(now + wait))
            model[name] = float(now + wait)
        due = sorted(each for each, at in model.items() if at <= now)
        assert sorted(deadlines.due(float(now))) == due
        for each in due:
            del model[each]
