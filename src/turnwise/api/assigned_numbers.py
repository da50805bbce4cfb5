"""Phone numbers as clients read them, and those that are assigned to an agent."""

from collections.abc import Mapping
from typing import Any, Final

from turnwise.store import AgentRecord, Record, Transaction

Object = dict[str, Any]

PHONE_NUMBER: Final = "phone_number"
"""The kind of their records: the name is the label, the label the provider, the parent the agent
that is assigned."""


async def numbers_of(tx: Transaction, agent: AgentRecord) -> list[Object]:
    """Return the numbers that are assigned to an agent, the oldest first."""
    records = await tx.records.all(PHONE_NUMBER, parent=agent.agent_id)
    return [shown(each, agent) for each in records]


def shown(record: Record, agent: AgentRecord | None) -> Object:
    """Return a number as clients read it: without its secrets.

    Args:
        record: The number.
        agent: The one that is assigned; None: none is.
    """
    document = record.document
    view: Object = {
        "phone_number_id": record.record_id,
        "provider": record.label,
        "phone_number": document["phone_number"],
        "label": document["label"],
        "supports_inbound": document.get("supports_inbound", True),
        "supports_outbound": document.get("supports_outbound", True),
        "assigned_agent": _assigned(document, agent),
    }
    if record.label != "sip_trunk":
        return view
    outbound = _outbound(document.get("outbound_trunk_config"))
    return view | {
        "provider_config": outbound,
        "outbound_trunk": outbound,
        "inbound_trunk": _inbound(document.get("inbound_trunk_config")),
        "livekit_stack": document.get("livekit_stack") or "standard",
        "store_sip_messages": document.get("store_sip_messages", True),
    }


def _assigned(document: Mapping[str, Any], agent: AgentRecord | None) -> Object | None:
    if agent is None:
        return None
    return {
        "agent_id": agent.agent_id,
        "agent_name": str(agent.document.get("name") or ""),
        "environment": document.get("assigned_environment"),
        "branch_id": document.get("assigned_branch_id"),
    }


def _outbound(trunk: Object | None) -> Object | None:
    if trunk is None:
        return None
    return {
        "address": trunk["address"],
        "transport": trunk["transport"],
        "media_encryption": trunk["media_encryption"],
        "headers": trunk["headers"],
        "attributes_to_headers": trunk["attributes_to_headers"],
        **_credentials(trunk),
        "has_outbound_trunk": True,
        "enabled_codecs": trunk["enabled_codecs"],
    }


def _inbound(trunk: Object | None) -> Object | None:
    if trunk is None:
        return None
    return {
        # no address named: all may call
        "allowed_addresses": trunk["allowed_addresses"] or ["0.0.0.0/0"],
        "allowed_numbers": trunk["allowed_numbers"],
        "media_encryption": trunk["media_encryption"],
        **_credentials(trunk),
        "remote_domains": trunk["remote_domains"],
        "attributes_to_headers": trunk["attributes_to_headers"],
    }


def _credentials(trunk: Object) -> Object:
    credentials = trunk.get("credentials")
    return {
        "has_auth_credentials": credentials is not None,
        "username": credentials["username"] if credentials else None,
    }
