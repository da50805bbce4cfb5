"""The official command line, `@elevenlabs/cli`, unmodified: agents as files, pushed and pulled."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acceptance.house import KEY, House

pytestmark = pytest.mark.acceptance

TEMPLATES = ("default", "minimal", "voice-only", "text-only", "customer-service", "assistant")
TEST_TEMPLATES = ("basic-llm", "tool", "conversation-flow", "customer-service")

Json = dict[str, Any]
Cli = Callable[..., str]


@pytest.fixture
def cli(house: House, node_packages: Path, tmp_path: Path) -> Cli:
    """Run `elevenlabs …` in a folder (of `at`); return what it printed, which is no complaint."""
    command = node_packages / ".bin" / "elevenlabs"
    environment = {
        **os.environ,
        "ELEVENLABS_BASE_URL": house.url,
        "ELEVENLABS_API_KEY": KEY,
        "HOME": str(tmp_path),
    }

    def run(*words: str, at: Path) -> str:
        at.mkdir(exist_ok=True)
        done = subprocess.run(
            [str(command), *words],
            cwd=at,
            env=environment,
            check=False,
            capture_output=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        printed = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == 0, printed
        assert "not persisted" not in printed.lower(), printed
        return printed

    return run


def configs(folder: Path, kind: str) -> dict[str, Json]:
    """The stored documents of a project's folder, by their name."""
    found = [json.loads(path.read_text()) for path in sorted((folder / kind).rglob("*.json"))]
    return {each["name"]: each for each in found}


def test_every_template_is_pushed_and_pulled_back_equal(cli: Cli, tmp_path: Path) -> None:
    project, copy = tmp_path / "project", tmp_path / "copy"
    cli("agents", "init", at=project)
    for template in TEMPLATES:
        cli("agents", "add", f"of {template}", "--template", template, at=project)
    cli("agents", "push", at=project)
    status = cli("agents", "status", at=project)
    assert all(f"of {template}" in status for template in TEMPLATES)

    cli("agents", "init", at=copy)
    for listed in json.loads((project / "agents.json").read_text())["agents"]:
        cli("agents", "pull", "--agent", listed["id"], "--yes", at=copy)
    pushed, pulled = configs(project, "agent_configs"), configs(copy, "agent_configs")
    assert pulled.keys() == {f"of {template}" for template in TEMPLATES}
    for name, document in pushed.items():
        assert lacking(document, pulled[name]) == [], name

    cli("agents", "push", at=copy)  # what was pulled is accepted as it is
    cli("agents", "pull", "--update", "--yes", at=copy)
    assert configs(copy, "agent_configs") == pulled


def test_tools_and_tests_as_files(cli: Cli, house: House, tmp_path: Path) -> None:
    project, copy = tmp_path / "project", tmp_path / "copy"
    for folder in (project, copy):
        cli("agents", "init", at=folder)
    cli("tools", "add", "look_up", "--type", "webhook", at=project)
    cli("tools", "add", "show_page", "--type", "client", at=project)
    for template in TEST_TEMPLATES:
        cli("tests", "add", f"of {template}", "--template", template, at=project)
    cli("tools", "push", at=project)
    cli("tests", "push", at=project)
    cli("tools", "pull", "--yes", at=copy)
    cli("tests", "pull", "--yes", at=copy)
    for kind, least in (("tool_configs", 2), ("test_configs", len(TEST_TEMPLATES))):
        pushed, pulled = configs(project, kind), configs(copy, kind)
        assert len(pushed) == least
        for name, document in pushed.items():
            assert lacking(document, pulled[name]) == [], name
    for tool in json.loads((project / "tools.json").read_text())["tools"]:
        cli("tools", "delete", tool["id"], "--yes", at=project)
    left = {each["tool_config"]["name"] for each in house.ask("/v1/convai/tools")["tools"]}
    assert not left & {"look_up", "show_page"}


def test_branches_versions_and_deletion(cli: Cli, house: House, tmp_path: Path) -> None:
    project = tmp_path / "project"
    cli("agents", "init", at=project)
    cli("agents", "add", "branching", "--template", "minimal", at=project)
    (listed,) = json.loads((project / "agents.json").read_text())["agents"]
    agent_id = listed["id"]
    main = house.ask(f"/v1/convai/agents/{agent_id}")
    body = {
        "parent_version_id": main["version_id"],
        "name": "trial",
        "description": "a trial",
    }
    cli(
        "agents", "branches", "create", "--agent-id", agent_id, "--json", json.dumps(body),
        at=project,
    )  # fmt: skip
    path = next((project / "agent_configs").rglob("*.json"))
    document = json.loads(path.read_text())
    document["conversation_config"]["agent"]["first_message"] = "This is a trial."
    path.write_text(json.dumps(document))
    cli("agents", "push", "--branch", "trial", "--version-description", "new words", at=project)
    branches = house.ask(f"/v1/convai/agents/{agent_id}/branches")["results"]
    trial = next(branch for branch in branches if branch["name"] == "trial")
    there = house.ask(f"/v1/convai/agents/{agent_id}", branch_id=trial["id"])
    assert there["conversation_config"]["agent"]["first_message"] == "This is a trial."
    now = house.ask(f"/v1/convai/agents/{agent_id}")
    assert now["conversation_config"] == main["conversation_config"]
    cli("agents", "delete", "--agent-id", agent_id, at=project)


def lacking(wanted: object, found: object, at: str = "") -> list[str]:
    """The places of a document that another one has not, or has otherwise."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        lost = [f"{at}.{key}" for key in wanted.keys() - found.keys()]
        both = wanted.keys() & found.keys()
        return lost + [
            place for key in both for place in lacking(wanted[key], found[key], f"{at}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [
            place
            for number, (one, other) in pairs
            for place in lacking(one, other, f"{at}[{number}]")
        ]
    return [] if wanted == found else [f"{at}: {wanted!r} became {found!r}"]
