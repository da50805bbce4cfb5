from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnwise.agents.three_way import MISSING, merge, same

Object = dict[str, Any]

keys = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=2),
    lambda inner: st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(keys, values, max_size=3)


@given(base=objects, source=objects)
def test_changes_of_one_side_come_through_as_they_are(base: Object, source: Object) -> None:
    for winner in ("source", "target"):
        merged = merge(base, source, base, winner=winner)
        assert same(merged.document, source)
        assert merged.conflicts == ()
        other = merge(base, base, source, winner=winner)
        assert same(other.document, source)
        assert other.conflicts == ()


@given(base=objects, source=objects, target=objects)
def test_the_winner_has_its_way_in_every_conflict(
    base: Object, source: Object, target: Object
) -> None:
    before = deepcopy((base, source, target))
    ours = merge(base, source, target, winner="source")
    theirs = merge(base, source, target, winner="target")
    assert (base, source, target) == before
    assert ours.conflicts == theirs.conflicts
    for conflict in ours.conflicts:
        assert not same(conflict.source, conflict.target)
        assert _at(ours.document, conflict.path) is conflict.source
        assert _at(theirs.document, conflict.path) is conflict.target
    if not ours.conflicts:
        assert same(ours.document, theirs.document)


@given(base=objects, source=objects, target=objects)
def test_merging_into_either_side_is_the_same(base: Object, source: Object, target: Object) -> None:
    one = merge(base, source, target, winner="source").document
    other = merge(base, target, source, winner="target").document
    assert same(one, other)


def test_what_only_one_side_took_away_is_gone() -> None:
    base = {"a": 1, "b": {"c": 2, "d": 3}}
    merged = merge(base, {"a": 1, "b": {"d": 3}}, {**base, "e": 4}, winner="target")
    assert merged.document == {"a": 1, "b": {"d": 3}, "e": 4}
    assert not merged.conflicts


def test_taking_away_and_changing_contradict_each_other() -> None:
    merged = merge({"a": 1}, {}, {"a": 2}, winner="source")
    assert merged.document == {}
    (conflict,) = merged.conflicts
    assert (conflict.path, conflict.base, conflict.target) == (("a",), 1, 2)
    assert conflict.source is MISSING


def test_lists_are_taken_as_a_whole() -> None:
    merged = merge({"a": [1]}, {"a": [1, 2]}, {"a": [0, 1]}, winner="source")
    assert merged.document == {"a": [1, 2]}
    assert [each.path for each in merged.conflicts] == [("a",)]


def test_true_is_not_one() -> None:
    assert merge({"a": 1}, {"a": True}, {"a": 1}, winner="target").document["a"] is True
    assert not same([1, {"a": [0]}], [1, {"a": [False]}])
    assert same({"a": 1, "b": [1.0]}, {"b": [1], "a": 1.0})


def _at(document: object, path: tuple[str, ...]) -> object:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return MISSING
        document = document[key]
    return document
