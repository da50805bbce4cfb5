"""How a patch changes a document, by example."""

from typing import Any

import pytest

from turnwise.contract import load, merged

Json = Any
CREATE = load().shape("Body_Create_Agent_v1_convai_agents_create_post")


def changed(config: Json, patch: Json) -> Json:
    stored = CREATE.filled({"conversation_config": config})
    after = merged(stored, {"conversation_config": patch}, CREATE)
    return CREATE.filled(after)["conversation_config"]


def test_an_object_is_merged_and_the_rest_stays() -> None:
    config = changed(
        {"agent": {"first_message": "Hi", "language": "de"}}, {"agent": {"language": "fr"}}
    )
    assert config["agent"]["first_message"] == "Hi"
    assert config["agent"]["language"] == "fr"


def test_a_list_is_replaced() -> None:
    config = changed({"asr": {"keywords": ["a", "b"]}}, {"asr": {"keywords": ["c"]}})
    assert config["asr"]["keywords"] == ["c"]


def test_a_null_takes_a_field_back_to_its_default() -> None:
    config = changed({"turn": {"turn_timeout": 3}}, {"turn": {"turn_timeout": None}})
    assert config["turn"]["turn_timeout"] == 7
    config = changed({"turn": {"turn_timeout": 3}}, {"turn": None})
    assert config["turn"]["turn_timeout"] == 7


def test_a_null_that_is_a_value_is_stored() -> None:
    config = changed({}, {"agent": {"prompt": {"temperature": None}, "x_mine": None}})
    assert config["agent"]["prompt"]["temperature"] is None
    assert config["agent"]["x_mine"] is None


def test_a_map_is_merged_by_key_and_null_takes_an_entry_away() -> None:
    preset = {"overrides": {"agent": {"language": "es"}}}
    before = {"language_presets": {"es": preset, "fr": preset}}
    config = changed(before, {"language_presets": {"fr": None, "de": preset}})
    assert sorted(config["language_presets"]) == ["de", "es"]


def test_a_placeholder_may_be_null() -> None:
    def placeholders(entries: Json) -> Json:
        return {"agent": {"dynamic_variables": {"dynamic_variable_placeholders": entries}}}

    config = changed(placeholders({"a": 1, "b": 2}), placeholders({"b": None}))
    found = config["agent"]["dynamic_variables"]["dynamic_variable_placeholders"]
    assert found == {"a": 1, "b": None}


def test_a_workflow_is_replaced_as_a_whole() -> None:
    nodes = {"start_node": {"type": "start"}, "end": {"type": "end"}}
    stored = CREATE.filled({"conversation_config": {}, "workflow": {"nodes": nodes}})
    patch = {"workflow": {"nodes": {"start_node": {"type": "start"}}}}
    after = CREATE.filled(merged(stored, patch, CREATE))
    assert list(after["workflow"]["nodes"]) == ["start_node"]


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        (
            {"preference": "override", "order": ["gpt-4o"]},
            {"preference": "disabled"},
            {"preference": "disabled"},
        ),
        (
            {"preference": "override", "order": ["gpt-4o"]},
            {"order": ["gpt-4"]},
            {"preference": "override", "order": ["gpt-4"]},
        ),
        (
            {"preference": "disabled"},
            {"preference": "override", "order": ["gpt-4"]},
            {"preference": "override", "order": ["gpt-4"]},
        ),
    ],
)
def test_another_member_of_a_union_replaces_the_former(
    before: Json, patch: Json, after: Json
) -> None:
    def config(value: Json) -> Json:
        return {"agent": {"prompt": {"backup_llm_config": value}}}

    assert changed(config(before), config(patch))["agent"]["prompt"]["backup_llm_config"] == after


def test_one_secret_does_not_mix_with_another() -> None:
    def config(headers: Json) -> Json:
        return {"agent": {"prompt": {"custom_llm": {"url": "u", "request_headers": headers}}}}

    config_after = changed(
        config({"a": {"secret_id": "s"}, "b": "text"}), config({"a": {"variable_name": "v"}})
    )
    headers = config_after["agent"]["prompt"]["custom_llm"]["request_headers"]
    assert headers == {"a": {"variable_name": "v"}, "b": "text"}


def test_the_arguments_stay_as_they_are() -> None:
    stored = {"conversation_config": {"asr": {"keywords": ["a"]}}}
    patch: Json = {"conversation_config": {"asr": {"keywords": [["b"]]}}}
    after = merged(stored, patch, CREATE)
    after["conversation_config"]["asr"]["keywords"][0].append("c")
    assert stored == {"conversation_config": {"asr": {"keywords": ["a"]}}}
    assert patch == {"conversation_config": {"asr": {"keywords": [["b"]]}}}
