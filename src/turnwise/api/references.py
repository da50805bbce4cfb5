"""What configurations refer to: secrets, auth connections, environment variables.

A value refers to one by an object with a single known key, or, to an environment variable, by a
placeholder within a text. All that a configuration knows of an environment variable is its label:
it may be made later than what uses it, so its id follows from its label.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from turnwise.agents.references import ENVIRONMENT_LABEL, references
from turnwise.api.errors import NotFound
from turnwise.runtime.configured import labels_in, variable_id
from turnwise.store import Reference, Transaction

SECRET = "secret"  # noqa: S105  # a kind of record
AUTH_CONNECTION = "auth_connection"
WEBHOOK = "webhook"
INTEGRATION_CONNECTION = "integration_connection"
ENVIRONMENT_VARIABLE = "environment_variable"

_LOCATORS = {"secret_id": SECRET, "auth_connection_id": AUTH_CONNECTION}
_NAMES = {
    SECRET: "Secret",
    AUTH_CONNECTION: "Auth connection",
    WEBHOOK: "Webhook",
    INTEGRATION_CONNECTION: "Integration connection",
}


def uses_of_agent(document: Mapping[str, Any]) -> frozenset[Reference]:
    """Return what an agent's document refers to, wherever it stands."""
    return frozenset(
        _variable(one) if kind == ENVIRONMENT_LABEL else (kind, one)
        for kind, one in references(document)
    )


def uses_of(values: Iterable[object]) -> tuple[Reference, ...]:
    """Return what these values of a configuration refer to, each once."""
    found: dict[Reference, None] = {}
    for value in values:
        if isinstance(value, str):
            found |= {_variable(label): None for label in labels_in(value)}
        elif isinstance(value, dict):
            if isinstance(label := value.get("env_var_label"), str):
                found[_variable(label)] = None
            for key, kind in _LOCATORS.items():
                if isinstance(record_id := value.get(key), str):
                    found[kind, record_id] = None
    return tuple(found)


async def require(tx: Transaction, uses: Iterable[Reference]) -> None:
    """Check that what a configuration refers to is there, and will be when it is stored.

    Environment variables may come later.

    Raises:
        NotFound: If a secret, a connection or a webhook is not there.
    """
    for kind, record_id in sorted(uses):  # in one order, so that no two wait for each other
        if kind in _NAMES and await tx.records.get(kind, record_id, lock=True) is None:
            named = f"{_NAMES[kind]} with id {record_id}"
            raise NotFound(f"{named} not found.", code=f"{kind}_not_found")


def _variable(label: str) -> Reference:
    return ENVIRONMENT_VARIABLE, variable_id(label)
