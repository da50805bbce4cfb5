"""Requests to URLs that users configure: webhooks, MCP servers, crawled pages.

Such a URL must not lead into the network that the server itself stands in. Names are resolved once,
every address is judged, and the connection goes to the address that was judged.
"""

from turnwise.outgoing.client import Answer, Limits, Outgoing
from turnwise.outgoing.errors import (
    AnswerTooLarge,
    OutgoingError,
    OutgoingFailed,
    OutgoingRefused,
    OutgoingTimeout,
)
from turnwise.outgoing.identity import ClientCertificate
from turnwise.outgoing.policy import Policy

__all__ = [
    "Answer",
    "AnswerTooLarge",
    "ClientCertificate",
    "Limits",
    "Outgoing",
    "OutgoingError",
    "OutgoingFailed",
    "OutgoingRefused",
    "OutgoingTimeout",
    "Policy",
]
