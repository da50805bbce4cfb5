"""A conversation as clients read it: the stored document, completed to the published shape."""

from copy import deepcopy

from turnwise.store import ConversationRow, Document

WHOLE: Document = {
    "agent_name": None,
    "conversation_product": "agent",
    "user_id": None,
    "branch_id": None,
    "version_id": None,
    "analysis": None,
    "visited_agents": [],
    "conversation_initiation_client_data": {},
    "environment": "production",
    "has_audio": False,
    "has_user_audio": False,
    "has_response_audio": False,
    "has_auxiliary_audio": False,
    "tag_ids": [],
}

METADATA: Document = {
    "accepted_time_unix_secs": None,
    "queue_wait_secs": None,
    "cost": None,
    "deletion_settings": {},
    "feedback": {},
    "authorization_method": "public",
    "charging": {},
    "phone_call": None,
    "batch_call": None,
    "termination_reason": "",
    "error": None,
    "warnings": [],
    "main_language": None,
    "rag_usage": None,
    "text_only": False,
    "features_usage": {},
    "initiator_id": None,
    "conversation_initiation_source": "unknown",
    "conversation_initiation_source_version": None,
    "timezone": None,
    "async_metadata": None,
    "whatsapp": None,
    "sms": None,
}

TURN: Document = {
    "agent_metadata": None,
    "message": None,
    "multivoice_message": None,
    "tool_calls": [],
    "tool_results": [],
    "feedback": None,
    "llm_override": None,
    "conversation_turn_metrics": None,
    "rag_retrieval_info": None,
    "llm_usage": None,
    "interrupted": False,
    "ignored_as_backchannel": False,
    "original_message": None,
    "reasoning": [],
    "source_medium": None,
    "source_event_id": None,
    "used_static_kb_document_ids": [],
    "triggered_guardrails": [],
    "file_inputs": [],
}


def shown(document: Document) -> Document:
    """Return a conversation with all its turns."""
    transcript: list[Document] = [{**deepcopy(TURN), **turn} for turn in document["transcript"]]
    return {
        **deepcopy(WHOLE),
        "user_message_count": _count(transcript, "user"),
        "agent_message_count": _count(transcript, "agent"),
        **document,
        "metadata": {**deepcopy(METADATA), **document["metadata"]},
        "transcript": transcript,
    }


def shown_row(row: ConversationRow, *, summarised: bool) -> Document:
    """Return a conversation as clients find it in a list.

    Args:
        row: What the store knows without reading the transcript.
        summarised: Whether what analysis made of it is wanted.
    """
    head, metadata = row.head, row.head["metadata"]
    analysis = head.get("analysis") or {}
    shown = {
        "agent_id": head["agent_id"],
        "branch_id": head.get("branch_id"),
        "version_id": head.get("version_id"),
        "agent_name": head.get("agent_name"),
        "conversation_id": head["conversation_id"],
        "start_time_unix_secs": metadata["start_time_unix_secs"],
        "call_duration_secs": metadata["call_duration_secs"],
        "message_count": row.message_count,
        "user_message_count": head.get("user_message_count"),
        "agent_message_count": head.get("agent_message_count"),
        "status": head["status"],
        "termination_reason": metadata.get("termination_reason") or "",
        "call_successful": analysis.get("call_successful") or "unknown",
        "call_success_score": analysis.get("call_success_score"),
        "call_summary_title": analysis.get("call_summary_title"),
        "main_language": metadata.get("main_language"),
        "conversation_initiation_source": metadata.get("conversation_initiation_source"),
        "direction": (metadata.get("phone_call") or {}).get("direction"),
        "rating": (metadata.get("feedback") or {}).get("rating"),
        "tag_ids": head.get("tag_ids") or [],
    }
    if summarised:
        shown["transcript_summary"] = analysis.get("transcript_summary")
        shown["data_collection_results"] = analysis.get("data_collection_results")
    return shown


def _count(transcript: list[Document], role: str) -> int:
    return sum(turn["role"] == role for turn in transcript)
