"""Branches, versions, drafts and deployments of agents."""

import asyncio
from typing import Any

import httpx
import pytest
from elevenlabs.types import (
    AgentBranchResponse,
    AgentVersionMetadata,
    GetAgentResponseModel,
    ListResponseAgentBranchSummary,
    MergePreviewResponseModel,
)

from api.api_kit import conversation, error_of
from turnwise.api.agent_documents import created
from turnwise.api.deps import Deps

pytestmark = pytest.mark.anyio

AGENTS = "/v1/convai/agents"
Json = dict[str, Any]


class Agent:
    """An agent, and what is asked of it."""

    def __init__(self, client: httpx.AsyncClient, agent_id: str) -> None:
        self.client = client
        self.id = agent_id
        self.url = f"{AGENTS}/{agent_id}"

    async def get(self, **query: Any) -> Json:  # noqa: ANN401
        answer = await self.client.get(self.url, params=query)
        assert answer.status_code == 200, answer.text
        GetAgentResponseModel.model_validate(answer.json())
        found: Json = answer.json()
        return found

    async def patch(self, body: Json, **query: Any) -> Json:  # noqa: ANN401
        answer = await self.client.patch(self.url, json=body, params=query)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def branch(self, name: str, parent: str | None = None, **more: Any) -> str:  # noqa: ANN401
        version = parent or (await self.get())["version_id"]
        body = {"parent_version_id": version, "name": name, "description": "", **more}
        answer = await self.client.post(f"{self.url}/branches", json=body)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"created_branch_id", "created_version_id"}
        return str(answer.json()["created_branch_id"])

    async def branches(self, **query: Any) -> dict[str, Json]:  # noqa: ANN401
        answer = await self.client.get(f"{self.url}/branches", params=query)
        assert answer.status_code == 200, answer.text
        ListResponseAgentBranchSummary.model_validate(answer.json())
        return {each["id"]: each for each in answer.json()["results"]}

    async def about(self, branch_id: str) -> Json:
        answer = await self.client.get(f"{self.url}/branches/{branch_id}")
        assert answer.status_code == 200, answer.text
        AgentBranchResponse.model_validate(answer.json())
        found: Json = answer.json()
        return found

    async def version(self, version_id: str) -> Json:
        answer = await self.client.get(f"{self.url}/versions/{version_id}")
        assert answer.status_code == 200, answer.text
        AgentVersionMetadata.model_validate(answer.json())
        found: Json = answer.json()
        return found

    async def merge(self, source: str, target: str, **body: Any) -> httpx.Response:  # noqa: ANN401
        url = f"{self.url}/branches/{source}/merge"
        return await self.client.post(url, json=body, params={"target_branch_id": target})

    async def preview(self, source: str, target: str, **query: Any) -> Json:  # noqa: ANN401
        url = f"{self.url}/branches/{source}/merge-preview"
        answer = await self.client.get(url, params={"target_branch_id": target, **query})
        assert answer.status_code == 200, answer.text
        MergePreviewResponseModel.model_validate(answer.json())
        found: Json = answer.json()
        return found

    async def deploy(self, **shares: float) -> httpx.Response:
        requests = [
            {
                "branch_id": branch,
                "deployment_strategy": {"type": "percentage", "traffic_percentage": share},
            }
            for branch, share in shares.items()
        ]
        body = {"deployment_request": {"requests": requests}}
        return await self.client.post(f"{self.url}/deployments", json=body)


@pytest.fixture
async def agent(client: httpx.AsyncClient) -> Agent:
    body = {"name": "a", "conversation_config": {"agent": {"first_message": "Hi"}}}
    answer = await client.post(f"{AGENTS}/create", json=body)
    return Agent(client, answer.json()["agent_id"])


def says(text: str) -> Json:
    return {"conversation_config": {"agent": {"first_message": text}}}


def prompted(text: str) -> Json:
    return {"conversation_config": {"agent": {"prompt": {"prompt": text}}}}


def first_message(document: Json) -> str:
    return str(document["conversation_config"]["agent"]["first_message"])


def prompt(document: Json) -> str:
    return str(document["conversation_config"]["agent"]["prompt"]["prompt"])


