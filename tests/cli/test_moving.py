import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.api_kit import conversation
from turnwise.cli import app
from turnwise.store import AgentQuery, Store, open_blobs, open_store, open_vault

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in [name for name in os.environ if name.startswith("TURNWISE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, [*words])

    return run


async def _filled(data: Path) -> dict[str, Any]:
    store = await open_store(f"sqlite:///{data / 'turnwise.db'}", data)
    sealed = open_vault(data).seal("hunter2")
    try:
        async with store.writing() as tx:
            agent = await tx.agents.create(
                {"name": "Ann", "tags": ["a"], "odd": None, "conversation_config": {}}
            )
            tool = await tx.records.create(
                "tool", {"tool_config": {"x": 1.5}}, prefix="tool_", name="t"
            )
            await tx.records.create("secret", {"value": sealed}, prefix="secret_", name="s")
            await tx.records.set_uses("agent", agent.agent_id, [("tool", tool.record_id)])
            for number in range(1, 4):
                await tx.conversations.begin(conversation(number))
                await tx.conversations.finish(conversation(number))
            await tx.conversations.begin({**conversation(9), "status": "in-progress"})
        await open_blobs(data).put("conversations/conv_1/recording.wav", b"sound")
        return await _content(store)
    finally:
        await store.close()


async def _content(store: Store) -> dict[str, Any]:
    async with store.reading() as tx:
        agents = [
            await tx.agents.get(row.agent_id) for row in (await tx.agents.list(AgentQuery())).items
        ]
        tools, secrets = await tx.records.all("tool"), await tx.records.all("secret")
        return {
            "agents": agents,
            "tools": tools,
            "secrets": secrets,
            "uses": await tx.records.users_of("tool", tools[0].record_id),
            "conversations": [await tx.conversations.get(f"conv_{n}") for n in (1, 2, 3)],
            "running": await tx.conversations.get("conv_9") is not None,
        }


async def _read(data: Path) -> dict[str, Any]:
    store = await open_store(f"sqlite:///{data / 'turnwise.db'}", data)
    try:
        return await _content(store)
    finally:
        await store.close()


def test_all_that_is_exported_is_there_after_the_import(run: Run, tmp_path: Path) -> None:
    here, there, folder = tmp_path / "here", tmp_path / "there", tmp_path / "files"
    here.mkdir()
    before = asyncio.run(_filled(here))
    told = run("export", str(folder), "--data", str(here), "--with-secrets")
    assert told.exit_code == 0, told.output
    assert "1 agents" in told.output
    assert "3 conversations" in told.output  # the one that goes on is left out
    told = run("import", str(folder), "--data", str(there))
    assert told.exit_code == 0, told.output
    after = asyncio.run(_read(there))
    assert after == {**before, "running": False}
    assert open_vault(there).open(after["secrets"][0].document["value"]) == "hunter2"
    assert (there / "blobs/conversations/conv_1/recording.wav").read_bytes() == b"sound"
    assert (there / "vault.key").stat().st_mode & 0o077 == 0


def test_what_is_there_already_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    here, folder = tmp_path / "here", tmp_path / "files"
    here.mkdir()
    before = asyncio.run(_filled(here))
    run("export", str(folder), "--data", str(here))
    told = run("import", str(folder), "--data", str(here))
    assert told.exit_code == 0, told.output
    assert "0 agents, 0 agent tags, 0 records, 0 uses, 0 conversations, 0 files" in told.output
    assert asyncio.run(_read(here)) == before


def test_an_import_that_was_cut_off_is_begun_again(run: Run, tmp_path: Path) -> None:
    here, there, folder = tmp_path / "here", tmp_path / "there", tmp_path / "files"
    here.mkdir()
    before = asyncio.run(_filled(here))
    run("export", str(folder), "--data", str(here))
    conversations = folder / "conversations.jsonl"
    whole = conversations.read_text()
    conversations.write_text(whole[: len(whole) // 2])
    assert "is not JSON" in str(run("import", str(folder), "--data", str(there)).exception)
    conversations.write_text(whole)
    assert run("import", str(folder), "--data", str(there)).exit_code == 0
    assert asyncio.run(_read(there)) == {**before, "running": False}


def test_a_folder_that_is_no_export_is_refused(run: Run, tmp_path: Path) -> None:
    told = run("import", str(tmp_path), "--data", str(tmp_path / "data"))
    assert told.exit_code != 0
    assert "is no export" in str(told.exception)
