"""`/v1/convai/llm/list`."""

import httpx
import pytest
from elevenlabs.client import ElevenLabs

from turnwise.contract import load

PATH = "/v1/convai/llm/list"


@pytest.mark.anyio
async def test_list_llms_has_the_published_shape_and_our_own_model(
    client: httpx.AsyncClient,
) -> None:
    answer = (await client.get(PATH)).json()
    ours, *published = answer["llms"]
    assert ours["llm"] == "turnwise-offline"
    assert [each["llm"] for each in published] == load().shapes["LLM"]["enum"]
    shape = load().operations[f"GET {PATH}"].answer
    assert shape is not None
    assert shape.problems(answer) == []
    assert ours.keys() == published[0].keys()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "is_checkpoint"),
    [
        ("turnwise-offline", False),
        ("gpt-4o", False),
        ("gpt-5.2-chat-latest", False),
        ("claude-sonnet-4-5", False),
        ("claude-3-5-sonnet-v1", False),
        ("gpt-4o-2024-08-06", True),
        ("gpt-4-0613", True),
        ("gemini-2.0-flash-001", True),
        ("gemini-2.5-flash-preview-09-2025", True),
        ("claude-3-haiku@20240307", True),
    ],
)
async def test_a_release_of_a_model_is_a_checkpoint(
    client: httpx.AsyncClient,
    name: str,
    is_checkpoint: bool,  # noqa: FBT001
) -> None:
    found = {each["llm"]: each for each in (await client.get(PATH)).json()["llms"]}
    assert found[name]["is_checkpoint"] == is_checkpoint


def test_the_sdk_lists_models(sdk: ElevenLabs) -> None:
    found = sdk.conversational_ai.llm.list()
    assert found.llms[0].llm == "turnwise-offline"
    assert found.default_deprecation_config.warning_start_days == 0
