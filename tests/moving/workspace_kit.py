"""A workspace with one of each, and all that can be read of one."""

from dataclasses import dataclass
from typing import Any

import httpx

from api.api_kit import conversation
from turnwise.api import Deps
from turnwise.moving.target import Target
from turnwise.store import recording_key

Json = dict[str, Any]

LISTS = {
    "secrets": "/v1/convai/secrets",
    "auth_connections": "/v1/workspace/auth-connections",
    "environments": "/v1/convai/environments",
    "environment_variables": "/v1/convai/environment-variables",
    "webhooks": "/v1/workspace/webhooks",
    "documents": "/v1/convai/knowledge-base",
    "conversation_tags": "/v1/convai/tags",
    "analysis_items": "/v1/convai/analysis-items",
    "mcp_servers": "/v1/convai/mcp-servers",
    "tools": "/v1/convai/tools",
    "pronunciation_dictionaries": "/v1/pronunciation-dictionaries?include_archived=true",
    "tests": "/v1/convai/agent-testing?include_folders=true",
    "agents": "/v1/convai/agents",
    "conversations": "/v1/convai/conversations",
}
"""By the key of their rows."""
ONES = {
    "documents": "/v1/convai/knowledge-base/{id}",
    "tools": "/v1/convai/tools/{id}",
    "pronunciation_dictionaries": "/v1/pronunciation-dictionaries/{id}",
    "agents": "/v1/convai/agents/{agent_id}",
    "conversations": "/v1/convai/conversations/{conversation_id}",
}
UPDATED = {
    "updated_at_unix_secs",
    "last_updated_at_unix_secs",
    "last_committed_at",
    "archived_time_unix",
}
"""Times of changes: what is moved was changed when it was moved."""


@dataclass(frozen=True, slots=True)
class House:
    """One workspace."""

    deps: Deps
    client: httpx.AsyncClient
    _target: Target | None = None

    @property
    def target(self) -> Target:
        assert self._target is not None
        return self._target

    async def get(self, path: str) -> Any:  # noqa: ANN401
        answer = await self.client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def post(self, path: str, body: Json) -> Json:
        answer = await self.client.post(path, json=body)
        assert answer.is_success, (path, answer.text)
        found: Json = answer.json() if answer.content else {}
        return found

    async def everything(self) -> Json:
        """All that can be read, without the times of changes."""
        found: Json = {"settings": await self.get("/v1/convai/settings")}
        for key, path in LISTS.items():
            rows = (await self.get(path))[key]
            found[key] = rows
            if key in ONES:
                found[f"{key} in full"] = [
                    await self.get(ONES[key].format(**row))
                    for row in rows
                    if row.get("type") != "folder"
                ]
        for row in found["agents"]:
            path = f"/v1/convai/agents/{row['agent_id']}/branches?include_archived=true"
            branches = (await self.get(path))["results"]
            found[f"branches of {row['agent_id']}"] = branches
            for each in branches:
                url = f"/v1/convai/agents/{row['agent_id']}?branch_id={each['id']}"
                found[each["id"]] = await self.get(url)
        found["tests in full"] = [
            await self.get(f"/v1/convai/agent-testing/{row['id']}")
            for row in found["tests"]
            if row["entity_type"] == "test"
        ]
        bare: Json = without_changes(found)
        return bare


def without_changes(value: Any, *more: str) -> Any:  # noqa: ANN401
    """Any JSON without the times of changes."""
    if isinstance(value, list):
        return [without_changes(each, *more) for each in value]
    if isinstance(value, dict):
        return {
            # when a tool was made is told nowhere but here
            key: without_changes(each, *(("created_at_unix_secs",) if key == "used_by" else more))
            for key, each in value.items()
            if key not in UPDATED and key not in more
        }
    return value


async def fill(house: House, sound: bytes) -> Json:
    """Make one of each; return some of the ids."""
    secret = (await house.post("/v1/convai/secrets", {"type": "new", "name": "K", "value": "v"}))[
        "secret_id"
    ]
    connection = await house.post(
        "/v1/workspace/auth-connections",
        {"auth_type": "bearer_auth", "name": "CRM", "provider": "acme", "token": "t", "mine": [1]},
    )
    await house.post("/v1/convai/environments", {"name": "empty"})
    values: Json = {"production": {"secret_id": secret}, "staging": {"secret_id": secret}}
    variable = {"type": "secret", "label": "api_key", "values": values}
    await house.post("/v1/convai/environment-variables", variable)
    hook = {"auth_type": "hmac", "name": "Calls", "webhook_url": "https://a.test/hook"}
    webhook = (await house.post("/v1/workspace/webhooks", {"settings": hook}))["webhook_id"]
    header = {"x-key": {"secret_id": secret}}
    settings = {
        "conversation_initiation_client_data_webhook": {
            "url": "https://a.test/init",
            "request_headers": header,
        },
        "webhooks": {"post_call_webhook_id": webhook},
        "unknown": {"kept": None},
    }
    answer = await house.client.patch("/v1/convai/settings", json=settings)
    assert answer.is_success, answer.text
    documents = await _fill_knowledge(house)
    tag = (await house.post("/v1/convai/tags", {"title": "good"}))["tag_id"]
    goal = "The agent was polite."
    item = {"kind": "evaluation", "name": "Polite", "conversation_goal_prompt": goal}
    await house.post("/v1/convai/analysis-items", item)
    server = {"name": "Weather", "url": "https://mcp.test/mcp", "mine": {"kept": None}}
    await house.post("/v1/convai/mcp-servers", {"config": server})
    tool = (await house.post("/v1/convai/tools", tool_of("find", secret, connection["id"])))["id"]
    alias = {"string_to_replace": "UN", "type": "alias", "alias": "United Nations"}
    dictionary = await house.post(
        "/v1/pronunciation-dictionaries/add-from-rules", {"name": "short", "rules": [alias]}
    )
    await house.client.patch(
        f"/v1/pronunciation-dictionaries/{dictionary['id']}", json={"archived": True}
    )
    await _fill_tests(house)
    agent = await _fill_agent(house, tool, documents, dictionary)
    counts = {"user_message_count": 1, "agent_message_count": 1}
    for number, heard in ((0, False), (1, True), (2, False)):
        sounds = {"has_audio": heard, "has_user_audio": False, "has_response_audio": heard}
        document = {**conversation(number, agent=agent), **counts, **sounds}
        if number == 2:
            document["tag_ids"] = [tag]
        if number == 0:
            document["status"] = "in-progress"
        async with house.deps.store.writing() as tx:
            await tx.conversations.begin(document)
    await house.deps.blobs.put(recording_key("conv_1"), sound)
    return {"agent": agent, "tool": tool, "secret": secret, "connection": connection["id"]} | {
        "documents": documents,
        "dictionary": dictionary["id"],
    }


