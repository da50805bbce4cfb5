"""`/v1/convai/conversations`."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from turnwise.api.auth import NEEDS_KEY
from turnwise.api.conversations import audio, views
from turnwise.api.deps import WithDeps
from turnwise.api.errors import NotFound, NotOffered
from turnwise.api.queries import Cursor, PageSize, SortDirection, Whole, refuse
from turnwise.store import ConversationQuery, journal_key, recording_key

router = APIRouter(
    prefix="/v1/convai/conversations", tags=["conversations"], dependencies=[NEEDS_KEY]
)

Answer = dict[str, Any]
Status = Literal["initiated", "in-progress", "processing", "done", "failed"]

NOT_YET = (
    "visited_agent_ids",
    "visited_agent_branch_ids",
    "triggered_procedure_ids",
    "call_successful",
    "rating_max",
    "rating_min",
    "has_feedback_comment",
    "evaluation_params",
    "data_collection_params",
    "dynamic_variable_params",
    "data_collection_filter",
    "dynamic_variable_filter",
    "data_collection_ids",
    "evaluation_criteria_ids",
    "tool_names",
    "tool_names_successful",
    "tool_names_errored",
    "tool_ids",
    "tool_ids_successful",
    "tool_ids_errored",
    "main_languages",
    "phone_number_ids",
    "whatsapp_phone_number_ids",
    "search",
    "conversation_initiation_source",
    "text_only",
    "conversation_product_type",
    "branch_id",
    "version_id",
    "parent_conversation_id",
    "topic_ids",
    "tag_ids",
    "workflow_node_entered_id",
    "termination_reasons",
    "guardrail_types",
    "custom_guardrail_names",
)
"""Published filters of the list that are not served."""


@router.get("")
async def list_conversations(  # noqa: PLR0913  # one argument for each parameter of the query
    request: Request,
    deps: WithDeps,
    *,
    page_size: PageSize = 30,
    cursor: Cursor = None,
    agent_id: str | None = None,
    user_id: str | None = None,
    call_start_before_unix: Whole = None,
    call_start_after_unix: Whole = None,
    call_duration_min_secs: Whole = None,
    call_duration_max_secs: Whole = None,
    exclude_statuses: Annotated[list[Status] | None, Query()] = None,
    summary_mode: Literal["exclude", "include"] = "exclude",
    sort_direction: SortDirection = "desc",
) -> Answer:
    """Return a page of conversations, in the order of their start."""
    refuse(request, NOT_YET)
    query = ConversationQuery(
        page_size=page_size,
        cursor=cursor,
        agent_id=agent_id,
        user_id=user_id,
        started_before=call_start_before_unix,
        started_after=call_start_after_unix,
        duration_min_secs=call_duration_min_secs,
        duration_max_secs=call_duration_max_secs,
        exclude_statuses=tuple(exclude_statuses or ()),
        descending=sort_direction == "desc",
    )
    async with deps.store.reading() as tx:
        page = await tx.conversations.list(query)
    summarised = summary_mode == "include"
    return {
        "conversations": [views.shown_row(row, summarised=summarised) for row in page.items],
        "next_cursor": page.next_cursor,
        "has_more": page.next_cursor is not None,
    }


@router.get("/{conversation_id}")
async def get_conversation(
    deps: WithDeps,
    conversation_id: str,
    form: Annotated[Literal["json", "opentelemetry"], Query(alias="format")] = "json",
) -> Answer:
    """Return a conversation with all its turns, also while it goes on."""
    if form != "json":
        raise NotOffered("This server does not offer conversations as OpenTelemetry traces yet.")
    async with deps.store.reading() as tx:
        document = await tx.conversations.get(conversation_id)
    if document is None:
        raise _unknown(conversation_id)
    return views.shown(document)


@router.delete("/{conversation_id}")
async def delete_conversation(deps: WithDeps, conversation_id: str) -> Answer:
    """Forget a conversation, its recording and its journal."""
    async with deps.store.writing() as tx:
        if not await tx.conversations.delete(conversation_id):
            raise _unknown(conversation_id)
    await deps.blobs.delete([recording_key(conversation_id), journal_key(conversation_id)])
    return {}


@router.get("/{conversation_id}/audio", response_class=StreamingResponse)
async def get_audio(request: Request, deps: WithDeps, conversation_id: str) -> StreamingResponse:
    """Return the recording of a conversation."""
    async with deps.store.reading() as tx:
        if await tx.conversations.get(conversation_id) is None:
            raise _unknown(conversation_id)
    return await audio.recording(deps.blobs, conversation_id, request.headers.get("accept", ""))


def _unknown(conversation_id: str) -> NotFound:
    return NotFound(
        f"Conversation with id {conversation_id} not found.",
        code="conversation_not_found",
        legacy="conversation_history_not_found",
    )
