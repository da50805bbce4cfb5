"""What the model of a stored agent would be told, without a conversation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnwise.agents.config import read_agent
from turnwise.agents.prompt import Part
from turnwise.base.errors import Error
from turnwise.gateway.facts import environment_facts, platform_facts
from turnwise.gateway.handshake import (
    Installation,
    Supplies,
    informed,
    prepare,
    stored_documents,
)
from turnwise.knowledge.library import Library
from turnwise.runtime.choice import Wanted, chosen
from turnwise.runtime.configured import PRODUCTION, Configured
from turnwise.runtime.stored_tools import stored_tools
from turnwise.store import Store
from turnwise.wire.client_messages import ConversationInitiationClientData

ID = "conv_rehearsal"


class NoSuchAgent(Error):
    """There is no agent with this id."""

    code = "agent_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a conversation would begin with."""

    branch_id: str | None = None
    """None: main, however the traffic is shared."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """By the client; placeholders stand in for those it does not give."""
    environment: str = PRODUCTION
    text_only: bool = False
    language: str | None = None
    """None: the agent's own."""
    words: str = ""
    """Of the user: what fits them is looked up."""


async def rehearsed(store: Store, agent_id: str, rehearsal: Rehearsal) -> tuple[Part, ...]:
    """Return the parts of the system prompt.

    Raises:
        NoSuchAgent, NoSuchVersion, MissingVariables, ShapeError: If there would be none.
    """
    async with store.reading() as tx:
        record = await tx.agents.get(agent_id)
        if record is None:
            raise NoSuchAgent(f"There is no agent {agent_id!r}.")
        branch_id = rehearsal.branch_id or record.document.get("branch_id")
        document = await chosen(tx, record, Wanted(branch_id=branch_id))
    text = {"conversation": {"text_only": True}} if rehearsal.text_only else {}
    init = ConversationInitiationClientData(
        dynamic_variables=dict(rehearsal.variables), conversation_config_override=text
    )
    configured = Configured(store=store, vault=None, environment=rehearsal.environment)
    config = read_agent(document).conversation_config
    prepared = prepare(
        document,
        init,
        platform_facts(document, ID, given=rehearsal.variables, text_only=rehearsal.text_only),
        Installation(permissive=True),
        Supplies(
            tools=await stored_tools(store, config.agent.prompt.tool_ids),
            environment=await environment_facts(document, configured),
            language=rehearsal.language,
        ),
    )
    told = prepared.config
    shelf = await Library().shelf(store, stored_documents(told), told.agent.prompt.rag)
    return informed(prepared, shelf).brief.parts(rehearsal.words)
