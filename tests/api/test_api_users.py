import httpx
import pytest

from api.api_kit import conversation
from turnwise.api import Deps

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/users"


@pytest.fixture(autouse=True)
async def begun(deps: Deps) -> None:
    users = {1: "ann", 2: "bob", 3: "ann", 4: None, 5: "cem"}
    async with deps.store.writing() as tx:
        for number, user_id in users.items():
            agent = f"agent_{number % 2}"
            await tx.conversations.begin(conversation(number, user_id=user_id, agent=agent))


async def ids(client: httpx.AsyncClient, **params: str | int) -> list[str]:
    answer = await client.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    return [user["user_id"] for user in answer.json()["users"]]


async def test_get_users_counts_their_conversations(client: httpx.AsyncClient) -> None:
    (ann,) = (await client.get(PATH, params={"search": "ann"})).json()["users"]
    assert ann["conversation_count"] == 2
    assert ann["first_contact_unix_secs"] == 1_700_000_001
    assert ann["last_contact_unix_secs"] == 1_700_000_003
    assert ann["last_contact_conversation_id"] == "conv_3"
    assert ann["last_contact_agent_id"] == "agent_1"
    assert ann["sentiment"]["scored_conversation_count"] == 0


async def test_get_users_is_sorted_filtered_and_paged(client: httpx.AsyncClient) -> None:
    assert await ids(client) == ["cem", "ann", "bob"]
    assert await ids(client, sort_direction="asc") == ["bob", "ann", "cem"]
    assert await ids(client, sort_by="conversation_count") == ["ann", "bob", "cem"]
    assert await ids(client, agent_id="agent_0") == ["bob"]
    assert await ids(client, call_start_after_unix=1_700_000_003) == ["cem"]
    assert await ids(client, search="an") == []
    page = (await client.get(PATH, params={"page_size": 2})).json()
    assert page["has_more"]
    assert await ids(client, page_size=2, cursor=page["next_cursor"]) == ["bob"]


@pytest.mark.parametrize(
    ("params", "status"),
    [("sort_by=average_sentiment_score", 501), ("cursor=x", 400), ("page_size=0", 422)],
)
async def test_a_bad_request_for_users_is_refused(
    client: httpx.AsyncClient, params: str, status: int
) -> None:
    assert (await client.get(f"{PATH}?{params}")).status_code == status