async def test_a_new_agent_has_main_with_one_version(agent: Agent) -> None:
    document = await agent.get()
    assert document["branch_id"] == document["main_branch_id"]
    main = await agent.about(document["branch_id"])
    assert (main["name"], main["is_archived"], main["parent_branch"]) == ("Main", False, None)
    assert main["current_live_percentage"] == 100
    (version,) = main["most_recent_versions"]
    assert version["id"] == document["version_id"]
    assert version["seq_no_in_branch"] == 1
    assert set(version["parents"].values()) == {None}
    assert await agent.version(version["id"]) == version


async def test_each_change_is_a_new_version_and_old_ones_stay(agent: Agent) -> None:
    before = await agent.get()
    after = await agent.patch(says("Ho") | {"version_description": "louder"})
    assert after["version_id"] != before["version_id"]
    told = await agent.version(after["version_id"])
    assert (told["version_description"], told["seq_no_in_branch"]) == ("louder", 2)
    assert told["parents"]["in_branch_parent_id"] == before["version_id"]
    old = await agent.get(version_id=before["version_id"])
    assert first_message(old) == "Hi"
    assert old["version_id"] == before["version_id"]
    assert {**old, "metadata": None} == {**before, "metadata": None}
    assert first_message(await agent.get()) == "Ho"
    assert "version_description" not in after


async def test_a_patch_that_changes_nothing_is_no_version(agent: Agent) -> None:
    before = await agent.get()
    assert (await agent.patch({}))["version_id"] == before["version_id"]
    assert (await agent.patch(says("Hi")))["version_id"] == before["version_id"]
    described = await agent.patch({"version_description": "as it is"})
    assert described["version_id"] != before["version_id"]


async def test_a_branch_is_changed_alone(agent: Agent) -> None:
    main = await agent.get()
    branch = await agent.branch("experiment/1", **says("Hey"))
    assert first_message(await agent.get(branch_id=branch)) == "Hey"
    changed = await agent.patch(prompted("Be brief."), branch_id=branch)
    assert (changed["branch_id"], changed["main_branch_id"]) == (branch, main["branch_id"])
    assert (first_message(changed), prompt(changed)) == ("Hey", "Be brief.")
    assert await agent.get() == main
    shown = await agent.about(branch)
    assert shown["parent_branch"] == {"id": main["branch_id"], "name": "Main"}
    assert [each["seq_no_in_branch"] for each in shown["most_recent_versions"]] == [2, 1]
    first = shown["most_recent_versions"][1]
    assert first["parents"]["out_of_branch_parent_id"] == main["version_id"]


async def test_settings_of_the_agent_are_those_of_all_branches(agent: Agent) -> None:
    branch = await agent.branch("b")
    settings = {"auth": {"enable_auth": True}, "widget": {"variant": "tiny"}}
    changed = await agent.patch({"platform_settings": settings}, branch_id=branch)
    assert changed["platform_settings"]["auth"]["enable_auth"]
    assert changed["platform_settings"]["widget"]["variant"] == "tiny"
    main = await agent.get()
    assert main["platform_settings"]["auth"]["enable_auth"]
    assert main["platform_settings"]["widget"]["variant"] == "full"
    await agent.patch({"platform_settings": {"auth": {"enable_auth": False}}})
    again = await agent.get(branch_id=branch)
    assert not again["platform_settings"]["auth"]["enable_auth"]


async def test_patches_made_at_once_on_a_branch_are_all_kept(agent: Agent) -> None:
    branch = await agent.branch("b")

    async def patch(number: int) -> None:
        await agent.patch({"conversation_config": {"own": {f"f{number}": 1}}}, branch_id=branch)

    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(patch(number))
    found = await agent.get(branch_id=branch)
    assert found["conversation_config"]["own"] == {f"f{number}": 1 for number in range(6)}
    latest = (await agent.about(branch))["most_recent_versions"]
    assert [each["seq_no_in_branch"] for each in latest] == [7, 6, 5, 4, 3, 2, 1]


