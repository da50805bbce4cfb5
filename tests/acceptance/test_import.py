"""`turnwise import elevenlabs`: from one server into a fresh folder, by the published API alone."""

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from elevenlabs import McpServerConfigInput, WebhookHmacSettings
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai import AnalysisItemsCreateRequestBody_Evaluation
from elevenlabs.environment_variables import EnvironmentVariablesCreateRequestBody_Secret
from elevenlabs.types import EnvironmentVariableSecretValueRequest
from typing_extensions import override

from acceptance.callers import Caller
from acceptance.conftest import MakeHouse
from acceptance.house import KEY, House, agent, wait_until
from moving.workspace_kit import LISTS, ONES, without_changes

pytestmark = pytest.mark.acceptance

Json = dict[str, Any]


@dataclass
class Left:
    """The server that is left, and some of what is on it."""

    house: House
    agent_id: str
    plain_agent_id: str
    tool_id: str
    spare_tool_id: str
    secret_id: str
    conversation_id: str


@pytest.fixture(scope="module")
def left(make_house: MakeHouse) -> Left:
    house = make_house()
    with httpx.Client() as http:
        return _fill(house, ElevenLabs(api_key=KEY, base_url=house.url, httpx_client=http))


def _fill(house: House, sdk: ElevenLabs) -> Left:
    ai = sdk.conversational_ai
    secret_id = ai.secrets.create(name="crm", value="hunter2").secret_id
    sdk.environments.create(name="staging")
    sdk.environment_variables.create(
        request=EnvironmentVariablesCreateRequestBody_Secret(
            label="crm_key",
            values={"production": EnvironmentVariableSecretValueRequest(secret_id=secret_id)},
        )
    )
    hook = WebhookHmacSettings(name="Calls", webhook_url="https://a.test/hook")
    webhook_id = sdk.webhooks.create(settings=hook).webhook_id
    ai.settings.update(webhooks={"post_call_webhook_id": webhook_id}, rag_retention_period_days=5)
    documents = ai.knowledge_base.documents
    folder_id = documents.create_folder(name="Menu").id
    text = documents.create_from_text(
        text="Bread costs three.", name="Prices", parent_folder_id=folder_id
    )
    documents.create_from_file(file=("menu.md", io.BytesIO(b"# Menu\n\n*Soup*."), "text/markdown"))
    ai.analysis_items.create(
        request=AnalysisItemsCreateRequestBody_Evaluation(
            name="Polite", conversation_goal_prompt="The agent was polite."
        )
    )
    ai.mcp_servers.create(config=McpServerConfigInput(name="Weather", url="https://mcp.test/mcp"))
    tool_id, spare_tool_id = (_tool(house, name, secret_id) for name in ("find", "spare"))
    rule = {"type": "alias", "string_to_replace": "UN", "alias": "United Nations"}
    rules = {"name": "short", "rules": [rule]}
    dictionary = _post(house, "/v1/pronunciation-dictionaries/add-from-rules", rules)
    _test(house)
    plain_agent_id = house.create(agent("Be brief.", "Hello."))
    document = agent("Be kind.", "Welcome.")
    prompt = document["conversation_config"]["agent"]["prompt"]
    del prompt["tools"]
    prompt["tool_ids"] = [tool_id]
    prompt["knowledge_base"] = [{"type": "text", "id": text.id, "name": "Prices"}]
    document["conversation_config"]["tts"]["pronunciation_dictionary_locators"] = [
        {
            "pronunciation_dictionary_id": dictionary["id"],
            "version_id": dictionary["version_id"],
        }
    ]
    agent_id = house.create(document)
    version_id = ai.agents.get(agent_id).version_id
    assert version_id is not None
    made = ai.agents.branches.create(
        agent_id, parent_version_id=version_id, name="trial", description="a trial"
    )
    ai.agents.update(agent_id, branch_id=made.created_branch_id, name="Tried")
    return Left(
        house, agent_id, plain_agent_id, tool_id, spare_tool_id, secret_id, _call(house, agent_id)
    )


