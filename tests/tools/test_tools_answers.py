"""What the model, the record and the variables get of an answer."""

import json

import pytest

from tools.tools_rig import Json, webhook
from turnwise.agents.tools import Tool, normalise
from turnwise.agents.variables import Variables
from turnwise.tools.answers import (
    FAILED,
    HIDDEN_ANSWER,
    VariableUpdate,
    answered,
    failed,
    shown_update,
)
from turnwise.tools.ports import ErrorType, Outcome, ToolFailed, ToolRejected
from turnwise.tools.summaries import SUMMARY_CHARS

ANSWER: Json = {
    "data": [{"id": 7, "tags": ["a", "b"], "open": True}, {"id": 8}],
    "user": {"name": "Ada", "card": "4111"},
    "none": None,
}


def assigning(*assignments: Json, **api: object) -> Tool:
    return webhook("https://shop.test/", "POST", more={"assignments": list(assignments)}, **api)


def to(name: str, path: str, **more: object) -> Json:
    return {"source": "response", "dynamic_variable": name, "value_path": path, **more}


def given(tool: Tool, answer: object = ANSWER, **variables: object) -> tuple[Json, str]:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    found = answered(tool, Outcome(text=text), Variables(variables))
    return {each.name: each.new for each in found.updates}, found.result


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        (to("v", "data.0.id"), 7),
        (to("v", "data.1.id"), 8),
        (to("v", "user.name"), "Ada"),
        (to("v", "data.0.open"), True),
        (to("v", "data.0.tags"), '["a","b"]'),
        (to("v", "user"), '{"name":"Ada","card":"4111"}'),
        (to("v", "data.0.tags", preserve_native_type=True), ["a", "b"]),
    ],
)
def test_a_variable_is_assigned_from_a_path(assignment: Json, value: object) -> None:
    assert given(assigning(assignment))[0] == {"v": value}


@pytest.mark.parametrize(
    "path", ["data.2.id", "data.x", "data[0].id", "user.name.first", "none", "data.-1", ""]
)
def test_a_path_that_leads_nowhere_assigns_nothing(path: str) -> None:
    updates, result = given(assigning(to("v", path)))
    assert updates == {}
    assert json.loads(result) == ANSWER


@pytest.mark.parametrize("answer", ["plain text", "[1, 2]", '"text"', "{"])
def test_only_objects_assign(answer: str) -> None:
    assert given(assigning(to("v", "0")), answer) == ({}, answer)


def test_the_platforms_own_variables_cannot_be_assigned() -> None:
    assert given(assigning(to("system__agent_id", "user.name")))[0] == {}


def test_later_assignments_see_earlier_ones_and_old_values_are_kept() -> None:
    tool = assigning(to("v", "data.0.id"), to("v", "data.1.id"))
    found = answered(tool, Outcome(text=json.dumps(ANSWER)), Variables({"v": "old"}))
    assert [(each.old, each.new) for each in found.updates] == [("old", 7), (7, 8)]
    assert found.variables is not None
    assert found.variables.values["v"] == 8


def test_what_is_sanitised_is_assigned_and_shown_to_nobody() -> None:
    tool = assigning(
        to("card", "user.card", sanitize=True),
        to("first", "data.0", sanitize=True),
        to("secret__name", "user.name"),
        to("gone", "nowhere.at.all", sanitize=True),
    )
    updates, result = given(tool)
    assert updates["card"] == "4111"
    assert updates["secret__name"] == "Ada"  # noqa: S105
    assert json.loads(result) == {"data": [{"id": 8}], "user": {}, "none": None}


