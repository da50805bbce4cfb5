"""A phone number: what is stored of it, what is sealed, and what clients get to see."""

import json
from collections.abc import Mapping
from typing import Any, Final

from turnwise.store import AgentRecord, Record, Vault

Object = dict[str, Any]

PHONE_NUMBER: Final = "phone_number"
"""The kind of their records: the name is the label, the label the provider, the parent the agent
that is assigned."""
PREFIX: Final = "phnum_"

_SECRET = frozenset({"token", "account_auth_token", "api_key", "api_token"})
_TRUNKS = ("inbound_trunk_config", "outbound_trunk_config")
_BESIDE = frozenset({"agent_id", "branch_id", "environment"})
_SEALED = "sealed"
"""Key of a stored document: all secrets of the number, as one sealed text."""


def stored(filled: Object, vault: Vault) -> Object:
    """Return what is stored of a new number: its secrets are sealed."""
    known = {key: value for key, value in filled.items() if key not in _BESIDE}
    return _sealed(known, {}, vault)


def changed(document: Object, changes: Object, vault: Vault) -> Object:
    """Return a stored number with changes, of which those that are null say nothing."""
    secrets = opened(document, vault)
    told = {key: value for key, value in changes.items() if value is not None}
    for key in told.keys() & set(_TRUNKS):
        secrets.pop(key, None)
    known = {**document, **{key: value for key, value in told.items() if key not in _BESIDE}}
    return _sealed(known, secrets, vault)


def opened(document: Mapping[str, Any], vault: Vault) -> Object:
    """Return the secrets of a stored number: by field, and the password of each trunk.

    Raises:
        SecretSealed: If they were sealed with another key.
    """
    sealed = document.get(_SEALED)
    secrets: Object = json.loads(vault.open(sealed)) if sealed else {}
    return secrets


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


def _sealed(known: Object, secrets: Object, vault: Vault) -> Object:
    kept = {key: value for key, value in known.items() if key not in _SECRET | {_SEALED}}
    secrets = secrets | {key: known[key] for key in _SECRET if known.get(key) is not None}
    region = kept.get("region_config")
    if region and "token" in region:
        secrets["region_config"] = region["token"]
        kept["region_config"] = {key: value for key, value in region.items() if key != "token"}
    for trunk in _TRUNKS:
        credentials = (kept.get(trunk) or {}).get("credentials")
        if credentials and credentials.get("password") is not None:
            secrets[trunk] = credentials["password"]
            bare = {key: value for key, value in credentials.items() if key != "password"}
            kept[trunk] = {**kept[trunk], "credentials": bare}
    if secrets:
        kept[_SEALED] = vault.seal(json.dumps(secrets))
    return kept


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