def tool_of(name: str, secret: str, connection: str) -> Json:
    return {
        "tool_config": {
            "type": "webhook",
            "name": name,
            "description": "finds",
            "unknown": {"kept": None},
            "api_schema": {
                "url": "https://a.test/find",
                "method": "GET",
                "request_headers": {"x-key": {"secret_id": secret}},
                "auth_connection": {"auth_connection_id": connection},
            },
        }
    }


async def _fill_knowledge(house: House) -> list[str]:
    base = "/v1/convai/knowledge-base"
    inner = (await house.post(f"{base}/folder", {"name": "inner"}))["id"]
    outer = (await house.post(f"{base}/folder", {"name": "outer"}))["id"]
    await house.post(f"{base}/{inner}/move", {"move_to": outer})  # the younger holds the older
    text = {"name": "T", "text": "We open\nat 9 < 10.", "parent_folder_id": inner}
    made = [(await house.post(f"{base}/text", text))["id"]]
    for name, data in (("a.md", b"# Title\n\nOur *menu*."), ("b.html", b"<p>Prices: <b>5</b></p>")):
        answer = await house.client.post(f"{base}/file", files={"file": (name, data)})
        assert answer.is_success, answer.text
        made.append(answer.json()["id"])
    return made


async def _fill_tests(house: House) -> None:
    base = "/v1/convai/agent-testing"
    outer = (await house.post(f"{base}/folders", {"name": "outer"}))["id"]
    body = {"name": "inner", "parent_folder_id": outer}
    inner = (await house.post(f"{base}/folders", body))["id"]
    test = {
        "type": "llm",
        "name": "Greets",
        "chat_history": [{"role": "user", "message": "Hello", "time_in_call_secs": 0}],
        "success_condition": "It greets.",
        "unknown": {"kept": None},
    }
    await house.post(f"{base}/create", test | {"parent_folder_id": inner})
    await house.post(f"{base}/create", test | {"name": "Top"})


async def _fill_agent(house: House, tool: str, documents: list[str], dictionary: Json) -> str:
    base = "/v1/convai/agents"
    knowledge = [{"type": "text", "id": documents[0], "name": "T", "usage_mode": "auto"}]
    locator = {
        "pronunciation_dictionary_id": dictionary["id"],
        "version_id": dictionary["version_id"],
    }
    prompt = {"prompt": "Be kind.", "tool_ids": [tool], "knowledge_base": knowledge}
    variables = {"dynamic_variable_placeholders": {"one": "1", "two": "2"}}
    body = {
        "name": "Ann",
        "tags": ["a"],
        "unknown": {"kept": None},
        "conversation_config": {
            "agent": {"first_message": "Hi", "prompt": prompt, "dynamic_variables": variables},
            "tts": {"pronunciation_dictionary_locators": [locator]},
        },
    }
    agent = str((await house.post(f"{base}/create", body))["agent_id"])
    main = await house.get(f"{base}/{agent}")
    trial = {"parent_version_id": main["version_id"], "name": "trial", "description": "a trial"}
    branch = (await house.post(f"{base}/{agent}/branches", trial))["created_branch_id"]
    # on main there is one more: the branch must not get it back
    more = {"dynamic_variables": {"dynamic_variable_placeholders": {"three": "3"}}}
    change = {"conversation_config": {"agent": more}}
    answer = await house.client.patch(f"{base}/{agent}", json=change)
    assert answer.is_success, answer.text
    requests = [
        {
            "branch_id": each,
            "deployment_strategy": {"type": "percentage", "traffic_percentage": share},
        }
        for each, share in ((main["branch_id"], 75), (branch, 25))
    ]
    deploy = {"deployment_request": {"requests": requests}}
    await house.post(f"{base}/{agent}/deployments", deploy)
    archived = {"platform_settings": {"archived": True}, "conversation_config": {}, "name": "Old"}
    await house.post(f"{base}/create", archived)
    return agent
