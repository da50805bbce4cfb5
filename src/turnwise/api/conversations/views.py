"""A conversation as clients read it: the stored document, completed to the published shape."""

from collections.abc import Collection
from typing import Any

from turnwise.contract import Shape, load
from turnwise.store import ConversationRow, Document

SUMMARY_NOTE = (
    "Only what was said, without tools and updates;"
    " GET /v1/convai/conversations/{conversation_id} has everything."
)
SUMMARY_LEFT_OUT_NOTE = (
    "The messages were left out, for there are more than max_messages;"
    " GET /v1/convai/conversations/{conversation_id} has them."
)

_SOUND = ("has_audio", "has_user_audio", "has_response_audio", "has_auxiliary_audio")


def shown(document: Document, shape: Shape) -> Document:
    """Return a conversation with all its turns.

    Args:
        document: As it is stored.
        shape: Of the answer: it has the defaults of what is not stored.
    """
    transcript, metadata = document["transcript"], document["metadata"]
    whole: Document = shape.filled(
        {
            **dict.fromkeys(_SOUND, False),
            "user_message_count": _count(transcript, "user"),
            "agent_message_count": _count(transcript, "agent"),
            **document,
            **_initiation(document),
            "metadata": {
                "cost": None,
                "cost_fiat": None,
                **metadata,
                "conversation_initiation_source": _source(metadata),
            },
        }
    )
    return whole


def shown_row(
    row: ConversationRow,
    *,
    summarised: bool,
    criteria: Collection[str] = (),
    collected: Collection[str] = (),
) -> Document:
    """Return a conversation as clients find it in a list.

    Args:
        row: What the store knows without reading the transcript.
        summarised: Whether what analysis made of it is wanted.
        criteria: Ids of the evaluation criteria whose results are wanted.
        collected: Ids of the collected values that are wanted.
    """
    analysis = row.head.get("analysis") or {}
    shown = {**_known(row.head), **_judged(analysis)}
    shown["message_count"] = row.message_count
    shown["tool_names"] = list(row.tool_names)
    if summarised:
        shown["transcript_summary"] = analysis.get("transcript_summary")
    if criteria:
        shown["evaluation_criteria_results"] = _results(analysis, criteria)
    if collected:
        values = analysis.get("data_collection_results") or {}
        shown["data_collection_results"] = {
            name: values[name].get("value") for name in collected if name in values
        }
    return shown


def summary(document: Document, most: int) -> Document:
    """Return what a conversation was about.

    Args:
        document: As it is stored.
        most: So many messages are told; of more, none.
    """
    analysis = document.get("analysis") or {}
    messages = [
        {"role": turn["role"], "message": turn["message"]}
        for turn in document["transcript"]
        if turn.get("message") and turn.get("contextual_update_info") is None
    ]
    left_out = len(messages) > most
    return {
        "conversation_id": document["conversation_id"],
        "agent_id": document["agent_id"],
        "status": document["status"],
        "call_summary_title": analysis.get("call_summary_title"),
        "transcript_summary": analysis.get("transcript_summary"),
        "call_successful": analysis.get("call_successful"),
        "message_count": len(messages),
        "messages": None if left_out else messages,
        "messages_omitted": left_out,
        "note": SUMMARY_LEFT_OUT_NOTE if left_out else SUMMARY_NOTE,
    }


def _known(head: Document) -> Document:
    """Return what the call itself says."""
    metadata = head["metadata"]
    return {
        "agent_id": head["agent_id"],
        "branch_id": head.get("branch_id"),
        "version_id": head.get("version_id"),
        "agent_name": head.get("agent_name"),
        "conversation_id": head["conversation_id"],
        "start_time_unix_secs": metadata["start_time_unix_secs"],
        "call_duration_secs": metadata["call_duration_secs"],
        "cost": metadata.get("cost"),
        "cost_fiat": metadata.get("cost_fiat"),
        "user_message_count": head.get("user_message_count"),
        "agent_message_count": head.get("agent_message_count"),
        "status": head["status"],
        "termination_reason": metadata.get("termination_reason") or "",
        "main_language": metadata.get("main_language"),
        "conversation_initiation_source": _source(metadata),
        "direction": (metadata.get("phone_call") or {}).get("direction"),
        "rating": (metadata.get("feedback") or {}).get("rating"),
        "tag_ids": head.get("tag_ids") or [],
    }


def _judged(analysis: Document) -> Document:
    """Return what analysis made of it, as far as a list always says."""
    return {
        "call_successful": analysis.get("call_successful") or "unknown",
        "call_success_score": analysis.get("call_success_score"),
        "call_summary_title": analysis.get("call_summary_title"),
        "sentiment_analysis": analysis.get("sentiment_analysis"),
    }


def _count(transcript: list[Document], role: str) -> int:
    return sum(turn["role"] == role for turn in transcript)


def _results(analysis: Document, criteria: Collection[str]) -> Document:
    results = analysis.get("evaluation_criteria_results") or {}
    return {
        name: {key: results[name].get(key) for key in ("result", "score", "max_score")}
        for name in criteria
        if name in results
    }


def _source(metadata: Document) -> Any:  # noqa: ANN401  # a published word, or what stands there
    """Return where a conversation came from: clients may call themselves what they want."""
    return _published(metadata.get("conversation_initiation_source"))


def _initiation(document: Document) -> Document:
    """Return the client's first message, if its own name for itself is not a published one."""
    initiation = document.get("conversation_initiation_client_data") or {}
    about = initiation.get("source_info") or {}
    source = about.get("source")
    if source is None or source == _published(source):
        return {}
    shown = {**initiation, "source_info": {**about, "source": "unknown"}}
    return {"conversation_initiation_client_data": shown}


def _published(source: Any) -> Any:  # noqa: ANN401  # a published word, or what stands there
    known = load().shapes["ConversationInitiationSource"]["enum"]
    return source if source in known else "unknown"
