from typing import Any

import httpx
import pytest
from elevenlabs.types import GetConversationResponseModel, GetConversationsPageResponseModel

from api.api_kit import conversation, error_of
from turnwise.api import Deps
from turnwise.store import journal_key, recording_key

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/conversations"


async def begin(deps: Deps, *documents: dict[str, object]) -> None:
    async with deps.store.writing() as tx:
        for document in documents:
            await tx.conversations.begin(document)


async def test_a_conversation_is_read_in_the_published_shape(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    await begin(deps, conversation(future={"x": None}))
    answer = await client.get(f"{PATH}/conv_1")
    assert answer.status_code == 200
    body = answer.json()
    GetConversationResponseModel.model_validate(body)
    assert body["future"] == {"x": None}
    assert (body["user_message_count"], body["agent_message_count"]) == (1, 1)
    assert (body["has_audio"], body["has_user_audio"]) == (True, False)
    assert body["metadata"]["termination_reason"] == ""
    assert body["metadata"]["feedback"]["rating"] == 4
    assert body["metadata"]["cost_fiat"] is None
    assert body["metadata"]["conversation_initiation_source"] == "unknown"
    first, second = body["transcript"]
    assert first["tool_calls"] == []
    assert (second["new_field"], second["interrupted"]) == ({"kept": None}, True)


async def test_a_running_conversation_is_read_as_far_as_it_got(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    await begin(deps, conversation(status="in-progress", transcript=[], analysis=None))
    body = (await client.get(f"{PATH}/conv_1")).json()
    GetConversationResponseModel.model_validate(body)
    assert (body["status"], body["transcript"], body["analysis"]) == ("in-progress", [], None)
    (row,) = (await client.get(PATH)).json()["conversations"]
    assert (row["call_successful"], row["message_count"]) == ("unknown", 0)


async def test_a_list_is_filtered_and_paged(client: httpx.AsyncClient, deps: Deps) -> None:
    await begin(deps, *(conversation(n, agent=f"agent_{n % 2}") for n in range(1, 6)))
    answer = await client.get(PATH, params={"page_size": 3})
    GetConversationsPageResponseModel.model_validate(answer.json())
    first = answer.json()
    assert [row["conversation_id"] for row in first["conversations"]] == [
        "conv_5",
        "conv_4",
        "conv_3",
    ]
    assert first["has_more"]
    second = (await client.get(PATH, params={"cursor": first["next_cursor"]})).json()
    assert [row["conversation_id"] for row in second["conversations"]] == ["conv_2", "conv_1"]
    assert (second["has_more"], second["next_cursor"]) == (False, None)

    async def ids(**params: str | int | list[str]) -> list[str]:
        found = (await client.get(PATH, params=params)).json()["conversations"]
        return [row["conversation_id"] for row in found]

    assert await ids(agent_id="agent_1") == ["conv_5", "conv_3", "conv_1"]
    assert await ids(call_start_after_unix=1_700_000_004) == ["conv_5"]
    assert await ids(call_start_before_unix=1_700_000_002) == ["conv_1"]
    assert await ids(exclude_statuses=["done"]) == []
    assert await ids(call_duration_min_secs=13) == []
    assert (await ids(sort_direction="asc"))[0] == "conv_1"


async def test_a_row_is_summarised_when_asked(client: httpx.AsyncClient, deps: Deps) -> None:
    await begin(deps, conversation())
    (row,) = (await client.get(PATH)).json()["conversations"]
    assert "transcript_summary" not in row
    assert (row["call_successful"], row["rating"], row["message_count"]) == ("success", 4, 2)
    (row,) = (await client.get(PATH, params={"summary_mode": "include"})).json()["conversations"]
    assert row["transcript_summary"] == "They met."


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ("cursor=x", 400),
        ("rating_min=6", 422),
        ("guardrail_types=odd", 422),
        ("evaluation_params=criterion", 422),
        ("evaluation_params=criterion:odd", 422),
        ("data_collection_params=a:odd:1", 422),
        ("data_collection_params=a:gt:x", 422),
        ("data_collection_filter=a", 422),
        ("dynamic_variable_filter=:eq:1", 422),
        ("page_size=1000", 422),
        ("call_start_after_unix=99999999999999999999", 422),
        ("exclude_statuses=odd", 422),
        ("unknown=1", 200),
    ],
)
async def test_a_bad_filter_is_refused(client: httpx.AsyncClient, params: str, status: int) -> None:
    assert (await client.get(f"{PATH}?{params}")).status_code == status


