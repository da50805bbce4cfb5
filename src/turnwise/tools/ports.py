"""What a kind of tool must be able to do, and what it is given to do it with.

A new kind is one file with one `ToolRunner`, and one line where the runners are put together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from turnwise.agents.tools import Tool
from turnwise.agents.variables import Variables
from turnwise.base.errors import Error
from turnwise.outgoing import ClientCertificate

Json = dict[str, Any]

ErrorType = Literal[
    "internal",
    "customer_config",
    "customer_auth",
    "external_server",
    "external_client",
    "client_timeout",
    "unknown",
]
"""Whose fault a failure is, in the record's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """One call of a tool, checked and ready to run."""

    call_id: str
    """The wire's `tool_call_id`."""
    tool: Tool
    arguments: Mapping[str, Any]
    """What the language model gave."""
    variables: Variables
    """As they are now, the platform's own included."""
    idempotency_key: str = ""
    """Of this conversation, turn and call, and of no other; the same if the call is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a tool answered."""

    text: str
    """All of it."""
    details: Mapping[str, Any] | None = None
    """The record's `tool_details`, secrets left out; None: nothing beyond the arguments."""


class ToolFailed(Error):
    """A tool did not do its part."""

    code = "tool_failed"

    def __init__(
        self,
        error_type: ErrorType,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        """Whose fault it is."""
        self.details = details
        """As in `Outcome`."""


class ToolRejected(ToolFailed):
    """The user does not want a tool to run: the model is told so, whatever else it is not told."""

    code = "tool_rejected"


class ToolRunner(Protocol):
    """Runs the tools of one kind."""

    async def run(self, request: ToolRequest) -> Outcome:
        """Run a tool and return what it answered. Cancelled when nobody waits any more.

        Raises:
            ToolFailed: If it did not work.
        """


class Values(Protocol):
    """Finds what the values of a tool's settings stand for, in one conversation."""

    async def text(self, value: object, variables: Variables) -> str:
        """Return the text that a value stands for: a text with placeholders, or a locator.

        Args:
            value: A text, `{"secret_id": …}`, `{"variable_name": …}` or `{"env_var_label": …}`.
            variables: For `{"variable_name": …}`.

        Raises:
            ToolFailed: If what it refers to is not there.
        """

    async def authorisation(self, locator: Mapping[str, Any], *, renew: bool) -> "Authorisation":
        """Return what an auth connection adds to a request.

        Args:
            locator: Its id, or the label of an environment variable that has it.
            renew: Whether what is remembered was refused.

        Raises:
            ToolFailed: If it is not there, or its provider gives no token.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """What an auth connection adds to a request."""

    headers: Mapping[str, str] = field(repr=False)
    identity: ClientCertificate | None = None
    """Shown to the server; None: there is none."""
    remembered: bool = False
    """Whether a newer one may work where this one is refused."""
