"""Which version of an agent a client gets to talk to, by how it came in."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.websockets import WebSocket

from turnwise.agents.versions import snapshot_of
from turnwise.gateway.doors import Doors, Refused
from turnwise.store import AgentRecord, Grant, Signer, Store, open_signer, open_store
from turnwise.store.histories import TIP, History
from turnwise.wire.client_messages import ConversationInitiationClientData
from turnwise.wire.errors import WireError

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path, fixed_key="sk")
    yield made
    await made.close()


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return open_signer(tmp_path)


class House:
    """An agent with a branch, and the door to it."""

    def __init__(self, store: Store, signer: Signer, agent: AgentRecord, branch_id: str) -> None:
        self.agent = agent
        self.main_id = str(agent.document["branch_id"])
        self.branch_id = branch_id
        self.signer = signer
        self.store = store
        self._doors = Doors(store, signer)

    async def enter(self, init: Json | None = None, *, call: str = "conv_1", **query: str) -> Json:
        address = urlencode({"agent_id": self.agent.agent_id} | query)
        socket = WebSocket(
            {"type": "websocket", "query_string": address.encode(), "headers": []}, _none, _none
        )
        door = await self._doors.enter(socket)
        first = ConversationInitiationClientData.model_validate(init or {})
        return await self._doors.document(door, first, call)

    async def says(self, init: Json | None = None, **query: str) -> str:
        document = await self.enter(init, **query)
        return str(document["conversation_config"]["agent"]["first_message"])

    async def split(self, **shares: float) -> None:
        async with self.store.writing() as tx:
            await History(tx.records, self.agent.agent_id).deploy(shares, "manual")

    def signature(self, **grant: str) -> str:
        return self.signer.sign(Grant(agent_id=self.agent.agent_id, **grant))


async def _none(*_: object) -> Any:  # noqa: ANN401
    raise AssertionError("nothing is sent or received here")


def says(text: str, **auth: object) -> Json:
    return {
        "name": "a",
        "conversation_config": {"agent": {"first_message": text}},
        "platform_settings": {"auth": auth, "widget": {}},
    }


@pytest.fixture
async def house(store: Store, signer: Signer) -> House:
    async with store.writing() as tx:
        agent = await tx.agents.create(says("main"))
        history = History(tx.records, agent.agent_id)
        place: Json = {}
        branch_id = ""
        for text in ("main", "branch"):
            branch_id = (await history.start_branch(text, {})).record_id
            told = {"branch_id": branch_id, "parents": {}}
            version = await history.add_version(branch_id, told, snapshot_of(says(text)))
            await tx.records.replace("branch", branch_id, {TIP: version.record_id})
            place = place or {
                "version_id": version.record_id,
                "branch_id": branch_id,
                "main_branch_id": branch_id,
            }
        stored = await tx.agents.replace(agent.agent_id, says("main") | place)
    assert stored is not None
    return House(store, signer, stored, branch_id)


async def test_who_asks_for_nothing_talks_to_main(house: House) -> None:
    document = await house.enter()
    assert document["agent_id"] == house.agent.agent_id
    assert document["branch_id"] == house.main_id
    assert document["version_id"] == house.agent.document["version_id"]
    assert document["conversation_config"]["agent"]["first_message"] == "main"


async def test_a_branch_can_be_asked_for(house: House) -> None:
    document = await house.enter(branch_id=house.branch_id)
    assert document["branch_id"] == house.branch_id
    assert document["agent_id"] == house.agent.agent_id
    assert document["conversation_config"]["agent"]["first_message"] == "branch"
    version_id = document["version_id"]
    assert await house.says({"branch_id": house.branch_id}) == "branch"
    assert await house.says(version_id=version_id) == "branch"
    assert await house.says(branch_id=house.main_id, version_id=version_id) == "branch"
    assert await house.says({"branch_id": house.branch_id}, branch_id=house.main_id) == "main"


async def test_a_signature_says_which_version_it_is_for(house: House) -> None:
    signed = house.signature(branch_id=house.branch_id)
    assert await house.says(conversation_signature=signed) == "branch"
    main = str(house.agent.document["version_id"])
    others: list[Json] = [{"branch_id": house.main_id}, {"version_id": main}]
    for other in others:
        assert await house.says(conversation_signature=signed, **other) == "branch"
    plain = house.signature()
    assert await house.says(conversation_signature=plain, branch_id=house.branch_id) == "branch"


@pytest.mark.parametrize("query", [{"branch_id": "agtbrch_x"}, {"version_id": "agtvrsn_x"}])
async def test_what_the_agent_does_not_have_is_refused(house: House, query: Json) -> None:
    with pytest.raises(WireError, match="has no"):
        await house.enter(**query)


async def test_branches_share_the_traffic_and_users_stay_where_they_are(house: House) -> None:
    await house.split(**{house.main_id: 50, house.branch_id: 50})
    heard = [await house.says(call=f"conv_{number}") for number in range(60)]
    again = [await house.says(call=f"conv_{number}") for number in range(60)]
    assert heard == again
    assert min(Counter(heard)["main"], Counter(heard)["branch"]) > 10
    for user in ("ada", "bob"):
        calls = {await house.says({"user_id": user}, call=f"conv_{n}") for n in range(5)}
        assert len(calls) == 1
    assert await house.says(branch_id=house.branch_id) == "branch"


async def test_only_the_newest_split_is_in_force(house: House) -> None:
    await house.split(**{house.branch_id: 100})
    assert await house.says() == "branch"
    await house.split(**{house.main_id: 100})
    assert await house.says() == "main"


async def test_a_shared_link_opens_a_closed_agent(house: House, store: Store) -> None:
    closed = says("main", enable_auth=True, shareable_token="open-sesame")  # noqa: S106
    async with store.writing() as tx:
        await tx.agents.replace(house.agent.agent_id, closed)
    assert await house.says(conversation_signature="open-sesame") == "main"
    bad: list[Json] = [{}, {"conversation_signature": "x"}, {"token": ""}]
    for wrong in bad:
        with pytest.raises(Refused):
            await house.enter(**wrong)
