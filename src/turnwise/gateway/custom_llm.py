"""From `prompt.custom_llm` to an endpoint that can be asked: its address, its key, its headers.

What the configuration refers to is looked up when the conversation begins, so that a name that is
not there ends it at once with a reason. Only a token that another server gives is fetched when it
is first needed, and again before it may be out of date.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnwise.agents.config import CustomLlm, Prompt
from turnwise.agents.variables import Variables, as_text
from turnwise.base.errors import ProviderRefused
from turnwise.outgoing import Outgoing, OutgoingError
from turnwise.providers.ports import Endpoint
from turnwise.runtime.authorizing import headers_of
from turnwise.runtime.configured import PRODUCTION, Configured, Unresolved
from turnwise.runtime.llm_routes import CUSTOM
from turnwise.store import Store, Vault
from turnwise.wire.closing import OPERATIONAL
from turnwise.wire.errors import WireError

APIS = ("chat_completions", "responses")
BEARERS = ("bearer_auth", "oauth2_client_credentials", "oauth2_jwt", "private_key_jwt")
"""Types of auth connections that end in `Authorization: Bearer`."""  # spec/semantics.md, 14
TOKEN_S = 300.0
"""A fetched token is used so long; providers give them for longer."""


@dataclass(frozen=True, slots=True)
class CustomLlms:
    """Finds the models of agents' owners."""

    store: Store
    vault: Vault | None
    outgoing: Outgoing

    async def endpoint(
        self,
        prompt: Prompt,
        variables: Variables,
        environment: str | None,
        *,
        shut: bool = False,
    ) -> Endpoint | None:
        """Return the agent's own model; None: it uses one of the server's.

        Args:
            prompt: Names it.
            variables: Of the conversation.
            environment: Of the conversation; None: production.
            shut: Whether it may use nothing that is stored here.

        Raises:
            WireError: If it cannot be asked; says why.
        """
        if prompt.llm != CUSTOM:
            return None
        custom = _described(prompt)
        configured = Configured(
            store=self.store,
            vault=self.vault,
            environment=environment or PRODUCTION,
            variables={name: as_text(value) for name, value in variables.values.items()},
            shut=shut,
        )
        try:
            url = await configured.text(variables.fill(custom.url))
            headers = await _headers(custom, variables, configured)
            connection = None
            if custom.auth_connection:
                connection = await configured.auth_connection(custom.auth_connection)
        except Unresolved as error:
            raise _refused(str(error)) from error
        if not url.startswith(("http://", "https://")):
            raise _refused("custom_llm.url should begin with https://")
        if connection is not None and connection.get("auth_type") not in BEARERS:
            raise _refused("only auth connections that give a bearer token are supported")
        return Endpoint(
            url=url,
            model=custom.model_id or "",
            api=custom.api_type,
            api_version=custom.api_version,
            headers=_Headers(headers, connection, self.outgoing),
        )


def _described(prompt: Prompt) -> CustomLlm:
    custom = prompt.custom_llm
    if custom is None:
        raise _refused("its llm is custom-llm, and it has no custom_llm")
    if custom.api_type not in APIS:
        known = " and ".join(APIS)
        raise _refused(f"api_type {custom.api_type!r} is not spoken here; {known} are")
    return custom


class _Headers:
    """The headers of one agent's requests."""

    def __init__(
        self, fixed: Mapping[str, str], connection: Mapping[str, Any] | None, outgoing: Outgoing
    ) -> None:
        self._fixed = fixed
        self._connection = connection
        self._outgoing = outgoing
        self._token: Mapping[str, str] = {}
        self._good_until = 0.0

    async def __call__(self) -> Mapping[str, str]:
        if self._connection is not None and time.monotonic() >= self._good_until:
            try:
                self._token = await headers_of(self._connection, self._outgoing, _unix_secs)
            except (Unresolved, OutgoingError) as error:
                raise ProviderRefused(f"llm/{CUSTOM}", f"auth connection: {error}") from error
            self._good_until = time.monotonic() + TOKEN_S
        return {**self._token, **self._fixed}


async def _headers(
    custom: CustomLlm, variables: Variables, configured: Configured
) -> dict[str, str]:
    """Return what is known of the headers now; those that the owner wrote win.

    Raises:
        Unresolved: If one refers to what is not there.
    """
    headers: dict[str, str] = {}
    if custom.api_key:
        key = await configured.text(custom.api_key)
        headers["Authorization"] = f"Bearer {key}"
        if custom.api_version:  # Azure takes its keys here
            headers["api-key"] = key
    return headers | await configured.texts(variables.fill(custom.request_headers, secrets=True))


def _refused(reason: str) -> WireError:
    text = f"The agent's own language model cannot be used: {reason}"
    return WireError(text, close_code=OPERATIONAL, error_type="custom_llm_error")


def _unix_secs() -> float:
    return time.time()  # noqa: TID251 - tokens are dated by the wall clock
