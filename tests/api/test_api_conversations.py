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
    assert body["metadata"]["feedback"] == {"rating": 4}
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
        ("search=x", 501),
        ("tool_names=x", 501),
        ("cursor=x", 400),
        ("page_size=1000", 422),
        ("call_start_after_unix=99999999999999999999", 422),
        ("exclude_statuses=odd", 422),
        ("unknown=1", 200),
    ],
)
async def test_what_is_not_served_is_not_ignored(
    client: httpx.AsyncClient, params: str, status: int
) -> None:
    assert (await client.get(f"{PATH}?{params}")).status_code == status


async def test_an_unknown_conversation_has_the_published_answer(client: httpx.AsyncClient) -> None:
    for method, path in [("GET", "no"), ("DELETE", "no"), ("GET", "no/audio"), ("GET", "%20%F0x")]:
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
