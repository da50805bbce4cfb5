from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from turnwise.agents.traffic import routed

KEYS = [f"conv_{number}" for number in range(4_000)]


@given(key=st.text(), share=st.floats(0, 100))
def test_a_key_always_goes_to_the_same_branch(key: str, share: float) -> None:
    split = {"b": share, "a": 100 - share}
    first = routed(split, key)
    assert first in {branch for branch, percent in split.items() if percent > 0}
    assert routed(dict(reversed(split.items())), key) == first


def test_branches_get_their_shares() -> None:
    found = Counter(routed({"a": 60, "b": 30, "c": 10, "d": 0}, key) for key in KEYS)
    assert set(found) == {"a", "b", "c"}
    for branch, percent in {"a": 60, "b": 30, "c": 10}.items():
        assert abs(100 * found[branch] / len(KEYS) - percent) < 3


def test_who_was_on_a_growing_branch_stays_there() -> None:
    before = {key for key in KEYS if routed({"a": 90, "b": 10}, key) == "b"}
    after = {key for key in KEYS if routed({"a": 50, "b": 50}, key) == "b"}
    assert before < after


def test_without_shares_there_is_no_branch() -> None:
    assert routed({}, "x") is None
    assert routed({"a": 0}, "x") is None
    assert routed({"a": 100}, "\ud800") == "a"
