"""What holds for every published body and every document of it."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contract.contract_documents import ANYTHING, documents
from turnwise.contract import Operation, Shape, load, merged

Json = Any
BODIES: list[Operation] = [
    operation for operation in load().operations.values() if operation.body is not None
]
SHAPES: list[Shape] = [operation.body for operation in BODIES if operation.body is not None]
ANSWERS: list[Shape] = [
    operation.answer for operation in load().operations.values() if operation.answer is not None
]
AGENT = load().shape("Body_Create_Agent_v1_convai_agents_create_post")

shapes = st.sampled_from([*SHAPES, *ANSWERS])


def kept(before: Json, after: Json) -> bool:
    """Whether everything of the first is in the second."""
    if isinstance(before, dict):
        return isinstance(after, dict) and all(
            name in after and kept(value, after[name]) for name, value in before.items()
        )
    if isinstance(before, list):
        return (
            isinstance(after, list) and len(before) == len(after) and all(map(kept, before, after))
        )
    return type(before) is type(after) and before == after


@given(st.data())
def test_a_document_of_a_shape_has_no_problem(data: st.DataObject) -> None:
    shape = data.draw(shapes)
    assert shape.problems(data.draw(documents(shape))) == []


@given(st.data())
def test_filling_keeps_everything_makes_it_valid_and_is_done_once(data: st.DataObject) -> None:
    shape = data.draw(shapes)
    document = data.draw(documents(shape))
    before = deepcopy(document)
    filled = shape.filled(document)
    assert document == before
    assert kept(document, filled)
    assert shape.problems(filled) == []
    assert shape.filled(filled) == filled
    assert shape.read(document) == filled


@given(st.data())
def test_what_does_not_fit_is_filled_as_far_as_it_does_and_kept(data: st.DataObject) -> None:
    shape = data.draw(shapes)
    document = data.draw(documents(shape))
    if not isinstance(document, dict):
        return
    document["x_first"] = data.draw(ANYTHING)
    name = data.draw(st.sampled_from(sorted(document)))
    document[name] = data.draw(ANYTHING)
    filled = shape.filled(document)
    others = {key: value for key, value in document.items() if key != name}
    assert kept(others, filled)
    assert shape.filled(filled) == filled


@given(st.data())
def test_a_published_form_is_normal_already(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    document = data.draw(documents(shape))
    assert shape.normalised(document) == document


@given(st.data())
def test_patches_of_nothing_and_of_the_same_change_nothing(data: st.DataObject) -> None:
    agent = AGENT.filled(data.draw(documents(AGENT)))
    before = deepcopy(agent)
    assert merged(agent, {}, AGENT) == agent
    assert merged(agent, agent, AGENT) == agent
    assert agent == before


@given(st.data())
def test_a_patch_is_in_the_document_and_nothing_unsaid_is_gone(data: st.DataObject) -> None:
    agent = AGENT.filled(data.draw(documents(AGENT)))
    patch = data.draw(documents(AGENT))
    after = AGENT.filled(merged(agent, patch, AGENT))
    assert kept(patch, after)
    assert agent.keys() <= after.keys()
    assert AGENT.problems(after) == []