def _tool(house: House, name: str, secret_id: str) -> str:
    config = {
        "type": "webhook",
        "name": name,
        "description": "finds",
        "api_schema": {
            "url": "https://a.test/find",
            "request_headers": {"x-key": {"secret_id": secret_id}},
        },
    }
    return str(_post(house, "/v1/convai/tools", {"tool_config": config})["id"])


def _test(house: House) -> None:
    base = "/v1/convai/agent-testing"
    folder_id = _post(house, f"{base}/folders", {"name": "Greetings"})["id"]
    body = {
        "type": "llm",
        "name": "Greets",
        "chat_history": [{"role": "user", "message": "Hello", "time_in_call_secs": 0}],
        "success_condition": "It greets.",
        "parent_folder_id": folder_id,
    }
    _post(house, f"{base}/create", body)


def _post(house: House, path: str, body: Json) -> Json:
    answer = httpx.post(f"{house.url}{path}", json=body, headers={"xi-api-key": KEY}, timeout=30)
    assert answer.is_success, answer.text
    found: Json = answer.json()
    return found


def _call(house: House, agent_id: str) -> str:
    """A call with sound, in which the agent says its first words; return its id."""

    def said() -> bool:
        words = [
            each.message["agent_response_event"]["agent_response"]
            for each in caller.got
            if each.kind == "agent_response"
        ]
        return "Welcome." in words and any(each.kind == "audio" for each in caller.got)

    with Caller(house.socket_url(agent_id)) as caller:
        wait_until(said, "the welcome")
    return str(house.newest_of(agent_id)["conversation_id"])


def bring(url: str, folder: Path, *more: str, key: str = KEY) -> subprocess.CompletedProcess[str]:
    """Run the command; the key comes in the variable that the hosted service's tools read."""
    environ = {name: value for name, value in os.environ.items() if "TURNWISE" not in name}
    words = ["import", "elevenlabs", "--from", url, "--data", str(folder / "data"), *more]
    return subprocess.run(
        [sys.executable, "-m", "turnwise", *words],
        env={**environ, "ELEVENLABS_API_KEY": key},
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )


@contextmanager
def served(folder: Path) -> Iterator[House]:
    """A server on what was moved."""
    house = House(folder)
    try:
        yield house
    finally:
        house.close()


def everything(house: House) -> Json:
    """All that can be read of a server, without the times of changes."""
    with httpx.Client(base_url=house.url, headers={"xi-api-key": KEY}, timeout=30) as http:

        def read(path: str) -> Any:  # noqa: ANN401
            answer = http.get(path)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        found: Json = {"settings": read("/v1/convai/settings")}
        for key, path in LISTS.items():
            rows = read(path)[key]
            for row in rows:
                ids = [row[each] for each in row if each in _IDS]
                found[f"{key} {ids[0]}"] = row
                if key in ONES and row.get("type") != "folder":
                    found[ONES[key].format(**row)] = read(ONES[key].format(**row))
                if key == "agents":
                    branches = read(f"/v1/convai/agents/{row['agent_id']}/branches")["results"]
                    # the main branch of the sample agent is made when somebody looks for it
                    told = without_changes(branches, "created_at")
                    found[f"branches of {row['agent_id']}"] = told
                    for each in branches:
                        url = f"/v1/convai/agents/{row['agent_id']}?branch_id={each['id']}"
                        found[url] = read(url)
    bare: Json = without_changes(found)
    return bare


_IDS = ("id", "agent_id", "secret_id", "webhook_id", "tag_id", "conversation_id", "name")


def counts(printed: str) -> dict[str, str]:
    """What the summary says of each kind."""
    table = printed.partition("\n\n")[0].splitlines()
    return {kind: told for kind, _, told in (line.partition("  ") for line in table)}


