"""What both sides agree was said and done, entry by entry. History is what was heard."""

from dataclasses import dataclass

from turnwise.base.units import Millis
from turnwise.turns.events import CallId, ReplyId


@dataclass(frozen=True, slots=True)
class UserSaid:
    """A turn of the user."""

    at: Millis
    """When the turn was taken."""
    text: str
    typed: bool = False
    ignored_as_backchannel: bool = False
    """Whether it was heard as listening ("mhm") and took no turn."""


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """Words of the agent that reached the ear."""

    at: Millis
    """When the first of them was written."""
    text: str
    reply: ReplyId
    interrupted: bool = False
    """Whether more was written than was heard."""
    original: str | None = None
    """All that was written, if interrupted; else None. The wire's `original_message`."""
    filler: bool = False
    """Whether it only covered a wait."""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The agent called a tool."""

    at: Millis
    reply: ReplyId
    call: CallId
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """A tool's answer, or that none came."""

    at: Millis
    call: CallId
    name: str
    result: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ContextAdded:
    """The client told the agent something."""

    at: Millis
    text: str
    context_id: str | None = None
    superseded: bool = False
    """Whether a newer one of the same id took its place; then no model sees it any more."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something the platform did that the model should know (`platform_event`)."""

    at: Millis
    what: str
    """`user_turn_timeout` or `skip_turn_wait_elapsed`."""


Entry = UserSaid | AgentSaid | ToolCalled | ToolAnswered | ContextAdded | Noted
Transcript = tuple[Entry, ...]
