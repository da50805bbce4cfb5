from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnwise.api.agents.merge import filled, merged, misplaced

Object = dict[str, Any]

keys = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(keys, values, max_size=3)


def law(stored: object, patch: object) -> object:
    """The merge law, said once more."""
    if not (isinstance(stored, dict) and isinstance(patch, dict)):
        return patch
    untouched = {key: value for key, value in stored.items() if key not in patch}
    return untouched | {key: law(stored.get(key), value) for key, value in patch.items()}


@given(stored=objects, patch=objects)
def test_objects_are_merged_and_all_else_is_replaced(stored: Object, patch: Object) -> None:
    before = deepcopy((stored, patch))
    assert merged(stored, patch) == law(stored, patch)
    assert (stored, patch) == before


@given(stored=objects, patch=objects)
def test_a_patch_twice_is_a_patch_once(stored: Object, patch: Object) -> None:
    once = merged(stored, patch)
    assert merged(once, patch) == once


@given(document=objects, defaults=objects)
def test_filling_adds_what_is_missing_and_changes_nothing_else(
    document: Object, defaults: Object
) -> None:
    before = deepcopy((document, defaults))
    result = filled(document, defaults)
    assert (document, defaults) == before
    assert filled(result, defaults) == result
    for key, value in document.items():
        if value is not None and not isinstance(value, dict):
            assert result[key] == value
    for key, default in defaults.items():
        if document.get(key) is None:
            assert result[key] == default


def test_null_is_a_value_where_the_shape_says_so() -> None:
    defaults = {"a": {"b": 1, "c": 2}}
    assert filled({"a": {"b": None, "c": None}}, defaults, {("a", "b")}) == {
        "a": {"b": None, "c": 2}
    }
    assert filled({"x": None}, defaults) == {"x": None, **defaults}


def test_what_is_filled_in_is_a_copy() -> None:
    defaults: Object = {"a": {"b": []}}
    filled({}, defaults)["a"]["b"].append(1)
    assert defaults == {"a": {"b": []}}


def test_places_where_an_object_belongs_are_named() -> None:
    defaults = {"a": {"b": {}}, "c": 1, "d": {}}
    assert misplaced({"a": {"b": 1}, "c": {}, "d": []}, defaults) == [("a", "b"), ("d",)]
    assert misplaced({"a": None}, defaults) == []