async def test_list_branches(agent: Agent, deps: Deps) -> None:
    main = (await agent.get())["branch_id"]
    one, other = await agent.branch("one"), await agent.branch("other")
    await agent.patch(says("1"))
    await agent.patch(says("2"), branch_id=one)
    async with deps.store.writing() as tx:
        now = (await tx.agents.get(agent.id)).created_at  # type: ignore[union-attr]
        for number in range(3):
            call = conversation(number, agent=agent.id, branch_id=one)
            call["metadata"]["start_time_unix_secs"] = now
            await tx.conversations.begin(call)
    found = await agent.branches(include_commit_status=True)
    assert list(found) == [main, one, other]
    assert [each["calls_7d"] for each in found.values()] == [0, 3, 0]
    assert (found[one]["commits_ahead"], found[one]["commits_behind"]) == (2, 1)
    assert found[other]["parent_branch_id"] == main
    assert (await agent.branches())[one]["commits_ahead"] is None
    await agent.client.patch(f"{agent.url}/branches/{one}", json={"is_archived": True})
    assert list(await agent.branches()) == [main, other]
    assert list(await agent.branches(include_archived=True)) == [main, one, other]
    assert list(await agent.branches(limit=2, include_archived=True)) == [main, one]


async def test_update_branch(agent: Agent) -> None:
    branch = await agent.branch("b")
    body = {
        "name": "c (2)",
        "description": "better",
        "protection_status": "admin_perms_required",
        "auto_rebase": True,
        "is_archived": None,
    }
    answer = await agent.client.patch(f"{agent.url}/branches/{branch}", json=body)
    assert answer.status_code == 200
    AgentBranchResponse.model_validate(answer.json())
    shown = await agent.about(branch)
    assert shown == answer.json()
    assert {key: shown[key] for key in body if key != "is_archived"} == {
        key: value for key, value in body.items() if key != "is_archived"
    }
    assert not shown["is_archived"]


async def test_a_merge_brings_both_sides_changes_together(agent: Agent) -> None:
    main = await agent.get()
    branch = await agent.branch("b")
    await agent.patch(prompted("Be brief."), branch_id=branch)
    await agent.patch(says("Ho"))
    preview = await agent.preview(branch, main["branch_id"])
    assert (first_message(preview), prompt(preview)) == ("Ho", "Be brief.")
    assert (preview["conflicts"], preview["overridden_fields"]) == ([], [])
    assert not preview["source_identical_to_target"]
    assert prompt(await agent.get()) == ""
    source = (await agent.get(branch_id=branch))["version_id"]
    answer = await agent.merge(branch, main["branch_id"])
    assert answer.status_code == 200, answer.text
    merged = await agent.get()
    assert (first_message(merged), prompt(merged)) == ("Ho", "Be brief.")
    parents = (await agent.version(merged["version_id"]))["parents"]
    assert parents["merged_from_version_id"] == source
    assert parents["merged_from_branch_id"] == branch
    shown = (await agent.branches(include_archived=True))[branch]
    assert (shown["is_archived"], shown["merged_into_branch_id"]) == (True, main["branch_id"])


@pytest.mark.parametrize(
    ("branch_last", "force", "kept"),
    [(True, False, "branch"), (False, False, "main"), (False, True, "branch")],
)
async def test_in_a_conflict_the_newer_side_wins_unless_forced(
    agent: Agent, *, branch_last: bool, force: bool, kept: str
) -> None:
    main = (await agent.get())["branch_id"]
    branch = await agent.branch("b")
    changes = [(says("main"), main), (says("branch"), branch)]
    for body, where in changes if branch_last else reversed(changes):
        await agent.patch(body, branch_id=where)
    preview = await agent.preview(branch, main, force=force)
    path = "conversation_config.agent.first_message"
    assert preview["overridden_fields"] == [path]
    assert preview["conflicts"] == [
        {
            "path": path,
            "section": "conversation_config",
            "base_value": "Hi",
            "source_value": "branch",
            "target_value": "main",
        }
    ]
    await agent.merge(branch, main, force=force)
    assert first_message(preview) == first_message(await agent.get()) == kept


