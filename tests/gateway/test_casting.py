"""What goes along when one agent hands over to another."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnwise.agents.config import Prompt, view
from turnwise.agents.variables import Variables
from turnwise.gateway.casting import Cast, House, Meeting
from turnwise.gateway.custom_llm import CustomLlms
from turnwise.gateway.handshake import Installation, Prepared
from turnwise.outgoing import Outgoing, Policy
from turnwise.outgoing.mcp_servers import load_ahead, load_sdk
from turnwise.runtime.mcp_servers import are_wanted, stored_servers
from turnwise.runtime.persona import CannotTakeOver, LacksVariables, Persona
from turnwise.runtime.tool_values import Tokens
from turnwise.store import Store, open_store, open_vault
from turnwise.tools.mcp import McpClient
from turnwise.tools.ports import ToolFailed
from turnwise.tools.webhook import WebhookTools
from turnwise.wire.client_messages import ConversationInitiationClientData
from turnwise.wire.errors import WireError

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
    with pytest.raises(LacksVariables, match=r"first message: \{'town'\}"):
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


@pytest.mark.parametrize(
    ("allowed", "servers", "wanted"), [(True, 1, True), (True, 0, False), (False, 1, False)]
)
async def test_what_servers_need_is_loaded_ahead_only_where_they_are_used(
    store: Store, *, allowed: bool, servers: int, wanted: bool
) -> None:
    assert not await are_wanted(store)
    async with store.writing() as tx:
        await tx.records.create("settings", {"can_use_mcp_servers": allowed}, record_id="only")
        for _ in range(servers):
            await tx.records.create("mcp_server", {"config": {"name": "own"}}, prefix="mcp_")
    assert await are_wanted(store) is wanted


async def test_loading_ahead_keeps_nobody_waiting() -> None:
    began = time.monotonic()
    load_ahead()
    assert time.monotonic() - began < 0.5
    await asyncio.to_thread(load_sdk)  # waits for the same lock
    assert "mcp" in sys.modules


class Bringing:
    """A conversation whose agent the client brings along."""

    def __init__(self, store: Store, folder: Path, enclave_agents: str) -> None:
        vault, outgoing = open_vault(folder), Outgoing(Policy())
        self.house = House(
            store=store,
            installation=Installation(enclave_agents=enclave_agents),
            custom_llms=CustomLlms(store, vault, outgoing),
            outgoing=outgoing,
            vault=vault,
            tokens=Tokens(outgoing, lambda: 0.0),
        )
        init = ConversationInitiationClientData()
        meeting = Meeting(conversation_id="conv_1", init=init, open_to_client=True)
        self.cast = Cast(self.house, meeting)

    async def begun(self, **prompt: object) -> Prepared:
        document = {"agent_id": "own", **speaking("own", prompt={"prompt": "Hi.", **prompt})}
        return await self.cast.first(document)

    async def value(self, value: object) -> str:
        """What a webhook of the agent would send for a value of its definition."""
        webhooks = self.cast.toolkit(McpClient()).runners["webhook"]
        assert isinstance(webhooks, WebhookTools)
        return await webhooks._values.text(value, Variables())


async def stored_in(store: Store, folder: Path) -> Json:
    """Store one of everything that an agent may refer to; return their ids."""
    sealed = open_vault(folder).seal("hush")
    hook = {"type": "webhook", "name": "order", "api_schema": {"url": "https://shop.example"}}
    async with store.writing() as tx:
        tool = await tx.records.create("tool", {"tool_config": hook}, name="order")
        secret = await tx.records.create("secret", {"sealed": sealed}, name="key")
        known = {"type": "text", "name": "Prices", "id": ""}
        document = await tx.records.create("knowledge_base", known, name="Prices")
        agent_id = (await tx.agents.create(speaking("second"))).agent_id
    return {
        "tool": tool.record_id,
        "secret": {"secret_id": secret.record_id},
        "document": {"type": "text", "name": "Prices", "id": document.record_id},
        "agent": agent_id,
    }


async def test_an_agent_that_is_brought_along_is_held_apart(store: Store, tmp_path: Path) -> None:
    ids = await stored_in(store, tmp_path)
    bringing = Bringing(store, tmp_path, "apart")
    prepared = await bringing.begun(tool_ids=[ids["tool"]], knowledge_base=[ids["document"]])
    assert prepared.tools == ()
    assert f"there is no tool {ids['tool']}" in prepared.warnings
    assert any("no documents" in warning for warning in prepared.warnings)
    for value in (ids["secret"], {"env_var_label": "x"}, "https://{{system__env_x}}"):
        with pytest.raises(ToolFailed, match="brings along"):
            await bringing.value(value)
    persona = bringing.cast.persona(prepared)
    with pytest.raises(CannotTakeOver, match="brings along"):
        await bringing.cast.transferred({"agent_id": ids["agent"]}, persona, Variables())
    custom = {"url": "https://models.example", "api_key": ids["secret"]}
    with pytest.raises(WireError, match="brings along"):
        await Bringing(store, tmp_path, "apart").begun(llm="custom-llm", custom_llm=custom)


async def test_it_may_use_what_is_stored_where_the_operator_says_so(
    store: Store, tmp_path: Path
) -> None:
    ids = await stored_in(store, tmp_path)
    bringing = Bringing(store, tmp_path, "full")
    prepared = await bringing.begun(tool_ids=[ids["tool"]])
    assert [tool.name for tool in prepared.tools] == ["order"]
    assert await bringing.value(ids["secret"]) == "hush"
    persona = bringing.cast.persona(prepared)
    heir = await bringing.cast.transferred({"agent_id": ids["agent"]}, persona, Variables())
    assert heir.voice.voice == "second"


async def test_it_is_refused_where_the_operator_wants_none(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WireError, match="no agents that clients bring along"):
        await Bringing(store, tmp_path, "off").begun()
