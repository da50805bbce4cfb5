"""The official Python SDK against a real server."""

import wave
from io import BytesIO

import httpx
import pytest
from elevenlabs import ConversationalConfig
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError
from elevenlabs.types import (
    AgentConfig,
    GetAgentResponseModel,
    GetConversationResponseModel,
    GetVoicesResponse,
    Model,
    User,
)

from api.api_kit import KEY


def url_of(sdk: ElevenLabs) -> str:
    return str(sdk._client_wrapper.get_base_url())


def test_agents_are_made_read_changed_and_deleted(sdk: ElevenLabs) -> None:
    agents = sdk.conversational_ai.agents
    config = ConversationalConfig(agent=AgentConfig(first_message="Hi", language="en"))
    agent_id = agents.create(name="Test", tags=["t"], conversation_config=config).agent_id
    agent = agents.get(agent_id)
    assert isinstance(agent, GetAgentResponseModel)
    assert (agent.agent_id, agent.name, agent.tags) == (agent_id, "Test", ["t"])
    assert agent.conversation_config.agent is not None
    assert agent.conversation_config.agent.first_message == "Hi"
    assert agent.conversation_config.tts is not None
    assert agent.conversation_config.tts.model_id == "eleven_flash_v2"
    page = agents.list(search="test", page_size=5)
    assert [row.agent_id for row in page.agents] == [agent_id]
    assert not page.has_more
    changed = agents.update(agent_id, name="Other")
    assert changed.name == "Other"
    assert changed.conversation_config.agent is not None
    assert changed.conversation_config.agent.first_message == "Hi"
    agents.delete(agent_id)
    with pytest.raises(ApiError) as caught:
        agents.get(agent_id)
    assert caught.value.status_code == 404
    assert caught.value.body["detail"]["code"] == "agent_not_found"


def test_conversations_are_listed_read_heard_and_deleted(sdk: ElevenLabs) -> None:
    conversations = sdk.conversational_ai.conversations
    page = conversations.list(agent_id="agent_1", summary_mode="include")
    (row,) = page.conversations
    assert (row.conversation_id, row.status, row.message_count) == ("conv_1", "done", 2)
    assert row.transcript_summary == "They met."
    found = conversations.get("conv_1")
    assert isinstance(found, GetConversationResponseModel)
    assert [turn.message for turn in found.transcript] == ["Hello", "Bye"]
    assert found.metadata.call_duration_secs == 12
    assert found.analysis is not None
    assert found.analysis.call_successful == "success"
    sound = b"".join(conversations.audio.get("conv_1"))
    with wave.open(BytesIO(sound)) as reader:
        assert (reader.getnchannels(), reader.getnframes()) == (2, 16_000)
    conversations.delete("conv_2")
    with pytest.raises(ApiError) as caught:
        conversations.get("conv_2")
    assert caught.value.status_code == 404
    with pytest.raises(ApiError) as caught:
        b"".join(conversations.audio.get("conv_2"))
    assert caught.value.status_code == 404


def test_a_signed_url_can_be_had(sdk: ElevenLabs) -> None:
    agent_id = sdk.conversational_ai.agents.create(
        conversation_config=ConversationalConfig()
    ).agent_id
    answer = sdk.conversational_ai.conversations.get_signed_url(agent_id=agent_id)
    base = url_of(sdk).replace("http", "ws")
    assert answer.signed_url.startswith(f"{base}/v1/convai/conversation?agent_id={agent_id}&")


def test_errors_are_the_sdks_own(sdk: ElevenLabs) -> None:
    with pytest.raises(UnprocessableEntityError):
        sdk.conversational_ai.agents.list(page_size=1_000)
    with pytest.raises(UnprocessableEntityError) as refused:
        sdk.conversational_ai.agents.create(conversation_config=None)
    assert refused.value.status_code == 422
    with httpx.Client() as http:
        stranger = ElevenLabs(api_key="wrong", base_url=url_of(sdk), httpx_client=http)
        with pytest.raises(ApiError) as caught:
            stranger.conversational_ai.agents.list()
        assert caught.value.status_code == 401
        assert caught.value.body["detail"]["status"] == "invalid_api_key"
    with pytest.raises(ApiError) as caught:
        sdk.conversational_ai.exotel.outbound_call(
            agent_id="a",
            agent_phone_number_id="p",
            to_number="+1",
            request_options={"max_retries": 0},
        )
    assert caught.value.status_code == 501


def test_clients_may_look_around_first(sdk: ElevenLabs) -> None:
    user = sdk.user.get()
    assert isinstance(user, User)
    assert user.subscription.tier == "self_hosted"
    assert sdk.user.subscription.get().status == "active"
    assert all(isinstance(model, Model) for model in sdk.models.list())
    assert isinstance(sdk.voices.get_all(), GetVoicesResponse)
    with httpx.Client(headers={"xi-api-key": KEY}) as http:
        User.model_validate(http.get(f"{url_of(sdk)}/v1/user").json())
