"""The stored document of one conversation, in the shape in which the published API serves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from turnwise.runtime.record import Record
from turnwise.turns.metrics import Metrics
from turnwise.turns.transcript import AgentSaid, UserSaid


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known about a conversation when it begins."""

    conversation_id: str
    agent_id: str
    agent_name: str
    started_unix_secs: int
    user_id: str | None = None
    branch_id: str | None = None
    version_id: str | None = None
    """Of the agent: the version that the conversation is held with, and its branch."""
    environment: str | None = None
    text_only: bool = False
    language: str = "en"
    timezone: str | None = None
    authorization_method: str = "public"
    """`public`, `authorization_header` or `signed_url`."""
    source: str | None = None
    """The client's own name for itself, such as `python_sdk`."""
    source_version: str | None = None
    phone_call: Mapping[str, Any] | None = None
    """`metadata.phone_call`, as published for its carrier; None: it is no phone call."""
    initiation: dict[str, Any] = field(default_factory=dict)
    """The client's first message, without anything it must not keep."""
    warnings: tuple[str, ...] = ()
    """What was asked for and cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a conversation ended."""

    termination_reason: str
    failed: bool = False
    error_code: int | None = None
    """Close code, if it failed."""
    error_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a conversation has gone so far."""

    duration_ms: int
    status: str
    """`initiated`, `in-progress`, `processing`, `done` or `failed`."""
    ending: Ending | None = None
    """How it ended; None while it goes on."""
    metrics: Metrics | None = None
    """Latencies of its turns; None while it goes on."""
    has_sound: tuple[bool, bool] = (False, False)
    """Whether there is sound of the user, and of the agent."""
    incidents: tuple[str, ...] = ()
    """What went wrong and was survived."""
    charging: dict[str, Any] = field(default_factory=dict)
    """What the models cost, as `metadata.charging` has it."""


def document(about: Circumstances, record: Record, course: Course) -> dict[str, Any]:
    """Return the document: what was known at the beginning, what was said, how it went."""
    ending = course.ending
    failed = ending is not None and ending.failed
    error = (
        {"code": ending.error_code, "reason": ending.error_reason} if ending and failed else None
    )
    return {
        "conversation_id": about.conversation_id,
        "agent_id": about.agent_id,
        "agent_name": about.agent_name,
        "status": course.status,
        "user_id": about.user_id,
        "branch_id": about.branch_id,
        "version_id": about.version_id,
        "environment": about.environment,
        "transcript": record.transcript(course.metrics, llm_override=_llm_override(about)),
        "user_message_count": record.messages(UserSaid),
        "agent_message_count": record.messages(AgentSaid),
        "visited_agents": [{"agent_id": agent} for agent in dict.fromkeys(record.agents)],
        "metadata": {
            "start_time_unix_secs": about.started_unix_secs,
            "accepted_time_unix_secs": about.started_unix_secs,
            "call_duration_secs": course.duration_ms // 1000,
            "cost": 0,
            "deletion_settings": {},
            "feedback": record.feedback(),
            "authorization_method": about.authorization_method,
            "charging": course.charging,
            "phone_call": dict(about.phone_call) if about.phone_call is not None else None,
            "batch_call": None,
            "termination_reason": ending.termination_reason if ending else "",
            "error": error,
            "warnings": [*about.warnings, *course.incidents],
            "main_language": about.language,
            "text_only": about.text_only,
            "timezone": about.timezone,
            "conversation_initiation_source": about.source,
            "conversation_initiation_source_version": about.source_version,
        },
        "analysis": None,
        "conversation_initiation_client_data": about.initiation,
        "has_audio": any(course.has_sound),
        "has_user_audio": course.has_sound[0],
        "has_response_audio": course.has_sound[1],
        "has_auxiliary_audio": False,
        "tag_ids": [],
    }


def _llm_override(about: Circumstances) -> str | None:
    """Return the language model that the client asked for; None: the agent's own."""
    found: Any = about.initiation.get("conversation_config_override")
    for name in ("agent", "prompt", "llm"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
