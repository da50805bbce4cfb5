"""Runs the tools of integrations: as webhooks, on record with the connection that they use."""

from collections.abc import Mapping
from typing import Any

from turnwise.tools.integrations.catalogue import KIND
from turnwise.tools.ports import Outcome, ToolFailed, ToolRequest, ToolRunner

Json = dict[str, Any]


class IntegrationTools:
    """Runs them; a `ToolRunner`."""

    def __init__(self, webhooks: ToolRunner) -> None:
        """Run nothing yet.

        Args:
            webhooks: Sends the requests.
        """
        self._webhooks = webhooks

    async def run(self, request: ToolRequest) -> Outcome:
        """Send the request and return the answer.

        Raises:
            ToolFailed: As for a webhook, or if the tool or its connection is not there.
        """
        raw = request.tool.raw
        if not raw.get("api_schema"):
            named = f"{raw.get('api_integration_id')} has no tool {request.tool.name!r}"
            reason = f"{named}, or the connection of this one is gone"
            raise ToolFailed("customer_config", reason)
        try:
            outcome = await self._webhooks.run(request)
        except ToolFailed as failure:
            failure.details = _details(raw, failure.details)
            raise
        return Outcome(text=outcome.text, details=_details(raw, outcome.details))


def _details(raw: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Json | None:
    if sent is None:
        return None
    return {
        "type": KIND,
        "integration_id": raw.get("api_integration_id"),
        "credential_id": raw.get("api_integration_credential_id") or "",
        "integration_connection_id": raw.get("api_integration_connection_id"),
        "webhook_details": dict(sent),
    }
