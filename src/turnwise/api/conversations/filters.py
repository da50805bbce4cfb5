"""The published filters of conversations, as the store takes them."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from turnwise.api.errors import Invalid, problem
from turnwise.store import Comparison, ConversationQuery
from turnwise.store.conversation_ports import Operator

Query = Mapping[str, Any]
"""The published parameters of a request, converted."""

_AS_THEY_ARE = (
    "agent_id",
    "user_id",
    "branch_id",
    "version_id",
    "parent_conversation_id",
    "rating_min",
    "rating_max",
    "has_feedback_comment",
    "text_only",
    "call_successful",
    "conversation_initiation_source",
    "workflow_node_entered_id",
)
_RENAMED = {
    "call_start_before_unix": "started_before",
    "call_start_after_unix": "started_after",
    "call_duration_min_secs": "duration_min_secs",
    "call_duration_max_secs": "duration_max_secs",
    "conversation_product_type": "product",
}
_LISTS = (
    "exclude_statuses",
    "main_languages",
    "termination_reasons",
    "phone_number_ids",
    "whatsapp_phone_number_ids",
    "tag_ids",
    "topic_ids",
    "visited_agent_ids",
    "visited_agent_branch_ids",
    "triggered_procedure_ids",
    "guardrail_types",
    "custom_guardrail_names",
    "tool_names",
    "tool_names_successful",
    "tool_names_errored",
    "tool_ids",
    "tool_ids_successful",
    "tool_ids_errored",
)
_RESULTS = ("success", "failure", "unknown")


def query_of(asked: Query, **more: Any) -> ConversationQuery:  # noqa: ANN401  # fields of the query
    """Return which conversations are wanted.

    Args:
        asked: The request's parameters; those that are no filter are not looked at.
        more: Fields of the query that are not the same in all operations.

    Raises:
        Invalid: If a filter is not in the published form.
    """
    fields: dict[str, Any] = {name: asked.get(name) for name in _AS_THEY_ARE}
    fields |= {ours: asked.get(theirs) for theirs, ours in _RENAMED.items()}
    fields |= {name: tuple(asked.get(name) or ()) for name in _LISTS}
    fields["include_invalid_tool_calls"] = asked.get("include_invalid_tool_calls") or False
    fields["evaluations"] = tuple(_evaluations(asked))
    for ours, theirs in [
        ("data_collection", "data_collection"),
        ("dynamic_variables", "dynamic_variable"),
    ]:
        fields[ours] = tuple(_comparisons(asked, f"{theirs}_params", f"{theirs}_filter"))
    return ConversationQuery(**fields, **more)


def _evaluations(asked: Query) -> Iterator[tuple[str, str]]:
    for text in asked.get("evaluation_params") or ():
        criterion, _, result = text.rpartition(":")
        if not criterion or result not in _RESULTS:
            raise _malformed("evaluation_params", f"criterion:{'|'.join(_RESULTS)}")
        yield criterion, result


def _comparisons(asked: Query, many: str, one: str) -> Iterator[Comparison]:
    texts = [(many, text) for text in asked.get(many) or ()]
    if asked.get(one):
        texts.append((one, asked[one]))
    for parameter, text in texts:
        name, _, rest = text.partition(":")
        operator, colon, value = rest.partition(":")
        if not name or not colon or operator not in get_args(Operator):
            raise _malformed(parameter, f"name:{'|'.join(get_args(Operator))}:value")
        values = tuple(value.split("|")) if operator == "in" else (value,)
        try:
            yield Comparison(name, operator, values)
        except ValueError as error:
            raise _malformed(parameter, f"a number behind {operator}") from error


def _malformed(parameter: str, form: str) -> Invalid:
    return Invalid([problem("value_error", ["query", parameter], f"Input should be {form}")])