def test_an_element_of_a_list_is_sanitised_inside() -> None:
    result = given(assigning(to("v", "data.0.tags.1", sanitize=True)))[1]
    assert json.loads(result)["data"][0]["tags"] == ["a"]
    result = given(assigning(to("v", "data.0.id", sanitize=True)))[1]
    assert json.loads(result)["data"][0] == {"tags": ["a", "b"], "open": True}


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (["user.name"], {"user": {"name": "Ada"}}),
        (["data.id"], {"data": [{"id": 7}, {"id": 8}]}),
        (["data.0.id"], {"data": [{"id": 7}]}),
        (["data.0.id", "data.1.id", "data.5.id"], {"data": [{"id": 7}, {"id": 8}]}),
        (["data.0.tags"], {"data": [{"tags": ["a", "b"]}]}),
        (["data.0.tags.0"], {"data": [{"tags": ["a"]}]}),
        (["user.name.first", "nowhere"], {"user": {}}),
        (["user", "user.name"], {"user": {"name": "Ada", "card": "4111"}}),
        ([], {}),
    ],
)
def test_a_filter_lets_through_what_it_names(filters: list[str], kept: Json) -> None:
    tool = assigning(response_filter={"mode": "allow", "filters": filters})
    assert json.loads(given(tool)[1]) == kept


def test_a_filter_leaves_text_alone_and_hides_all_where_it_says_so() -> None:
    tool = assigning(response_filter={"mode": "allow", "filters": ["a"]})
    assert given(tool, "plain")[1] == "plain"
    tool = assigning(to("v", "user.name"), response_filter={"mode": "hide_all"})
    assert given(tool) == ({"v": "Ada"}, HIDDEN_ANSWER)
    assert given(assigning(response_filter={"mode": "all"}), "x")[1] == "x"


# --- failures -----------------------------------------------------------------------------------


def failing(mode: str | None, kind: str = "webhook", fault: ErrorType = "external_server") -> str:
    stored: Json = {"type": kind, "name": "book"}
    if mode is not None:
        stored["tool_error_handling_mode"] = mode
    found = failed(normalise(stored), ToolFailed(fault, "HTTP 500: " + "stack\n" * 100))
    assert found.failed
    assert found.error_type == fault
    assert found.raw_error.startswith("HTTP 500: stack\n")
    return found.result


def test_a_failure_is_told_as_the_tool_says() -> None:
    assert failing(None) == failing("auto") == failing("hide") == FAILED
    assert failing("passthrough").startswith("HTTP 500: stack\nstack")
    summary = failing("summarized")
    assert summary.startswith("The service behind the tool failed: HTTP 500: stack stack")
    assert len(summary) < 300


def test_a_models_summary_takes_the_place_of_the_rule_where_a_summary_is_wanted() -> None:
    failure = ToolFailed("external_server", "HTTP 500: stack")
    told = {
        mode: failed(
            normalise({"type": "webhook", "name": "book", "tool_error_handling_mode": mode}),
            failure,
            " The shop\n is closed. " + "x" * 1_000,
        ).result
        for mode in ("summarized", "hide", "passthrough")
    }
    assert told["summarized"].startswith("The shop is closed. xx")
    assert len(told["summarized"]) <= SUMMARY_CHARS + 1
    assert (told["hide"], told["passthrough"]) == (FAILED, "HTTP 500: stack")


def test_what_the_user_refused_is_always_told() -> None:
    stored = {"type": "webhook", "name": "book", "tool_error_handling_mode": "summarized"}
    found = failed(normalise(stored), ToolRejected("unknown", "The user said no."), "It broke.")
    assert found.result == "The user said no."


def test_left_to_itself_a_clients_words_are_told_and_those_of_integrations_in_short() -> None:
    assert failing("auto", "client").startswith("HTTP 500")
    assert failing("hide", "client") == FAILED
    assert failing("auto", "api_integration_webhook").startswith("The service behind")


def test_an_update_is_shown_as_text_and_secrets_not_at_all() -> None:
    update = VariableUpdate(name="v", old=None, new=[1])
    assert shown_update(update, 5.0, "book", "book_1") == {
        "variable_name": "v",
        "old_value": None,
        "new_value": "[1]",
        "updated_at": 5.0,
        "tool_name": "book",
        "tool_request_id": "book_1",
    }
    secret = shown_update(VariableUpdate(name="secret__v", old="a", new="b"), 5.0, "book", "1")
    assert (secret["old_value"], secret["new_value"]) == ("***", "***")
