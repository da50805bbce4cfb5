"""What the definitions of tools refer to: secrets, environment variables, auth connections."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from turnwise.agents.variables import Variables, as_text
from turnwise.outgoing import Outgoing, OutgoingError
from turnwise.runtime.authorizing import Granted, granted
from turnwise.runtime.configured import Configured, Unresolved
from turnwise.tools.ports import Authorisation, ToolFailed, Values

EARLY_S = 30.0
"""A token is fetched anew so long before it expires."""
MOST_TOKENS = 1_000
"""How many are remembered."""


class Tokens:
    """Remembers what providers of tokens gave, for all conversations of a process."""

    def __init__(self, outgoing: Outgoing, now: Callable[[], float]) -> None:
        """Remember nothing yet.

        Args:
            outgoing: The way to the providers.
            now: Unix seconds.
        """
        self._outgoing = outgoing
        self._now = now
        self._known: dict[str, Granted] = {}

    async def of(self, connection: Mapping[str, Any], *, renew: bool) -> Authorisation:
        """Return what an auth connection adds to a request.

        Args:
            connection: Its settings, with what of them is secret; others have another token.
            renew: Whether what is remembered was refused.

        Raises:
            Unresolved, OutgoingError: As `granted`.
        """
        settings = json.dumps(connection, sort_keys=True).encode()
        key = hashlib.sha256(settings).hexdigest()  # what is remembered names no secret
        known = None if renew else self._known.get(key)
        if known is not None and known.expires_at - EARLY_S > self._now():
            return Authorisation(headers=known.headers, remembered=True)
        found = await granted(connection, self._outgoing, self._now)
        if found.expires_at > self._now():
            if len(self._known) >= MOST_TOKENS:
                del self._known[next(iter(self._known))]
            self._known[key] = found
        return Authorisation(headers=found.headers, identity=found.identity)


@dataclass(frozen=True, slots=True)
class ConversationValues(Values):
    """The values of one conversation."""

    configured: Configured
    tokens: Tokens

    @override
    async def text(self, value: object, variables: Variables) -> str:
        if isinstance(value, Mapping) and isinstance(name := value.get("variable_name"), str):
            if name not in variables.values:
                raise ToolFailed("customer_config", f"there is no variable {name!r}")
            return as_text(variables.values[name])
        try:
            return await self.configured.text(value)
        except Unresolved as error:
            raise ToolFailed("customer_config", str(error)) from error

    @override
    async def authorisation(self, locator: Mapping[str, Any], *, renew: bool) -> Authorisation:
        try:
            connection = await self.configured.auth_connection(locator)
            return await self.tokens.of(connection, renew=renew)
        except Unresolved as error:
            raise ToolFailed("customer_auth", str(error)) from error
        except OutgoingError as error:
            reason = f"the provider of the token cannot be asked: {error}"
            raise ToolFailed("customer_auth", reason) from error