ANALYSIS = {
    "call_successful": "failure",
    "transcript_summary": "They met.",
    "evaluation_criteria_results": {
        "polite": {
            "criteria_id": "polite",
            "result": "success",
            "rationale": "It was.",
            "score": 3,
        }
    },
    "data_collection_results": {
        "age": {"data_collection_id": "age", "value": 42, "rationale": "Said so."}
    },
}


@pytest.mark.parametrize(
    ("params", "finds"),
    [
        ({"search": "hel"}, True),
        ({"search": "nothing"}, False),
        ({"call_successful": "failure"}, True),
        ({"call_successful": "success"}, False),
        ({"rating_min": 4}, True),
        ({"rating_max": 3}, False),
        ({"has_feedback_comment": True}, False),
        ({"user_id": "u1"}, True),
        ({"user_id": "u2"}, False),
        ({"branch_id": "b1"}, True),
        ({"version_id": "b1"}, False),
        ({"main_languages": ["de", "en"]}, True),
        ({"main_languages": ["de"]}, False),
        ({"tag_ids": ["tag_1"]}, True),
        ({"tag_ids": ["tag_2"]}, False),
        ({"tool_names": ["look"]}, True),
        ({"tool_names_errored": ["look"]}, False),
        ({"evaluation_params": ["polite:success"]}, True),
        ({"evaluation_params": ["polite:failure"]}, False),
        ({"data_collection_params": ["age:gte:42"]}, True),
        ({"data_collection_params": ["age:lt:42"]}, False),
        ({"data_collection_filter": "age:in:1|42"}, True),
        ({"dynamic_variable_params": ["city:eq:Bonn"]}, True),
        ({"dynamic_variable_filter": "city:neq:Bonn"}, False),
        ({"conversation_product_type": "agents"}, True),
        ({"text_only": True}, False),
        ({"termination_reasons": ["odd"]}, False),
        ({"visited_agent_ids": ["agent_2"]}, True),
    ],
)
async def test_get_conversations_is_filtered(
    client: httpx.AsyncClient, deps: Deps, params: dict[str, Any], *, finds: bool
) -> None:
    document = conversation(
        analysis=ANALYSIS,
        user_id="u1",
        branch_id="b1",
        tag_ids=["tag_1"],
        visited_agents=[{"agent_id": "agent_1"}, {"agent_id": "agent_2"}],
        conversation_initiation_client_data={"dynamic_variables": {"city": "Bonn"}},
    )
    call = {"request_id": "r", "tool_name": "look", "params_as_json": "{}", "type": "webhook"}
    document["transcript"][0] |= {
        "tool_calls": [{**call, "tool_has_been_called": True}],
        "tool_results": [
            {
                "request_id": "r",
                "tool_name": "look",
                "result_value": "x",
                "is_error": False,
                "tool_has_been_called": True,
            }
        ],
    }
    await begin(deps, document)
    answer = await client.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    assert bool(answer.json()["conversations"]) is finds


