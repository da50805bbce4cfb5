import httpx
import pytest

from api.api_kit import conversation
from turnwise.api import Deps

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/conversations/messages/text-search"


def said(number: int, *messages: str | None, agent: str = "agent_1") -> dict[str, object]:
    turns = [{"role": "user", "message": text, "time_in_call_secs": 0} for text in messages]
    return conversation(number, agent=agent, transcript=turns)


@pytest.fixture(autouse=True)
async def begun(deps: Deps) -> None:
    async with deps.store.writing() as tx:
        for document in (
            said(1, "I want my money back", "The refund, please", None),
            said(2, "Money for nothing", "Back to the money", agent="agent_2"),
            said(3, "Hello"),
        ):
            await tx.conversations.begin(document)


async def found(client: httpx.AsyncClient, **params: str | int) -> list[tuple[str, int]]:
    answer = await client.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    return [(hit["conversation_id"], hit["transcript_index"]) for hit in answer.json()["results"]]


async def test_text_search_finds_messages_the_best_first(client: httpx.AsyncClient) -> None:
    assert await found(client, text_query="MONEY back") == [
        ("conv_1", 0),
        ("conv_2", 1),
        ("conv_2", 0),
    ]
    assert await found(client, text_query="money back", sort_by="created_at") == [
        ("conv_2", 0),
        ("conv_2", 1),
        ("conv_1", 0),
    ]
    assert await found(client, text_query="refun") == [("conv_1", 1)]
    assert await found(client, text_query="funds") == []
    assert await found(client, text_query="money", agent_id="agent_1") == [("conv_1", 0)]
    assert await found(client, text_query="money", call_start_after_unix=1_700_000_001) == [
        ("conv_2", 0),
        ("conv_2", 1),
    ]


async def test_a_hit_says_what_was_found(client: httpx.AsyncClient) -> None:
    (hit,) = (await client.get(PATH, params={"text_query": "refund"})).json()["results"]
    assert hit["chunk_text"] == "The refund, please"
    assert hit["chunk_highlights"] == [
        {"value": "The ", "is_hit": False},
        {"value": "refund", "is_hit": True},
        {"value": ", please", "is_hit": False},
    ]
    assert hit["conversation_start_time_unix_secs"] == 1_700_000_001


async def test_text_search_is_paged(client: httpx.AsyncClient) -> None:
    params: dict[str, str | int] = {"text_query": "money", "page_size": 2}
    first = (await client.get(PATH, params=params)).json()
    assert (len(first["results"]), first["has_more"]) == (2, True)
    assert first["meta"]["total"] == 3
    last = (await client.get(PATH, params={**params, "cursor": first["next_cursor"]})).json()
    assert (len(last["results"]), last["has_more"], last["next_cursor"]) == (1, False, None)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ("", 422),
        ("text_query=", 422),
        ("text_query=%3F%21", 422),
        ("text_query=x&page_size=51", 422),
        ("text_query=x&cursor=-1", 400),
        ("text_query=x&cursor=9999999999", 400),
        ("text_query=x&sort_by=odd", 422),
    ],
)
async def test_a_bad_search_is_refused(client: httpx.AsyncClient, params: str, status: int) -> None:
    assert (await client.get(f"{PATH}?{params}")).status_code == status
