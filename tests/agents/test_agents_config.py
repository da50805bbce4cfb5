from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from turnwise.agents.config import Agent, Prompt, Turn, read_agent, view
from turnwise.base.errors import ShapeError
from turnwise.contract import load

_EMPTY: dict[str, Any] = {"name": "", "conversation_config": {}, "platform_settings": {}}
_BODY = load().operations["POST /v1/convai/agents/create"].body
assert _BODY is not None
DEFAULTS: dict[str, Any] = _BODY.filled(_EMPTY)


def compare(view_of: BaseModel, published: Mapping[str, Any], where: str) -> int:
    """Compare every field both have; return how many there were."""
    count = 0
    for name in type(view_of).model_fields:
        if name not in published:
            continue
        mine, theirs = getattr(view_of, name), published[name]
        path = f"{where}.{name}"
        if isinstance(mine, BaseModel):
            count += compare(mine, theirs, path)
        elif not (isinstance(mine, dict) and not mine):  # an open map: permissions, tools
            # an unset switch is published as null, and off
            assert mine == theirs or (theirs is None and mine is False), path
            count += 1
    return count


def test_what_is_not_stored_has_the_published_default() -> None:
    assert compare(read_agent({}), DEFAULTS, "agent") > 60


def test_published_defaults_can_be_viewed() -> None:
    agent = read_agent(DEFAULTS)
    assert agent.conversation_config.agent.prompt.built_in_tools["end_call"] is None
    assert compare(agent, DEFAULTS, "agent") > 60


def test_a_null_is_the_default() -> None:
    agent = read_agent({"conversation_config": {"turn": {"turn_timeout": None}, "tts": None}})
    assert agent.conversation_config.turn.turn_timeout == 7.0
    assert agent.conversation_config.tts.voice_id == "cjVigY5qzO86Huf0OWal"


def test_a_temperature_of_null_says_nothing_to_the_model() -> None:
    assert view(Prompt, {"temperature": None}).temperature is None
    assert view(Prompt, {}).temperature == 0.0


def test_the_stored_document_is_left_alone_and_what_is_unknown_is_kept() -> None:
    stored = {"conversation_config": {"turn": {"mode": None, "new_field": {"a": None}}}}
    agent = read_agent(stored)
    assert stored == {"conversation_config": {"turn": {"mode": None, "new_field": {"a": None}}}}
    assert agent.conversation_config.turn.model_extra == {"new_field": {"a": None}}


def test_values_newer_than_the_published_ones_are_read() -> None:
    assert view(Turn, {"turn_eagerness": "relaxed"}).turn_eagerness == "relaxed"


def test_a_wrong_type_is_named_by_its_place_without_the_value() -> None:
    with pytest.raises(ShapeError) as caught:
        read_agent({"conversation_config": {"turn": {"turn_timeout": "secret words"}}})
    assert caught.value.where == "conversation_config.turn.turn_timeout"
    assert "secret words" not in str(caught.value)


def test_something_that_is_no_document_is_refused() -> None:
    with pytest.raises(ShapeError):
        view(Agent, ["not", "an", "agent"])