async def test_a_row_has_the_results_that_are_asked_for(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    await begin(deps, conversation(analysis=ANALYSIS))
    (row,) = (await client.get(PATH)).json()["conversations"]
    assert "evaluation_criteria_results" not in row
    params = {"evaluation_criteria_ids": ["polite", "x"], "data_collection_ids": ["age", "x"]}
    (row,) = (await client.get(PATH, params=params)).json()["conversations"]
    polite = {"result": "success", "score": 3, "max_score": None}
    assert row["evaluation_criteria_results"] == {"polite": polite}
    assert row["data_collection_results"] == {"age": 42}


async def test_get_summary_has_the_messages_of_a_short_conversation(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    document = conversation()
    document["transcript"].append(
        {
            "role": "user",
            "message": "context",
            "time_in_call_secs": 4,
            "contextual_update_info": {"context_id": "c", "is_superseded": False},
        }
    )
    await begin(deps, document)
    body = (await client.get(f"{PATH}/conv_1/summary")).json()
    assert body["messages"] == [
        {"role": "agent", "message": "Hello"},
        {"role": "user", "message": "Bye"},
    ]
    assert (body["message_count"], body["messages_omitted"]) == (2, False)
    assert (body["transcript_summary"], body["call_successful"]) == ("They met.", "success")
    body = (await client.get(f"{PATH}/conv_1/summary", params={"max_messages": 1})).json()
    assert (body["messages"], body["messages_omitted"], body["message_count"]) == (None, True, 2)


async def test_resolve_finds_a_conversation_by_an_address_with_its_id(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    await begin(deps, conversation(conversation_id="conv_1a"))
    for reference, agent, status in [
        ("https://console.example/calls/conv_1a?tab=x", "agent_1", 200),
        ("conv_1a", "agent_1", 200),
        ("conv_1a", "agent_2", 404),
        ("https://x.slack.com/archives/C1/p1", "agent_1", 404),
    ]:
        params = {"agent_id": agent, "reference": reference}
        answer = await client.get(f"{PATH}/resolve", params=params)
        assert answer.status_code == status
        if status == 200:
            assert answer.json()["conversation_id"] == "conv_1a"
    assert (await client.get(f"{PATH}/resolve")).status_code == 422


async def test_sip_messages_are_none(client: httpx.AsyncClient, deps: Deps) -> None:
    await begin(deps, conversation())
    assert (await client.get(f"{PATH}/conv_1/sip-messages")).json()["sip_messages"] == []


async def test_what_is_not_served_says_so(client: httpx.AsyncClient, deps: Deps) -> None:
    await begin(deps, conversation())
    for method, path in [
        ("POST", "conv_1/analysis/run"),
        ("GET", "messages/smart-search?text_query=x"),
        ("GET", "messages/text-search?text_query=x&summary_mode=include"),
    ]:
        assert (await client.request(method, f"{PATH}/{path}")).status_code == 501


async def test_a_clients_own_name_for_itself_breaks_no_answer(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    document = conversation()
    document["metadata"]["conversation_initiation_source"] = "my own client"
    told = {"source": "my own client", "version": "7"}
    document["conversation_initiation_client_data"] = {"source_info": told}
    await begin(deps, document)
    body = (await client.get(f"{PATH}/conv_1")).json()
    assert body["metadata"]["conversation_initiation_source"] == "unknown"
    shown = body["conversation_initiation_client_data"]["source_info"]
    assert shown == {"source": "unknown", "version": "7"}


async def test_an_unknown_conversation_has_the_published_answer(client: httpx.AsyncClient) -> None:
    for method, path in [
        ("GET", "no"),
        ("DELETE", "no"),
        ("GET", "no/audio"),
        ("GET", "no/summary"),
        ("GET", "no/sip-messages"),
        ("GET", "%20%F0x"),
    ]:
        answer = await client.request(method, f"{PATH}/{path}")
        assert answer.status_code == 404
        detail = error_of(answer)
        assert detail["type"] == "not_found"
        assert detail["code"] == "conversation_not_found"
        assert detail["status"] == "conversation_history_not_found"


async def test_traces_are_not_pretended(client: httpx.AsyncClient, deps: Deps) -> None:
    await begin(deps, conversation())
    answer = await client.get(f"{PATH}/conv_1", params={"format": "opentelemetry"})
    assert answer.status_code == 501


async def test_a_deleted_conversation_leaves_nothing_behind(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    await begin(deps, conversation())
    for key in [recording_key("conv_1"), journal_key("conv_1")]:
        await deps.blobs.put(key, b"x")
    assert (await client.delete(f"{PATH}/conv_1")).status_code == 200
    assert (await client.get(f"{PATH}/conv_1")).status_code == 404
    assert await deps.blobs.get(recording_key("conv_1")) is None
    assert await deps.blobs.get(journal_key("conv_1")) is None


async def test_the_recording_is_sent_as_it_is_stored(
    client: httpx.AsyncClient, deps: Deps, sound: bytes
) -> None:
    await begin(deps, conversation())
    answer = await client.get(f"{PATH}/conv_1/audio")
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "audio_not_found"
    await deps.blobs.put(recording_key("conv_1"), sound)
    answer = await client.get(f"{PATH}/conv_1/audio")
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(len(sound))
    assert answer.content == sound


async def test_the_recording_is_sent_as_mp3_to_who_asks(
    client: httpx.AsyncClient, deps: Deps, sound: bytes
) -> None:
    pytest.importorskip("lameenc")
    await begin(deps, conversation())
    await deps.blobs.put(recording_key("conv_1"), sound)
    answer = await client.get(f"{PATH}/conv_1/audio", headers={"accept": "audio/mpeg"})
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.content[0] == 0xFF
    assert answer.content[1] & 0xE0 == 0xE0
    assert 6_000 < len(answer.content) < 12_000  # a second at 64 kbit/s
    await deps.blobs.put(recording_key("conv_1"), b"no RIFF")
    answer = await client.get(f"{PATH}/conv_1/audio", headers={"accept": "audio/mpeg"})
    assert (answer.headers["content-type"], answer.content) == ("audio/wav", b"no RIFF")
