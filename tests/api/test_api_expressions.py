"""What a model evaluates in a workflow's expressions is answered in both spellings."""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
ASKED: Json = {"type": "llm", "prompt": "Is it late?"}
DESCRIBED: Json = {"type": "llm", "value_schema": {"type": "string", "description": "A city"}}
BOTH_ASKED: Json = {
    "type": "llm",
    "prompt": "Is it late?",
    "value_schema": {"type": "boolean", "description": "Is it late?", "enum": None},
}
BOTH_DESCRIBED: Json = {
    "type": "llm",
    "prompt": "A city",
    "value_schema": {"type": "string", "description": "A city", "enum": None},
}
VARIABLE: Json = {"type": "dynamic_variable", "name": "town"}


def workflow(expression: Json) -> Json:
    """A workflow with an expression on an edge and in a node; nulls stand where they may."""
    condition = {"type": "expression", "expression": expression}
    edge = {"source": "start_node", "target": "note", "forward_condition": condition}
    update = {"type": None, "required": None, "variable_name": "x", "expression": expression}
    node = {"type": "update_state", "label": "Note", "updates": [update]}
    return {"nodes": {"start_node": {"type": "start"}, "note": node}, "edges": {"edge": edge}}


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (ASKED, BOTH_ASKED),
        (ASKED | {"value_schema": None}, BOTH_ASKED),
        (DESCRIBED, BOTH_DESCRIBED),
        (DESCRIBED | {"prompt": None}, BOTH_DESCRIBED),
        (DESCRIBED | {"prompt": "Which?"}, BOTH_DESCRIBED | {"prompt": "Which?"}),
        (
            {"type": "and_operator", "children": [ASKED, VARIABLE]},
            {"type": "and_operator", "children": [BOTH_ASKED, VARIABLE]},
        ),
        (
            {"type": "eq_operator", "left": DESCRIBED, "right": VARIABLE},
            {"type": "eq_operator", "left": BOTH_DESCRIBED, "right": VARIABLE},
        ),
        (
            {
                "type": "conditional_operator",
                "condition": ASKED,
                "trueExpression": VARIABLE,
                "falseExpression": DESCRIBED,
            },
            {
                "type": "conditional_operator",
                "condition": BOTH_ASKED,
                "trueExpression": VARIABLE,
                "falseExpression": BOTH_DESCRIBED,
            },
        ),
    ],
)
async def test_both_spellings_are_answered(
    client: httpx.AsyncClient, sent: Json, answered: Json
) -> None:
    body = {"conversation_config": {}, "workflow": workflow(sent)}
    made = await client.post("/v1/convai/agents/create", json=body)
    assert made.status_code == 200, made.text
    place = f"/v1/convai/agents/{made.json()['agent_id']}"
    found = (await client.get(place)).json()["workflow"]
    assert found["edges"]["edge"]["forward_condition"]["expression"] == answered
    (update,) = found["nodes"]["note"]["updates"]
    assert update["expression"] == answered
    assert (update["type"], update["required"]) == ("dynamic_variable", True)
    again = await client.patch(place, json={"workflow": found})
    assert again.json()["workflow"] == found


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "llm"},
        {"type": "llm", "prompt": None, "value_schema": None},
        {"type": "llm", "prompt": "x", "value_schema": 5},
        {"type": "llm", "prompt": 5, "value_schema": DESCRIBED["value_schema"]},
    ],
)
async def test_what_has_no_good_spelling_is_refused(client: httpx.AsyncClient, wrong: Json) -> None:
    body = {"conversation_config": {}, "workflow": workflow(wrong)}
    assert (await client.post("/v1/convai/agents/create", json=body)).status_code == 422
