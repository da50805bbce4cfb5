"""What an environment variable is: a label, a type, and a value for each environment."""

import re
from collections.abc import Mapping
from typing import Any

from turnwise.api.errors import Malformed
from turnwise.api.identity import USER_ID, WORKSPACE_ID
from turnwise.api.references import uses_of
from turnwise.runtime.configured import PRODUCTION
from turnwise.store import Record, Reference

Object = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LOCATORS = {"secret": "secret_id", "auth_connection": "auth_connection_id"}


def created(body: Object) -> Object:
    """Return the document of a new variable.

    Args:
        body: In the published shape.

    Raises:
        Malformed: If its label cannot stand in a placeholder, or it has no value for production.
    """
    check_name("label", body["label"])
    for environment in body["values"]:
        check_name("environment", environment)
    if PRODUCTION not in body["values"]:
        raise Malformed(f"values needs a value for {PRODUCTION!r}.")
    return body


def changed(document: Object, values: Mapping[str, Any]) -> Object:
    """Return the document of a variable with other values; null takes one away.

    Args:
        document: The variable.
        values: The new values by environment; those of other environments stay.

    Raises:
        Malformed: If a value is of another type, or production would be left without one.
    """
    for environment, value in values.items():
        check_name("environment", environment)
        if value is None and environment == PRODUCTION:
            raise Malformed(f"The value for {PRODUCTION!r} cannot be removed.")
        if value is not None and not _fits(document["type"], value):
            raise Malformed(f"The variable is of type {document['type']!r}; another was sent.")
    merged = document["values"] | values
    return document | {"values": {name: each for name, each in merged.items() if each is not None}}


def check_name(what: str, name: str) -> None:
    """Check a label or the name of an environment.

    Raises:
        Malformed: If it is empty, too long, or has other characters.
    """
    if not _NAME.fullmatch(name):
        raise Malformed(
            f"The {what} should be 1 to 64 letters, digits, underscores, dots or hyphens."
        )


def references(document: Object) -> tuple[Reference, ...]:
    """Return the secrets or auth connections that a variable stands for."""
    return () if document["type"] == "string" else uses_of(document["values"].values())


def shown(record: Record, environment: str | None = None) -> Object:
    """Return a variable as clients read it.

    Args:
        record: The variable.
        environment: The only one whose value is shown; None: all.
    """
    values = record.document["values"]
    if environment is not None:
        values = {environment: values[environment]}
    return {
        **record.document,
        "id": record.record_id,
        "workspace_id": WORKSPACE_ID,
        "values": values,
        "created_at_unix_secs": record.created_at,
        "updated_at_unix_secs": record.updated_at,
        "created_by_user_id": USER_ID,
    }


def _fits(kind: str, value: object) -> bool:
    if kind == "string":
        return isinstance(value, str)
    return isinstance(value, dict) and _LOCATORS[kind] in value
