"""What must hold of a tool beyond its published shape."""

from collections.abc import Callable, Iterator
from typing import Any

from turnwise.api.errors import Problem, problem
from turnwise.api.urls import url_problem
from turnwise.tools.integrations.catalogue import INTEGRATIONS, KIND

Object = dict[str, Any]
Place = tuple[str | int, ...]

SOURCES = ("description", "dynamic_variable", "is_system_provided", "constant_value", "is_omitted")
"""Where the value of a parameter may come from: one of them."""
TOO_MANY = (
    "Can only set one of: description, dynamic_variable, is_system_provided, constant_value,"
    " or is_omitted"
)
FOR_EVER = -1
"""How long a client tool is waited for that takes any time."""
_FIXED = ("dynamic_variable", "constant_value", "is_omitted")
_GUARDS = ("allowed_values", "allowed_values_dynamic_variable")


def problems_of(config: Object, may_be_plain: Callable[[str], bool]) -> list[Problem]:
    """Return what is wrong with the settings of a tool that has the published shape.

    Args:
        config: The settings.
        may_be_plain: Whether a host may be called without TLS.
    """
    at: Place = ("body", "tool_config", str(config.get("type")))
    found: list[Problem] = []
    if config.get("type") == "webhook":
        found += _webhook_problems(
            config.get("api_schema") or {}, (*at, "api_schema"), may_be_plain
        )
    if config.get("type") == KIND:
        found += _integration_problems(config, at)
    if config.get("type") == "client":
        found += _waiting_problems(config, (*at, "response_timeout_secs"))
    found += _source_problems(config.get("parameters"), (*at, "parameters"))
    return found


def _integration_problems(config: Object, at: Place) -> Iterator[Problem]:
    integration = INTEGRATIONS.get(str(config.get("api_integration_id")))
    if integration is None:
        right = ", ".join(map(repr, sorted(INTEGRATIONS)))
        yield problem("enum", [*at, "api_integration_id"], f"Input should be one of {right}")
    elif integration.tool(str(config.get("name"))) is None:
        right = ", ".join(repr(each.name) for each in integration.tools)
        yield problem("enum", [*at, "name"], f"Input should be one of {right}")


def _waiting_problems(config: Object, at: Place) -> Iterator[Problem]:
    seconds = config.get("response_timeout_secs")
    if seconds == 0 or (seconds == FOR_EVER and not config.get("expects_response")):
        right = "1 to 120 seconds, or -1 for a tool that expects a response"
        yield problem("value_error", at, f"Value error, response_timeout_secs should be {right}")


def _webhook_problems(
    schema: Object, at: Place, may_be_plain: Callable[[str], bool]
) -> Iterator[Problem]:
    if reason := url_problem(str(schema.get("url") or ""), may_be_plain):
        yield problem("value_error", [*at, "url"], f"Value error, {reason}")
    for name, each in (schema.get("path_params_schema") or {}).items():
        yield from _source_problems(each, (*at, "path_params_schema", name))
    query = schema.get("query_params_schema") or {}
    for name, each in (query.get("properties") or {}).items():
        yield from _source_problems(each, (*at, "query_params_schema", "properties", name))
    yield from _source_problems(schema.get("request_body_schema"), (*at, "request_body_schema"))


def _source_problems(schema: object, at: Place) -> Iterator[Problem]:
    """Walk a schema of parameters: each value has one source at most."""
    if not isinstance(schema, dict):
        return
    inner = schema.get("type") in ("object", "array")  # a type may also be a list of two
    sources = _FIXED if inner else SOURCES
    chosen = [name for name in sources if _is_set(name, schema.get(name))]
    if len(chosen) > 1:
        yield problem("value_error", at, f"Value error, {TOO_MANY}")
    elif not inner and any(map(schema.get, _GUARDS)) and set(chosen) - {"description"}:
        reason = "allowed_values needs a value that the model chooses: set description instead"
        yield problem("value_error", at, f"Value error, {reason} of {chosen[0]}")
    for name, each in (schema.get("properties") or {}).items():
        yield from _source_problems(each, (*at, "properties", name))
    yield from _source_problems(schema.get("items"), (*at, "items"))


def _is_set(source: str, value: object) -> bool:
    if source == "constant_value":
        return value is not None and value != ""  # it may be 0 or false
    return bool(value)
