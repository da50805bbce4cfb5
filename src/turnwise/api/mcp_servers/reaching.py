"""Asking an MCP server what it offers, as its settings say."""

from collections.abc import Mapping
from typing import Any

from turnwise.api.deps import Deps
from turnwise.api.urls import url_problem
from turnwise.outgoing import Outgoing, OutgoingFailed
from turnwise.outgoing.mcp_servers import McpServer, list_tools
from turnwise.runtime.authorizing import headers_of
from turnwise.runtime.configured import Configured, Unresolved
from turnwise.store.origins import unix_secs

LONGEST_S = 30.0
"""Whoever asks for a list waits for it."""


async def tools_of(deps: Deps, config: Mapping[str, Any], environment: str) -> list[dict[str, Any]]:
    """Return the tools of a server, as MCP describes them.

    Args:
        deps: What knows secrets and the way out.
        config: The settings of the server.
        environment: Which values of environment variables it is asked with.

    Raises:
        Unresolved: If the settings refer to something that is not there.
        OutgoingError: If the server cannot be asked, or must not be.
    """
    if deps.outgoing is None:
        raise OutgoingFailed("this server reaches no other servers")
    configured = Configured(store=deps.store, vault=deps.vault, environment=environment)
    url = await configured.text(config["url"])
    if reason := url_problem(url, deps.may_be_plain):
        raise Unresolved(reason)
    server = McpServer(
        url=url,
        transport=config["transport"],
        headers=await _headers(configured, deps.outgoing, config),
        seconds=min(float(config["response_timeout_secs"]), LONGEST_S),
    )
    return await list_tools(deps.outgoing, server)


async def _headers(
    configured: Configured, outgoing: Outgoing, config: Mapping[str, Any]
) -> dict[str, str]:
    given = config.get("request_headers") or {}
    # what a conversation's variables say is not known outside one
    known = {
        name: value
        for name, value in given.items()
        if not (isinstance(value, dict) and "variable_name" in value)
    }
    headers = await configured.texts(known)
    token = config.get("secret_token")
    if isinstance(token, dict) and "secret_id" in token:
        headers["Authorization"] = await configured.text(token)
    if locator := config.get("auth_connection"):
        connection = await configured.auth_connection(locator)
        headers |= await headers_of(connection, outgoing, unix_secs)
    return headers
