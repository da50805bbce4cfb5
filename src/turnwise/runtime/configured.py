"""What the values of a configuration stand for: secrets, environment variables, variables.

A value is a text, with placeholders for environment variables, or an object that names where the
text is. What cannot be found is an error that says which name is to blame, never its content.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from turnwise.base.errors import Error
from turnwise.store import SecretSealed, Store, Vault
from turnwise.tools.integrations.catalogue import CONNECTION, CONNECTION_ID

PRODUCTION = "production"
"""The environment that is always there, and where others find the values they lack."""
# both spellings are published
_PLACEHOLDER = re.compile(r"\{\{\s*(?:system__env|system_env_)_([\w.-]+)\s*\}\}")


class Unresolved(Error):
    """A configuration refers to something that is not there."""

    code = "unresolved"


def labels_in(text: str) -> list[str]:
    """Return the labels of the environment variables that a text has placeholders for."""
    return _PLACEHOLDER.findall(text)


def variable_id(label: str) -> str:
    """Return the id of the environment variable with a label."""
    return f"envvar_{hashlib.sha256(label.encode(errors='surrogatepass')).hexdigest()[:24]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """Finds what values stand for, in one environment."""

    store: Store
    vault: Vault | None
    """Opens secrets; None: there can be none."""
    environment: str = PRODUCTION
    variables: Mapping[str, str] = field(default_factory=dict)
    """The dynamic variables of the conversation."""
    shut: bool = False
    """Whether nothing that is stored may be used: the values are a stranger's."""

    async def text(self, value: object) -> str:
        """Return the text that a value stands for.

        Raises:
            Unresolved: If what it refers to is not there.
        """
        match value:
            case str():
                return await self._filled(value)
            case {"secret_id": str(secret_id)}:
                return await self._secret(secret_id)
            case {"env_var_label": str(label)}:
                return await self._variable(label)
            case {"variable_name": str(name)}:
                if name not in self.variables:
                    raise Unresolved(f"there is no variable {name!r}")
                return self.variables[name]
            case _:
                raise Unresolved("a value refers to nothing that is known")

    async def texts(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return the texts that values stand for, such as those of headers.

        Raises:
            Unresolved: If what one refers to is not there.
        """
        return {name: await self.text(value) for name, value in values.items()}

    async def open_text(self, label: str) -> str | None:
        """Return an environment variable that may be said aloud; None: it is not there, or secret.

        Args:
            label: Its label.
        """
        try:
            value = await self._value(label, "string")
        except Unresolved:
            return None
        return value if isinstance(value, str) else None

    async def auth_connection(self, locator: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings of an auth connection, with what of them is secret.

        Args:
            locator: Its id, or the label of an environment variable that has it; or the id of
                the connection of an integration, which has the same settings.

        Raises:
            Unresolved: If it is not there.
        """
        self._check_open()
        if label := locator.get("env_var_label"):
            locator = await self._value(str(label), "auth_connection")
        kind, key = "auth_connection", "auth_connection_id"
        if CONNECTION_ID in locator:
            kind, key = CONNECTION, CONNECTION_ID
        connection_id = str(locator.get(key))
        async with self.store.reading() as tx:
            record = await tx.records.get(kind, connection_id)
        if record is None:
            named = kind.replace("_", " ")
            raise Unresolved(f"there is no {named} with the id {connection_id}")
        sealed = record.document.get("sealed") or {}
        opened = {name: self._opened(value) for name, value in sealed.items()}
        return {**record.document, **opened}

    async def _filled(self, text: str) -> str:
        found = {label: await self._variable(label) for label in labels_in(text)}
        return _PLACEHOLDER.sub(lambda match: found[match[1]], text)

    async def _variable(self, label: str) -> str:
        value = await self._value(label)
        if isinstance(value, str):
            return value
        if "secret_id" not in value:
            raise Unresolved(f"the environment variable {label!r} is no text")
        return await self._secret(str(value["secret_id"]))

    async def _value(self, label: str, kind: str = "") -> Any:  # noqa: ANN401  # text or locator
        self._check_open()
        async with self.store.reading() as tx:
            record = await tx.records.get("environment_variable", variable_id(label))
        if record is None:
            raise Unresolved(f"there is no environment variable {label!r}")
        if kind and record.document["type"] != kind:
            raise Unresolved(f"the environment variable {label!r} is not of type {kind!r}")
        values = record.document["values"]
        return values[self.environment if self.environment in values else PRODUCTION]

    async def _secret(self, secret_id: str) -> str:
        self._check_open()
        async with self.store.reading() as tx:
            record = await tx.records.get("secret", secret_id)
        if record is None:
            raise Unresolved(f"there is no secret with the id {secret_id}")
        return self._opened(record.document["sealed"])

    def _check_open(self) -> None:
        if self.shut:
            raise Unresolved("an agent that a client brings along may not use what is stored here")

    def _opened(self, sealed: str) -> str:
        if self.vault is None:
            raise Unresolved("this server has no key to open secrets with")
        try:
            return self.vault.open(sealed)
        except SecretSealed as exc:
            raise Unresolved("a secret was sealed with a key that this server lacks") from exc
