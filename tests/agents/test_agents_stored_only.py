from typing import Any

import pytest

from turnwise.agents.stored_only import STORED_ONLY, without_effect
from turnwise.contract import load

_TRANSFER = {"phone_number": "+1", "condition": "c", "transfer_type": "conference"}


def agent(**prompt: object) -> dict[str, Any]:
    return {"conversation_config": {"agent": {"prompt": prompt}}}


def test_a_new_agent_has_none() -> None:
    body = load().operations["POST /v1/convai/agents/create"].body
    assert body is not None
    document = body.filled({"name": "", "conversation_config": {}, "platform_settings": {}})
    assert without_effect(document) == ()
    assert without_effect({}) == ()


def test_what_is_set_is_named_by_its_place() -> None:
    document = agent(service_tier="fast", rag={"num_candidates": 3, "embedding_model": "other"})
    document["conversation_config"]["tts"] = {"audio_effects": {"filter": "radio"}}
    assert without_effect(document) == (
        "conversation_config.agent.prompt.rag.embedding_model",
        "conversation_config.agent.prompt.rag.num_candidates",
        "conversation_config.tts.audio_effects",
    )


@pytest.mark.parametrize("value", [None, "", [], {}, False])
def test_nothing_is_not_set(value: object) -> None:
    assert without_effect(agent(rag={"num_candidates": value})) == ()


def test_tools_of_a_list_and_built_in_ones_are_looked_into() -> None:
    tools = [{"params": {"transfers": [_TRANSFER, {**_TRANSFER, "transfer_type": "blind"}]}}]
    place = "params.transfers[].transfer_type"
    assert without_effect(agent(tools=tools)) == (
        f"conversation_config.agent.prompt.tools[].{place}",
    )
    built_in = {"transfer_to_number": tools[0], "end_call": None}
    named = f"conversation_config.agent.prompt.built_in_tools{{}}.{place}"
    assert without_effect(agent(built_in_tools=built_in)) == (named,)
    assert without_effect(agent(tools="odd", built_in_tools=[])) == ()


def test_each_says_why() -> None:
    assert all(STORED_ONLY.values())
