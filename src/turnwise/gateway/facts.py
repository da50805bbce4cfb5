"""What a conversation knows of itself: the platform's own variables, and those of its environment.

Laws: a secret is never among them; of the environment only what the agent's owner names is told.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from turnwise.agents.config import ConversationConfig, read_agent
from turnwise.agents.variables import SYSTEM, TIMEZONE, names_in
from turnwise.gateway.prompting import time_in
from turnwise.runtime.configured import Configured
from turnwise.runtime.live_variables import LiveVariables

ENVIRONMENT = f"{SYSTEM}env_"
_UTC = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """What a carrier says of a call."""

    caller_id: str = ""
    """Number of the person."""
    called_number: str = ""
    """Number of the agent."""
    call_sid: str = ""
    """The carrier's name for the call; of a SIP trunk: its call id."""
    record: Mapping[str, Any] | None = None
    """`metadata.phone_call`; None: it is no phone call."""


NO_PHONE = PhoneCall()


def platform_facts(
    document: Mapping[str, Any],
    conversation_id: str,
    *,
    given: Mapping[str, Any] | None = None,
    text_only: bool = False,
    phone: PhoneCall = NO_PHONE,
) -> dict[str, Any]:
    """Return the platform's own variables as they are when a conversation begins.

    Args:
        document: The agent as stored.
        conversation_id: Of the conversation.
        given: Variables of the client, which may name its time zone.
        text_only: Whether the client asks for a conversation without sound.
        phone: Of a phone call.
    """  # spec/semantics.md, 8
    agent = read_agent(document)
    config = agent.conversation_config
    zone = _zone((given or {}).get(TIMEZONE)) or _zone(config.agent.prompt.timezone) or _UTC
    facts = {
        "conversation_id": conversation_id,
        "agent_id": agent.agent_id,
        "current_agent_id": agent.agent_id,
        "caller_id": phone.caller_id,
        "called_number": phone.called_number,
        "call_sid": phone.call_sid,
        "call_id": phone.call_sid,
        "call_duration_secs": 0,
        "agent_turns": 0,
        "conversation_history": "[]",
        "is_text_only": text_only or config.conversation.text_only,
        "timezone": zone,
        "time": time_in(zone),
        "time_utc": _utc(),
    }
    return {SYSTEM + name: value for name, value in facts.items()}


def keep_time(variables: LiveVariables) -> None:
    """Have the variables that tell the time tell it anew each time."""
    zone = str(variables.kept().values.get(TIMEZONE) or _UTC)
    variables.know(SYSTEM + "time_utc", _utc)
    variables.know(SYSTEM + "time", lambda: time_in(zone))


async def environment_facts(document: Mapping[str, Any], configured: Configured) -> dict[str, str]:
    """Return the environment variables that the texts of an agent ask for, named `system__env_…`.

    Tools find theirs when they run. One that is secret, or is not there, is left out: a text that
    asks for it lacks it.
    """  # spec/semantics.md, 35
    found: dict[str, str] = {}
    for name in sorted({name for text in _texts(document) for name in names_in(text)}):
        if name.startswith(ENVIRONMENT):
            value = await configured.open_text(name.removeprefix(ENVIRONMENT))
            if value is not None:
                found[name] = value
    return found


def _texts(document: Mapping[str, Any]) -> Iterator[object]:
    """Yield all that an agent says, and what its model is told."""
    config: ConversationConfig = read_agent(document).conversation_config
    yield config.agent.prompt.prompt
    yield config.agent.first_message
    yield config.agent.max_conversation_duration_message
    yield config.turn.soft_timeout_config.model_dump()
    yield [preset.model_dump() for preset in config.language_presets.values()]
    yield [tool.get("description") for tool in config.agent.prompt.tools]


def _zone(name: object) -> str | None:
    """Return the name of a time zone; None: it is none."""
    if not isinstance(name, str) or not name:
        return None
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
    return name


def _utc() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
