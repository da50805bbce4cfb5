"""A phone number: what is stored of it, and what of that is sealed."""

import json
from collections.abc import Mapping
from typing import Any

from turnwise.store import Vault

Object = dict[str, Any]

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
