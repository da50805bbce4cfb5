"""An agent's document: what is stored of what a client sent, and what a client gets to see.

The published contract says what a document may hold and what its defaults are; only what it leaves
open is here.
"""

from collections.abc import Sequence
from typing import Any, Final

from turnwise.agents.versions import PLACE
from turnwise.api import expressions
from turnwise.api.access import ACCESS
from turnwise.api.errors import Invalid, Malformed
from turnwise.contract import ContractError, Shape, load
from turnwise.contract.merging import merged
from turnwise.store import AgentRecord, AgentRow

Object = dict[str, Any]

UNNAMED: Final = "New agent"
CREATE: Final = "POST /v1/convai/agents/create"

ANSWER_ONLY: Final = frozenset(
    {
        "access_info",
        "agent_id",
        "default_hold_audio_url",
        "metadata",
        "phone_numbers",
        "procedures",
        "version_description",
        "whatsapp_accounts",
        *PLACE,
    }
)
"""Keys of an answer, or of one request alone: a client that sends them does not store them."""

SECTIONS: Final = ("conversation_config", "platform_settings", "workflow")

ENGLISH_ONLY: Final = frozenset({"eleven_flash_v2", "eleven_turbo_v2"})
NOT_ENGLISH: Final = frozenset({"eleven_flash_v2_5", "eleven_turbo_v2_5"})


def created(body: Object) -> Object:
    """Return the document of a new agent.

    Raises:
        Invalid: If the body is not in the published shape.
        Malformed: If parts of it do not go together.
    """
    return _whole(_stored_part(_shape().normalised(body)))


def changed(document: Object, body: Object) -> Object:
    """Return the document of an agent after a patch, by the law of `contract.merging`.

    A section that is null is one that was not sent.

    Raises:
        Invalid: If the outcome is not in the published shape.
        Malformed: If parts of it do not go together.
    """
    sent = {key: each for key, each in body.items() if each is not None or key not in SECTIONS}
    patch = _stored_part(_shape().normalised(sent))
    place = {key: document[key] for key in PLACE if key in document}
    return _whole(merged(document, patch, _shape())) | place


def shown(record: AgentRecord, numbers: Sequence[Object]) -> Object:
    """Return an agent as clients read it.

    Args:
        record: The agent.
        numbers: The phone numbers that are assigned to it, as clients read them.
    """
    return {
        "agent_id": record.agent_id,
        "phone_numbers": numbers,
        "whatsapp_accounts": [],
        "access_info": ACCESS,
        "version_id": None,
        "branch_id": None,
        "main_branch_id": None,
        "procedures": {},
        **record.document,
        "metadata": {
            "created_at_unix_secs": record.created_at,
            "updated_at_unix_secs": record.updated_at,
        },
    }


def shown_row(row: AgentRow) -> Object:
    """Return an agent as clients find it in a list."""
    return {
        "agent_id": row.agent_id,
        "name": row.name,
        "voice_id": row.voice_id,
        "tags": list(row.tags),
        "created_at_unix_secs": row.created_at,
        "updated_at_unix_secs": row.updated_at,
        "access_info": ACCESS,
        "last_call_time_unix_secs": row.last_call_at,
        "archived": row.archived,
    }


def _shape() -> Shape:
    shape = load().operations[CREATE].body
    assert shape is not None
    return shape


def _stored_part(body: Object) -> Object:
    return {key: value for key, value in body.items() if key not in ANSWER_ONLY}


def _whole(document: Object) -> Object:
    """Return a checked document with a default wherever something is missing."""
    given = _without_nulls(document)
    try:
        filled: Object = _shape().read(given, ("body",))
    except ContractError as error:
        raise Invalid(error.problems) from error
    _check_voice(filled["conversation_config"])
    if filled.get("workflow"):
        expressions.complete(filled["workflow"])
    return filled


def _without_nulls(document: Object) -> Object:
    """Return a document whose name, tags and settings are none of them null.

    A workflow without nodes is none: old clients write it so.
    """
    defaults: Object = {"name": UNNAMED, "tags": [], "platform_settings": {}}
    given = {
        key: value for key, value in document.items() if value is not None or key not in defaults
    }
    workflow = given.get("workflow")
    if isinstance(workflow, dict) and not workflow.get("nodes", True):
        given["workflow"] = {key: part for key, part in workflow.items() if key != "nodes"}
    return defaults | given


def _check_voice(config: Object) -> None:
    # texts of the hosted service, which answers 400 (seen by third parties in 2025 and 2026)
    language, model = config["agent"]["language"], config["tts"]["model_id"]
    if language == "en" and model in NOT_ENGLISH:
        raise _refused("English Agents must use turbo or flash v2.")
    if language != "en" and model in ENGLISH_ONLY:
        raise _refused("Non-english Agents must use turbo or flash v2_5.")


def _refused(reason: str) -> Malformed:
    message = f"Invalid conversation config: {reason}"
    return Malformed(message, code="invalid_agent_config")
