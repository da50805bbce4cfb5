"""Laws of agents' documents, for any document that the contract allows."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.contract_documents import documents
from turnwise.agents.three_way import same
from turnwise.agents.versions import at_version, snapshot_of
from turnwise.api.agent_documents import CREATE, changed, created
from turnwise.api.errors import Invalid, Malformed
from turnwise.contract import load

Json = dict[str, Any]

_SHAPE = load().operations[CREATE].body
assert _SHAPE is not None
BODIES = documents(_SHAPE)
NULL_IS_NOTHING = ("name", "tags", "platform_settings")
"""Fields of the top level that may be sent as null, and are never stored so."""


def allowed(body: Json) -> Json | None:
    """The document of a new agent; None: language and voice do not match."""
    try:
        return created(body)
    except Malformed:
        config = {"agent": {}, "tts": {}} | body["conversation_config"]
        english = (config["agent"] or {}).get("language", "en") == "en"
        assert str((config["tts"] or {}).get("model_id")).endswith("_5") == english
        return None


def contained(part: object, whole: object) -> bool:
    """Whether all that was sent is there, deep and exact; more may be."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and contained(part[key], whole[key]) for key in part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(contained, part, whole))
    return same(part, whole)


def sent(body: Json) -> Json:
    return {
        key: value for key, value in body.items() if value is not None or key not in NULL_IS_NOTHING
    }


@settings(max_examples=60)
@given(body=BODIES)
def test_everything_that_is_sent_is_stored(body: Json) -> None:
    before = deepcopy(body)
    document = allowed(body)
    assert body == before
    if document is not None:
        assert contained(sent(body), document)
        assert same(created(document), document)
        assert same(changed(document, {}), document)
        assert same(changed(document, document), document)


@settings(max_examples=40)
@given(body=BODIES, patch=BODIES)
def test_a_patch_twice_is_a_patch_once(body: Json, patch: Json) -> None:
    document = allowed(body)
    if document is None:
        return
    try:
        once = changed(document, patch)
    except Malformed:
        return
    assert same(changed(once, patch), once)
    assert contained(sent(patch), once)


@settings(max_examples=40)
@given(body=BODIES, note=st.text(max_size=5))
def test_what_a_patch_does_not_name_stays(body: Json, note: str) -> None:
    document = allowed(body)
    if document is None:
        return
    after = changed(document, {"conversation_config": {"x_note": note}})
    assert after["conversation_config"].pop("x_note") == note
    document["conversation_config"].pop("x_note", None)
    assert same(after, document)


@settings(max_examples=40)
@given(body=BODIES)
def test_a_version_and_the_agents_settings_make_the_whole_again(body: Json) -> None:
    document = allowed(body)
    if document is None:
        return
    place = {"version_id": "v", "branch_id": "b", "main_branch_id": "m"}
    whole = document | place
    assert same(at_version(whole, snapshot_of(whole), "v", "b"), whole)


@pytest.mark.parametrize("section", ["conversation_config", "platform_settings", "workflow"])
def test_a_patch_of_another_kind_of_value_is_refused(section: str) -> None:
    document = created({"conversation_config": {}})
    wrong: list[object] = [1, "x", [], True]
    for value in wrong:
        with pytest.raises(Invalid):
            changed(document, {section: value})