async def test_after_a_merge_only_what_is_newer_is_merged_again(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    branch = await agent.branch("b")
    await agent.patch(says("1"), branch_id=branch)
    await agent.merge(branch, main, archive_source_branch=False)
    await agent.patch(says("2"))
    await agent.patch(prompted("p"), branch_id=branch)
    preview = await agent.preview(branch, main)
    assert (first_message(preview), prompt(preview), preview["conflicts"]) == ("2", "p", [])


async def test_a_merge_needs_something_new(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    branch = await agent.branch("b")
    answer = await agent.merge(branch, main)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "no_new_changes_to_merge")
    await agent.patch(says("1"), branch_id=branch)
    await agent.merge(branch, main, archive_source_branch=False)
    answer = await agent.merge(branch, main)
    assert (answer.status_code, error_of(answer)["code"]) == (400, "branch_already_merged")
    preview = await agent.preview(branch, main)
    assert preview["source_identical_to_target"]


async def test_a_name_goes_to_the_agent_when_it_reaches_main(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    branch = await agent.branch("b")
    changed = await agent.patch({"name": "new", "tags": ["x"]}, branch_id=branch)
    assert changed["name"] == "new"
    assert (await agent.get())["name"] == "a"
    await agent.merge(branch, main)
    merged = await agent.get()
    assert (merged["name"], merged["tags"]) == ("new", ["x"])


async def test_a_rebase_keeps_what_the_branch_changed(agent: Agent) -> None:
    branch = await agent.branch("b")
    url = f"{agent.url}/branches/{branch}"
    await agent.patch(says("branch"), branch_id=branch)
    await agent.patch(says("main"))
    main = await agent.patch(prompted("p"))
    preview = (await agent.client.get(f"{url}/rebase-preview")).json()
    MergePreviewResponseModel.model_validate(preview)
    assert (first_message(preview), prompt(preview)) == ("branch", "p")
    assert preview["branch_id"] == branch
    assert preview["overridden_fields"] == ["conversation_config.agent.first_message"]
    answer = await agent.client.post(f"{url}/rebase")
    assert answer.status_code == 200, answer.text
    rebased = await agent.get(branch_id=branch)
    assert (first_message(rebased), prompt(rebased)) == ("branch", "p")
    parents = (await agent.version(rebased["version_id"]))["parents"]
    assert parents["rebased_from_version_id"] == main["version_id"]
    answer = await agent.client.post(f"{url}/rebase")
    assert error_of(answer)["code"] == "branch_already_up_to_date"
    answer = await agent.client.post(f"{agent.url}/branches/{main['branch_id']}/rebase")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "cannot_rebase_main")


async def test_a_branch_may_follow_main_by_itself(agent: Agent) -> None:
    branch = await agent.branch("b")
    url = f"{agent.url}/branches/{branch}"
    await agent.client.patch(url, json={"auto_rebase": True})
    await agent.patch(prompted("p"))
    assert prompt(await agent.get(branch_id=branch)) == "p"
    attempt = (await agent.about(branch))["sync_status"]["last_attempt"]
    assert attempt["outcome"] == "succeeded"
    await agent.patch(prompted("own"), branch_id=branch)
    await agent.patch(prompted("other"))
    assert prompt(await agent.get(branch_id=branch)) == "own"
    attempt = (await agent.about(branch))["sync_status"]["last_attempt"]
    assert attempt["outcome"] == "conflict"


async def test_drafts_last_until_the_next_version(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    url = f"{agent.url}/drafts"
    draft = {
        "conversation_config": {"agent": {"first_message": "Draft"}},
        "platform_settings": {},
        "workflow": {},
        "name": "a",
    }
    for _ in range(2):
        answer = await agent.client.post(url, json=draft, params={"branch_id": main})
        assert answer.status_code == 200
    shown = (await agent.branches())[main]
    assert (shown["draft_exists"], shown["draft_is_behind_tip"]) == (True, False)
    assert first_message(await agent.get()) == "Hi"
    branch = await agent.branch("from a draft", include_draft=True)
    assert first_message(await agent.get(branch_id=branch)) == "Draft"
    await agent.patch(says("Ho"))
    assert not (await agent.branches())[main]["draft_exists"]
    await agent.client.post(url, json=draft, params={"branch_id": main})
    assert (await agent.client.delete(url, params={"branch_id": main})).status_code == 200
    assert not (await agent.branches())[main]["draft_exists"]


async def test_traffic_is_split_and_the_history_is_kept(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    branch = await agent.branch("b")
    answer = await agent.deploy(**{main: 90, branch: 10})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"traffic_percentage_branch_id_map": {main: 90, branch: 10}}
    await agent.deploy(**{main: 50.5, branch: 49.5})
    shown = await agent.branches()
    assert [each["current_live_percentage"] for each in shown.values()] == [50.5, 49.5]
    listed = (await agent.client.get(f"{agent.url}/deployments", params={"page_size": 1})).json()
    assert listed["meta"] == {"total": 2, "page": 1, "page_size": 1}
    (newest,) = listed["results"]
    assert newest["is_active"]
    assert (newest["source"], newest["traffic_percentage_branch_id_map"][main]) == ("manual", 50.5)
    second = await agent.client.get(f"{agent.url}/deployments", params={"page_size": 1, "page": 2})
    assert [each["is_active"] for each in second.json()["results"]] == [False]


async def test_a_merge_takes_the_traffic_along(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    branch = await agent.branch("b", **says("Hey"))
    await agent.deploy(**{main: 70, branch: 30})
    answer = await agent.client.patch(f"{agent.url}/branches/{branch}", json={"is_archived": True})
    assert (answer.status_code, error_of(answer)["code"]) == (400, "branch_has_traffic")
    assert (await agent.merge(branch, main)).status_code == 200
    assert (await agent.about(main))["current_live_percentage"] == 100
    listed = (await agent.client.get(f"{agent.url}/deployments")).json()["results"]
    assert listed[0]["source"] == "branch_merge"


@pytest.mark.parametrize(
    ("shares", "status"),
    [({}, 400), ({"main": 99}, 400), ({"main": 101}, 422), ({"main": 50, "nowhere": 50}, 404)],
)
async def test_a_split_that_does_not_add_up_is_refused(
    agent: Agent, shares: dict[str, float], status: int
) -> None:
    main = (await agent.get())["branch_id"]
    named = {main if branch == "main" else branch: share for branch, share in shares.items()}
    assert (await agent.deploy(**named)).status_code == status
    assert (await agent.client.get(f"{agent.url}/deployments")).json()["results"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "?version_id=agtvrsn_x", None, 404, "version_not_found"),
        ("GET", "?branch_id=agtbrch_x", None, 404, "branch_not_found"),
        ("PATCH", "?branch_id=agtbrch_x", {}, 404, "branch_not_found"),
        ("GET", "/versions/" + "x" * 5_000, None, 404, "version_not_found"),
        ("GET", "/branches/agtbrch_x", None, 404, "branch_not_found"),
        ("PATCH", "/branches/agtbrch_x", {}, 404, "branch_not_found"),
        ("PATCH", "/branches/MAIN", {"is_archived": True}, 400, "cannot_archive_main"),
        ("PATCH", "/branches/MAIN", {"auto_rebase": True}, 400, "cannot_rebase_main"),
        ("GET", "/branches/MAIN/rebase-preview", None, 400, "cannot_rebase_main"),
        ("POST", "/branches/x/merge?target_branch_id=MAIN", {}, 404, "branch_not_found"),
        ("POST", "/branches/MAIN/merge?target_branch_id=MAIN", {}, 400, "invalid_request"),
        ("POST", "/branches/MAIN/merge", {}, 422, None),
        ("POST", "/branches", {"name": "b", "description": ""}, 422, None),
        ("POST", "/branches", {"name": "b", "description": "", "parent_version_id": "x"}, 404, ""),
        ("DELETE", "/drafts?branch_id=x", None, 404, "branch_not_found"),
        ("DELETE", "/drafts", None, 422, None),
        ("GET", "/deployments?page=0", None, 422, None),
        ("GET", "/deployments?page_size=101", None, 422, None),
        ("PATCH", "", {"procedures": {"p": {"procedure_id": "p", "version_id": "v"}}}, 501, ""),
    ],
)
async def test_what_is_not_there_is_said(  # a table
    agent: Agent, method: str, path: str, body: Json | None, status: int, code: str | None
) -> None:
    main = (await agent.get())["main_branch_id"]
    url = agent.url + path.replace("MAIN", main)
    answer = await agent.client.request(method, url, json=body)
    assert answer.status_code == status, answer.text
    if code:
        assert error_of(answer)["code"] == code
    strange = f"{AGENTS}/agent_x{path.replace('MAIN', main)}"
    answer = await agent.client.request(method, strange, json=body)
    assert answer.status_code in {404, status}


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\\b", "x" * 141, "a:b"])
async def test_a_bad_name_of_a_branch_is_refused(agent: Agent, name: str) -> None:
    version = (await agent.get())["version_id"]
    body = {"parent_version_id": version, "name": name, "description": ""}
    answer = await agent.client.post(f"{agent.url}/branches", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "name"]


async def test_names_of_branches_are_unique_within_an_agent(agent: Agent) -> None:
    branch = await agent.branch("b")
    version = (await agent.get())["version_id"]
    body = {"parent_version_id": version, "name": "b", "description": ""}
    answer = await agent.client.post(f"{agent.url}/branches", json=body)
    assert (answer.status_code, error_of(answer)["code"]) == (409, "resource_already_exists")
    answer = await agent.client.patch(f"{agent.url}/branches/{branch}", json={"name": "Main"})
    assert answer.status_code == 409


async def test_branches_of_one_agent_are_not_those_of_another(
    agent: Agent, client: httpx.AsyncClient
) -> None:
    answer = await client.post(f"{AGENTS}/create", json={"conversation_config": {}})
    other = Agent(client, answer.json()["agent_id"])
    theirs = await other.get()
    answer = await client.get(agent.url, params={"version_id": theirs["version_id"]})
    assert answer.status_code == 404
    answer = await client.get(f"{agent.url}/branches/{theirs['branch_id']}")
    assert answer.status_code == 404


async def test_a_copy_has_the_branches_and_the_split(agent: Agent) -> None:
    main = (await agent.get())["branch_id"]
    branch, gone = await agent.branch("b"), await agent.branch("gone")
    await agent.patch(says("Hey"), branch_id=branch)
    await agent.patch(prompted("p"))
    await agent.client.patch(f"{agent.url}/branches/{gone}", json={"is_archived": True})
    await agent.deploy(**{main: 80, branch: 20})
    answer = await agent.client.post(f"{agent.url}/duplicate", json={"name": "copy"})
    copy = Agent(agent.client, answer.json()["agent_id"])
    shown = await copy.branches(include_archived=True)
    assert [(each["name"], each["current_live_percentage"]) for each in shown.values()] == [
        ("Main", 80),
        ("b", 20),
    ]
    copied, twin = await copy.get(), await agent.get()
    assert (copied["name"], prompt(copied)) == ("copy", "p")
    for key in ("conversation_config", "platform_settings", "workflow"):
        assert copied[key] == twin[key]
    ids = {copied["version_id"], copied["branch_id"], *shown}
    assert not ids & {twin["version_id"], twin["branch_id"], main, branch}
    copied_main, copied_branch = shown
    preview = await copy.preview(copied_branch, copied_main)
    assert (first_message(preview), prompt(preview), preview["conflicts"]) == ("Hey", "p", [])
    answer = await agent.client.post(f"{agent.url}/duplicate")
    assert (await Agent(agent.client, answer.json()["agent_id"]).get())["name"] == "a (copy)"


async def test_an_agent_from_before_there_were_versions_gets_one(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    async with deps.store.writing() as tx:
        record = await tx.agents.create(created({"conversation_config": {}}))
    agent = Agent(client, record.agent_id)
    document = await agent.get()
    assert (await agent.version(document["version_id"]))["seq_no_in_branch"] == 1
    assert (await agent.get())["version_id"] == document["version_id"]


async def test_with_an_agent_goes_its_history(agent: Agent, deps: Deps) -> None:
    await agent.branch("b")
    assert (await agent.client.delete(agent.url)).status_code == 200
    async with deps.store.reading() as tx:
        for kind in ("branch", "version", "snapshot", "draft", "deployment"):
            assert await tx.records.count(kind) == 0
