"""What an agent's document refers to: tools, secrets, documents, tests, other agents."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from turnwise.agents.variables import names_in

Reference = tuple[str, str]
"""Kind and id: `("tool", "tool_1")`."""

ENVIRONMENT_LABEL: Final = "environment_label"
"""The kind of an environment variable, of which an agent knows no id but the label."""

_BY_ID: Final = {
    "agent_id": "agent",
    "analysis_item_id": "analysis_item",
    "auth_connection_id": "auth_connection",
    "env_var_label": ENVIRONMENT_LABEL,
    "post_call_webhook_id": "webhook",
    "pronunciation_dictionary_id": "pronunciation_dictionary",
    "secret_id": "secret",
    "test_id": "test",
    "tool_id": "tool",
    "webhook_id": "webhook",
}
_BY_IDS: Final = {
    "additional_tool_ids": "tool",
    "mcp_server_ids": "mcp_server",
    "native_mcp_server_ids": "mcp_server",
    "tool_ids": "tool",
}
_BY_LOCATORS: Final = {"additional_knowledge_base": "knowledge", "knowledge_base": "knowledge"}
_SECTIONS: Final = ("conversation_config", "platform_settings", "workflow")
_VALUES_OF_USERS: Final = frozenset({"dynamic_variable_placeholders"})
"""Whose keys are names that users made up."""
_OURS: Final = "__system_"
"""Ids of what the platform itself brings along begin so."""
_ENVIRONMENT: Final = "system__env_"
"""Names of variables that stand for environment variables begin so; what follows is the label."""


def references(document: Mapping[str, Any]) -> frozenset[Reference]:
    """Return everything that an agent's document refers to by id, wherever it stands."""
    found = {ref for section in _SECTIONS for ref in _in(document.get(section))}
    return frozenset((kind, one) for kind, one in found if one and not one.startswith(_OURS))


def _in(value: object) -> Iterator[Reference]:
    if isinstance(value, str) and "system_" in value:
        names = (name for name in names_in(value) if name.startswith(_ENVIRONMENT))
        yield from ((ENVIRONMENT_LABEL, name.removeprefix(_ENVIRONMENT)) for name in names)
    elif isinstance(value, list):
        for item in value:
            yield from _in(item)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key in _VALUES_OF_USERS:
                continue
            yield from _at(key, part)
            yield from _in(part)


def _at(key: str, part: object) -> Iterator[Reference]:
    if isinstance(part, str) and key in _BY_ID:
        yield _BY_ID[key], part
    elif isinstance(part, list) and key in _BY_IDS:
        yield from ((_BY_IDS[key], item) for item in part if isinstance(item, str))
    elif isinstance(part, list) and key in _BY_LOCATORS:
        ids = (item.get("id") for item in part if isinstance(item, Mapping))
        yield from ((_BY_LOCATORS[key], one) for one in ids if isinstance(one, str))
