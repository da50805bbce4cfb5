"""The official Python SDK about conversations: it parses every answer."""

import jwt
import pytest
from elevenlabs import ConversationalConfig
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import (
    GetConversationResponseModel,
    GetConversationSummaryResponseModel,
    GetConversationUsersPageResponseModel,
    MessagesSearchResponse,
    TokenResponseModel,
)


def test_feedback_create_is_in_the_conversation(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    conversations.feedback.create("conv_1", feedback="dislike")
    feedback = conversations.get("conv_1").metadata.feedback
    assert feedback is not None
    assert (feedback.type, feedback.overall_score, feedback.rating) == ("thumbs", "dislike", 4)
    with pytest.raises(ApiError) as caught:
        conversations.feedback.create("conv_none", feedback="like")
    assert caught.value.status_code == 404


def test_filters_of_list_work(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    found = conversations.list(
        search="hello",
        call_successful="success",
        rating_min=4,
        main_languages=["en"],
        exclude_statuses=["failed"],
        agent_id="agent_1",
    )
    assert [row.conversation_id for row in found.conversations] == ["conv_1"]
    assert conversations.list(search="nothing").conversations == []


def test_get_summary_and_sip_messages(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    summary = conversations.get_summary("conv_1")
    assert isinstance(summary, GetConversationSummaryResponseModel)
    assert summary.messages is not None
    assert [message.message for message in summary.messages] == ["Hello", "Bye"]
    assert conversations.get_sip_messages("conv_1").sip_messages == []


def test_resolve(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    with pytest.raises(ApiError) as caught:
        conversations.resolve(agent_id="agent_1", reference="https://x.slack.com/archives/C/p1")
    assert caught.value.status_code == 404


def test_text_search(sdk: ElevenLabs) -> None:
    found = sdk.conversational_ai.conversations.messages.text_search(text_query="bye")
    assert isinstance(found, MessagesSearchResponse)
    assert {hit.conversation_id for hit in found.results} == {"conv_1", "conv_2"}
    assert found.results[0].chunk_highlights is not None
    assert found.results[0].chunk_highlights[0].is_hit


def test_files_create_get_delete(sdk: ElevenLabs) -> None:
    files = sdk.conversational_ai.conversations.files
    file_id = files.create("conv_1", file=("note.txt", b"Some words")).file_id
    assert b"".join(files.get("conv_1", file_id)) == b"Some words"
    assert files.delete("conv_1", file_id).file_id == file_id


def test_tags(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    tag = conversations.tags.create(title="VIP", description="pays")
    assert conversations.tags.get(tag.tag_id) == tag
    assert conversations.tags.update(tag.tag_id, title="Gold").title == "Gold"
    assert [each.title for each in conversations.tags.list().conversation_tags] == ["Gold"]
    conversations.tags.assign("conv_2", tag_ids=[tag.tag_id])
    assert conversations.get("conv_2").tag_ids == [tag.tag_id]
    conversations.tags.unassign("conv_2", tag.tag_id)
    assert conversations.get("conv_2").tag_ids == []
    conversations.tags.delete(tag.tag_id)


def test_get_webrtc_token(sdk: ElevenLabs) -> None:
    agent_id = sdk.conversational_ai.agents.create(
        conversation_config=ConversationalConfig()
    ).agent_id
    token = sdk.conversational_ai.conversations.get_webrtc_token(agent_id=agent_id)
    assert isinstance(token, TokenResponseModel)
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["video"]["room"] == token.conversation_id


def test_users_list_and_live_count(sdk: ElevenLabs) -> None:
    users = sdk.conversational_ai.users.list()
    assert isinstance(users, GetConversationUsersPageResponseModel)
    assert sdk.conversational_ai.analytics.live_count.get(agent_id="agent_1").count == 0


def test_what_is_not_served_is_refused(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    once = {"max_retries": 0}
    with pytest.raises(ApiError) as caught:
        conversations.analysis.run("conv_1", request_options=once)
    assert caught.value.status_code == 501
    assert isinstance(conversations.get("conv_1"), GetConversationResponseModel)
