"""One thing of each kind on a server, so that requests find something to work on."""

from collections.abc import Mapping
from typing import Any

import httpx

from turnwise.contract import load

Json = Any
Known = Mapping[str, list[str]]
"""Ids by the name under which requests have them: `agent_id`, `documentation_id`."""

CONVAI = "/v1/convai"
CALCOM = f"{CONVAI}/api-integrations/calcom/connections"
MODEL = "e5_mistral_7b_instruct"
CONFIG: Json = {"name": "Things", "url": "https://mcp.test/mcp"}
WEBHOOK: Json = {"auth_type": "hmac", "name": "Calls", "webhook_url": "https://a.test/hook"}
LOGIN: Json = {"auth_type": "basic_auth", "name": "CRM", "provider": "a", "username": "u"}
TOOL: Json = {"type": "client", "name": "show", "description": "Shows it."}
RULE: Json = {"type": "alias", "string_to_replace": "UN", "alias": "United Nations"}
ASKED: Json = {"role": "user", "message": "Hello", "time_in_call_secs": 0}
PHONE: Json = {"provider": "twilio", "phone_number": "+1", "label": "A", "sid": "A", "token": "t"}
TEST: Json = {"type": "llm", "name": "T", "chat_history": [ASKED], "success_condition": "x"}
ITEM: Json = {"kind": "evaluation", "name": "Polite", "conversation_goal_prompt": "Be polite."}
VARIABLE: Json = {"type": "string", "label": "host", "values": {"production": "p"}}
DICTIONARY: Json = {"name": "Words", "rules": [RULE]}
CALENDAR: Json = {"name": "Ours", "credential_id": "calcom_api_key"}
MADE: tuple[tuple[str, str, Json, str], ...] = (
    ("tool_id", f"{CONVAI}/tools", {"tool_config": TOOL}, "id"),
    ("test_id", f"{CONVAI}/agent-testing/create", TEST, "id"),
    ("folder_id", f"{CONVAI}/agent-testing/folders", {"name": "F"}, "id"),
    ("analysis_item_id", f"{CONVAI}/analysis-items", ITEM, "id"),
    ("env_var_id", f"{CONVAI}/environment-variables", VARIABLE, "id"),
    ("environment", f"{CONVAI}/environments", {"name": "staging"}, "name"),
    ("documentation_id", f"{CONVAI}/knowledge-base/folder", {"name": "F"}, "id"),
    ("mcp_server_id", f"{CONVAI}/mcp-servers", {"config": CONFIG}, "id"),
    ("phone_number_id", f"{CONVAI}/phone-numbers", PHONE, "phone_number_id"),
    ("dictionary_id", "/v1/pronunciation-dictionaries/add-from-rules", DICTIONARY, "id"),
    ("secret_id", f"{CONVAI}/secrets", {"type": "new", "name": "one", "value": "v"}, "secret_id"),
    ("tag_id", f"{CONVAI}/tags", {"title": "VIP"}, "tag_id"),
    ("auth_connection_id", "/v1/workspace/auth-connections", LOGIN | {"password": "p"}, "id"),
    ("connection_id", CALCOM, CALENDAR | {"user_config_values": {"api_key": "k"}}, "connection_id"),
    ("webhook_id", "/v1/workspace/webhooks", {"settings": WEBHOOK}, "webhook_id"),
)
"""Name of the id, where it is made, from what, and where the answer has it."""


def planted(http: httpx.Client) -> Known:
    """Make one thing of each kind that clients can make, on a server that is new."""

    def post(path: str, body: Json) -> Json:
        answer = http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    known = {name: [str(post(path, body)[field])] for name, path, body, field in MADE}
    known |= _agent(http, post, known["tool_id"])
    known |= _document(http, post, known["documentation_id"])
    dictionary = http.get("/v1/pronunciation-dictionaries").json()["pronunciation_dictionaries"]
    known["version_id"] += [row["latest_version_id"] for row in dictionary]
    known["pronunciation_dictionary_id"] = known["dictionary_id"]
    called = {"call_name": "News", "agent_id": known["agent_id"][0]}
    batch = post(
        f"{CONVAI}/batch-calling/submit", called | {"recipients": [{"phone_number": "+1"}]}
    )
    file = http.post(
        f"{CONVAI}/conversations/conv_1/files", files={"file": ("a.txt", b"Some words")}
    )
    post(f"{CONVAI}/mcp-servers/{known['mcp_server_id'][0]}/tool-configs", {"tool_name": "t"})
    return known | {
        "conversation_id": ["conv_1", "conv_2"],
        "batch_id": [batch["id"]],
        "file_id": [file.json()["file_id"]],
        "integration_id": ["calcom"],
        "tool_name": ["t"],
        "voice_id": [http.get("/v1/voices").json()["voices"][0]["voice_id"]],
    }


def _agent(http: httpx.Client, post: Any, tool_ids: list[str]) -> dict[str, list[str]]:  # noqa: ANN401
    prompt = {"prompt": "Hi", "tool_ids": tool_ids}
    body = {"name": "A", "conversation_config": {"agent": {"prompt": prompt}}}
    agent_id = post(f"{CONVAI}/agents/create", body)["agent_id"]
    agent = http.get(f"{CONVAI}/agents/{agent_id}").json()
    branch = {"parent_version_id": agent["version_id"], "name": "try", "description": ""}
    made = post(f"{CONVAI}/agents/{agent_id}/branches", branch)
    branches = [made["created_branch_id"], agent["branch_id"]]
    return {
        "agent_id": [agent_id],
        "branch_id": branches,
        "source_branch_id": branches,
        "version_id": [agent["version_id"]],
    }


def _document(http: httpx.Client, post: Any, folders: list[str]) -> dict[str, list[str]]:  # noqa: ANN401
    base, text = f"{CONVAI}/knowledge-base", "Bread costs three. " * 60
    document_id = post(f"{base}/text", {"text": text, "name": "Prices"})["id"]
    index = post(f"{base}/{document_id}/rag-index", {"model": MODEL})
    chunks = http.get(f"{base}/{document_id}/chunks", params={"embedding_model": MODEL}).json()[
        "chunks"
    ]
    documents = [document_id, *folders]
    return {
        "documentation_id": documents,
        "document_id": documents,
        "rag_index_id": [index["id"]],
        "chunk_id": [chunks[0]["id"]],
    }


def names_in_paths(keys: Any) -> set[str]:  # noqa: ANN401
    """Names of all parameters in the paths of operations."""
    operations = load().operations
    return {
        part.name for key in keys for part in operations[key].parameters if part.place == "path"
    }
