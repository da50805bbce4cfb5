from typing import Any

import pytest

from turnwise.agents.references import references


def config(**prompt: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"conversation_config": {"agent": {"prompt": prompt}}}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({}, set()),
        (config(tool_ids=["t1", "t2", "t1"]), {("tool", "t1"), ("tool", "t2")}),
        (config(mcp_server_ids=["m"]), {("mcp_server", "m")}),
        (config(knowledge_base=[{"id": "d", "type": "file"}]), {("knowledge", "d")}),
        (config(custom_llm={"api_key": {"secret_id": "s"}}), {("secret", "s")}),
        (
            config(custom_llm={"request_headers": {"x": {"env_var_label": "KEY"}}}),
            {("environment_label", "KEY")},
        ),
        (config(prompt="Call {{system__env_HOST}}."), {("environment_label", "HOST")}),
        (
            {"platform_settings": {"testing": {"attached_tests": [{"test_id": "x"}]}}},
            {("test", "x")},
        ),
        (
            {"platform_settings": {"workspace_overrides": {"webhooks": {"webhook_id": "w"}}}},
            {("webhook", "w")},
        ),
        (
            {
                "workflow": {
                    "nodes": {
                        "a": {"type": "tool", "tools": [{"tool_id": "t"}]},
                        "b": {"type": "standalone_agent", "agent_id": "agent_2"},
                        "c": {
                            "type": "override_agent",
                            "additional_tool_ids": ["u"],
                            "additional_knowledge_base": [{"id": "k"}],
                        },
                    }
                }
            },
            {("tool", "t"), ("agent", "agent_2"), ("tool", "u"), ("knowledge", "k")},
        ),
    ],
)
def test_what_a_document_names_is_found(document: dict[str, Any], found: set[Any]) -> None:
    assert references(document) == found


def test_values_of_variables_and_ids_of_the_platform_are_no_references() -> None:
    variables = {"dynamic_variable_placeholders": {"agent_id": "x", "secret_id": "y"}}
    items = {"analysis_items": {"evaluation_criteria": [{"analysis_item_id": "__system_x"}]}}
    document = {
        "conversation_config": {"agent": {"dynamic_variables": variables}},
        "platform_settings": items,
        "own": {"tool_id": "t"},
    }
    assert references(document) == set()


def test_nonsense_refers_to_nothing() -> None:
    assert references(config(tool_ids="x", knowledge_base=[1, {"id": 2}], tools=None)) == set()