def test_a_workspace_moves_with_all_its_ids_and_moves_once(left: Left, tmp_path: Path) -> None:
    before = everything(left.house)
    first = bring(left.house.url, tmp_path, "--audio")
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"secrets: crm ({left.secret_id})" in first.stdout
    assert "webhooks: Calls" in first.stdout
    assert "Failed" not in first.stdout
    with served(tmp_path) as house:
        after = everything(house)
        assert after.keys() == before.keys()
        for key, document in before.items():
            assert after[key] == document, key
        sounds = [
            httpx.get(
                f"{each.url}/v1/convai/conversations/{left.conversation_id}/audio",
                headers={"xi-api-key": KEY},
                timeout=30,
            ).content
            for each in (left.house, house)
        ]
        assert sounds[0] == sounds[1]
        assert len(sounds[0]) > 1_000
        # a client that knows an agent by its id still finds it, and hears its words
        assert _call(house, left.agent_id) != left.conversation_id
        between = everything(house)
        second = bring(left.house.url, tmp_path, "--audio")
        assert second.returncode == 0, second.stdout + second.stderr
        assert {told.strip().partition(",")[0] for told in counts(second.stdout).values()} == {
            "0 moved"
        }
        assert everything(house) == between


@dataclass
class Proxy:
    """Stands before a server, and answers some requests itself."""

    target: str
    broken: str
    """What is in the URLs that are answered with 500."""
    busy: str
    """What is in the URL that is once answered with 429, to come again in a second."""
    asked: list[tuple[float, str]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, key: str) -> tuple[int, dict[str, str], bytes]:
        again = any(self.busy in each for _, each in self.asked)
        self.asked.append((time.monotonic(), path))
        if self.broken in path:
            return 500, {}, b"oh no"
        if self.busy in path and not again:
            return 429, {"retry-after": "1"}, b'{"detail": {"message": "slow down"}}'
        found = httpx.get(f"{self.target}{path}", headers={"xi-api-key": key}, timeout=30)
        return found.status_code, {"content-type": found.headers["content-type"]}, found.content

    @contextmanager
    def serve(self) -> Iterator[None]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                key = self.headers.get("xi-api-key", "")
                status, headers, body = proxy.answer(self.path, key)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield
            server.shutdown()
            thread.join()


def test_one_that_fails_is_named_and_the_rest_is_there(left: Left, tmp_path: Path) -> None:
    proxy = Proxy(left.house.url, broken=f"/tools/{left.spare_tool_id}", busy="/mcp-servers")
    with proxy.serve():
        told = bring(proxy.url, tmp_path)
    assert told.returncode == 1, told.stdout + told.stderr
    assert f"tools: spare ({left.spare_tool_id}): it answered 500" in told.stdout
    assert counts(told.stdout)["tools"].strip() == "1 moved, 1 failed"
    waited = [at for at, path in proxy.asked if "/mcp-servers" in path]
    assert len(waited) == 2
    assert waited[1] - waited[0] >= 1.0
    later = bring(left.house.url, tmp_path)
    assert later.returncode == 0, later.stdout + later.stderr
    assert counts(later.stdout)["tools"].strip() == "1 moved, 1 there already"
    with served(tmp_path) as house:
        listed = house.ask("/v1/convai/tools")["tools"]
        assert {each["id"] for each in listed} == {left.tool_id, left.spare_tool_id}
        assert house.ask(f"/v1/convai/agents/{left.agent_id}")["agent_id"] == left.agent_id
        assert house.conversation(left.conversation_id)["has_audio"] is False


def test_a_wrong_key_is_one_sentence(left: Left, tmp_path: Path) -> None:
    told = bring(left.house.url, tmp_path, key="sk_wrong")
    assert told.returncode == 2
    assert told.stdout == ""
    (line,) = told.stderr.strip().splitlines()
    assert line.startswith(f"turnwise: {left.house.url} does not take the key: ")
    assert "sk_wrong" not in line
    assert not (tmp_path / "data").exists()
