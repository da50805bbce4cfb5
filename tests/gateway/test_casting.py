"""What goes along when one agent hands over to another."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnwise.agents.config import Prompt, view
from turnwise.gateway.casting import Cast, House, Meeting
from turnwise.gateway.custom_llm import CustomLlms
from turnwise.gateway.handshake import Installation
from turnwise.outgoing import Outgoing, Policy
from turnwise.runtime.mcp_servers import stored_servers
from turnwise.runtime.persona import CannotTakeOver, Persona
from turnwise.store import Store, open_store
from turnwise.wire.client_messages import ConversationInitiationClientData

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield made
    await made.close()


def speaking(voice_id: str, text: str = "", **agent: object) -> Json:
    told = {"first_message": text, **agent}
    return {"name": "a", "conversation_config": {"tts": {"voice_id": voice_id}, "agent": told}}


class Handing:
    """A conversation that began with one agent, and another that is stored."""

    def __init__(self, store: Store, agent_id: str, **init: object) -> None:
        self.agent_id = agent_id
        llms = CustomLlms(store, None, Outgoing(Policy()))
        house = House(store=store, installation=Installation(permissive=True), custom_llms=llms)
        first = ConversationInitiationClientData.model_validate(init)
        self._cast = Cast(house, Meeting(conversation_id="conv_1", init=first))

    async def over(self, **transfer: object) -> Persona:
        begun = await self._cast.first({**speaking("first"), "agent_id": "agent_first"})
        present, variables = self._cast.persona(begun), self._cast.variables.now()
        named = {"agent_id": self.agent_id, **transfer}
        return await self._cast.transferred(named, present, variables)


@pytest.fixture
async def other(store: Store) -> str:
    async with store.writing() as tx:
        return (await tx.agents.create(speaking("second", "From {{town}}"))).agent_id


OVERRIDE: Json = {"tts": {"voice_id": "clients", "speed": 1.1}}


async def test_an_agent_that_takes_over_speaks_in_its_own_voice(store: Store, other: str) -> None:
    handing = Handing(
        store, other, conversation_config_override=OVERRIDE, dynamic_variables={"town": "Oslo"}
    )
    persona = await handing.over()
    assert (persona.voice.voice, persona.voice.speed) == ("second", 1.0)
    assert persona.first_message == "From Oslo"


async def test_the_clients_voice_goes_along_where_the_transfer_says_so(
    store: Store, other: str
) -> None:
    given = {"town": "Oslo"}
    handing = Handing(store, other, conversation_config_override=OVERRIDE, dynamic_variables=given)
    persona = await handing.over(preserve_client_tts_overrides=True)
    assert (persona.voice.voice, persona.voice.speed) == ("clients", 1.1)


async def test_the_voice_goes_along_where_the_transfer_says_so(store: Store, other: str) -> None:
    handing = Handing(store, other, dynamic_variables={"town": "Oslo"})
    assert (await handing.over(preserve_voice_settings=True)).voice.voice == "first"


async def test_a_transfer_to_a_node_leads_to_no_agent(store: Store, other: str) -> None:
    with pytest.raises(CannotTakeOver):
        await Handing(store, other).over(is_workflow_node_transfer=True)


async def test_a_transfer_may_name_a_branch(store: Store, other: str) -> None:
    with pytest.raises(CannotTakeOver, match="agtbrch_x"):
        await Handing(store, other).over(branch_id="agtbrch_x")


async def test_an_agent_that_lacks_a_variable_cannot_take_over(store: Store, other: str) -> None:
    with pytest.raises(CannotTakeOver, match=r"first message: \{'town'\}"):
        await Handing(store, other).over()


async def test_the_servers_of_an_agent_are_those_its_prompt_names(store: Store) -> None:
    async with store.writing() as tx:
        await tx.records.create("settings", {"can_use_mcp_servers": True}, record_id="only")
        for name in ("own", "native"):
            await tx.records.create("mcp_server", {"config": {"name": name}}, record_id=name)
    named = {"mcp_server_ids": ["own", "gone"], "native_mcp_server_ids": ["native"]}
    servers, problems = await stored_servers(store, view(Prompt, named), ())
    kinds = {each.server_id: each.integration_type for each in servers}
    assert kinds == {"own": "mcp_server", "native": "mcp_integration"}
    assert problems == ["there is no MCP server gone"]
