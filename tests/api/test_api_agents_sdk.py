"""The official Python SDK on agents and their branches, against a real server."""

import base64

import pytest
from elevenlabs import AgentConfig, ConversationalConfig
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import (
    AgentDeploymentPercentageStrategy,
    AgentDeploymentRequest,
    AgentDeploymentRequestItem,
    AgentWorkflowRequestModel,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def saying(text: str) -> ConversationalConfig:
    return ConversationalConfig(agent=AgentConfig(first_message=text, language="en"))


@pytest.fixture
def agent_id(sdk: ElevenLabs) -> str:
    created = sdk.conversational_ai.agents.create(name="a", conversation_config=saying("Hi"))
    return str(created.agent_id)


def main_of(sdk: ElevenLabs, agent_id: str) -> tuple[str, str]:
    agent = sdk.conversational_ai.agents.get(agent_id)
    assert agent.branch_id is not None
    assert agent.version_id is not None
    return agent.branch_id, agent.version_id


def test_versions_and_branches(sdk: ElevenLabs, agent_id: str) -> None:
    agents = sdk.conversational_ai.agents
    main, first = main_of(sdk, agent_id)
    made = agents.branches.create(agent_id, parent_version_id=first, name="b", description="a try")
    branch = made.created_branch_id
    changed = agents.update(agent_id, branch_id=branch, conversation_config=saying("Hey"))
    assert changed.conversation_config.agent is not None
    assert changed.conversation_config.agent.first_message == "Hey"
    assert [each.id for each in agents.branches.list(agent_id).results] == [main, branch]
    shown = agents.branches.get(agent_id, branch)
    assert shown.parent_branch is not None
    assert shown.parent_branch.id == main
    assert shown.most_recent_versions is not None
    assert shown.most_recent_versions[-1].id == made.created_version_id
    version = agents.versions.get(agent_id, made.created_version_id)
    assert version.parents.out_of_branch_parent_id == first
    renamed = agents.branches.update(agent_id, branch, description="better")
    assert renamed.description == "better"
    old = agents.get(agent_id, version_id=first)
    assert old.conversation_config.agent is not None
    assert old.conversation_config.agent.first_message == "Hi"


def test_merge_and_rebase(sdk: ElevenLabs, agent_id: str) -> None:
    agents = sdk.conversational_ai.agents
    main, first = main_of(sdk, agent_id)
    branch = agents.branches.create(
        agent_id, parent_version_id=first, name="b", description=""
    ).created_branch_id
    agents.update(agent_id, name="new")
    preview = agents.branches.preview_rebase(agent_id, branch)
    assert preview.name == "new"
    agents.branches.rebase(agent_id, branch)
    agents.update(agent_id, branch_id=branch, conversation_config=saying("Hey"))
    merging = agents.branches.preview_merge(agent_id, branch, target_branch_id=main)
    assert merging.conflicts == []
    assert merging.source_identical_to_target is False
    agents.branches.merge(agent_id, branch, target_branch_id=main)
    merged = agents.get(agent_id)
    assert merged.conversation_config.agent is not None
    assert merged.conversation_config.agent.first_message == "Hey"
    with pytest.raises(ApiError) as refused:
        agents.branches.merge(agent_id, branch, target_branch_id=main)
    assert refused.value.body["detail"]["code"] == "branch_archived"


def test_drafts_and_deployments(sdk: ElevenLabs, agent_id: str) -> None:
    agents = sdk.conversational_ai.agents
    main, first = main_of(sdk, agent_id)
    branch = agents.branches.create(
        agent_id, parent_version_id=first, name="b", description=""
    ).created_branch_id
    agents.drafts.create(
        agent_id,
        branch_id=branch,
        conversation_config={},
        platform_settings={},
        workflow=AgentWorkflowRequestModel(),
        name="draft",
    )
    rows = {row.id: row for row in agents.branches.list(agent_id).results}
    assert (rows[main].draft_exists, rows[branch].draft_exists) == (False, True)
    agents.drafts.delete(agent_id, branch_id=branch)
    items = [
        AgentDeploymentRequestItem(
            branch_id=each,
            deployment_strategy=AgentDeploymentPercentageStrategy(traffic_percentage=share),
        )
        for each, share in ((main, 75), (branch, 25))
    ]
    deployed = agents.deployments.create(
        agent_id, deployment_request=AgentDeploymentRequest(requests=items)
    )
    assert deployed.traffic_percentage_branch_id_map == {main: 75, branch: 25}
    (found,) = agents.deployments.list(agent_id).results
    assert (found.is_active, found.source) == (True, "manual")


def test_copies_summaries_and_pages(sdk: ElevenLabs, agent_id: str) -> None:
    agents = sdk.conversational_ai.agents
    copy = agents.duplicate(agent_id, name="copy").agent_id
    found = agents.summaries.get(agent_ids=[copy, "agent_x"])
    assert (found[copy].status, found["agent_x"].status) == ("success", "failure")
    assert agents.link.get(copy).token is None
    avatar = agents.widget.avatar.create(copy, avatar_file=("a.png", PNG, "image/png"))
    shown = agents.widget.get(copy).widget_config
    assert shown.avatar is not None
    assert shown.avatar.type == "image"
    assert shown.avatar.url == avatar.avatar_url
    assert agents.llm_usage.calculate(copy).llm_prices[0].price_per_minute == 0
    usage = sdk.conversational_ai.llm_usage.calculate(
        prompt_length=1, number_of_pages=0, rag_enabled=False
    )
    assert usage.llm_prices
    agents.delete(copy, force=True)
    page = agents.list(page_size=100, archived=False, sort_by="call_count_7d")
    assert copy not in {row.agent_id for row in page.agents}
