from pathlib import Path
from typing import Any

import pytest

from turnwise.runtime.document import Circumstances, Course, document
from turnwise.runtime.left_behind import close_left, keep_journals
from turnwise.runtime.record import Record
from turnwise.store import journal_key, open_blobs, open_store

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def open_call(conversation_id: str) -> dict[str, Any]:
    about = Circumstances(
        conversation_id=conversation_id, agent_id="a", agent_name="A", started_unix_secs=1
    )
    return document(about, Record("a"), Course(duration_ms=0, status="in-progress"))


def live(folder: Path, conversation_id: str, journal: str | None) -> None:
    call = folder / conversation_id
    call.mkdir(parents=True)
    (call / "user.pcm").write_bytes(b"\0\0")
    if journal is not None:
        (call / "journal.jsonl").write_text(journal)


async def test_what_a_killed_process_held_is_closed_and_nothing_else(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    blobs = open_blobs(tmp_path)
    try:
        async with store.writing() as tx:
            for name in ("conv_1", "conv_2", "conv_3"):
                await tx.conversations.begin(open_call(name))
        live(tmp_path / "live" / "0", "conv_1", "line\n")
        live(tmp_path / "live" / "0", "conv_2", None)  # killed before its first line
        live(tmp_path / "live" / "0", "conv_other", "line\n")  # its agent was brought along
        live(tmp_path / "live" / "1", "conv_3", "other\n")

        closed = await close_left(store, blobs, tmp_path / "live" / "0", "It was stopped.")
        assert sorted(closed) == ["conv_1", "conv_2"]
        async with store.reading() as tx:
            found = [await tx.conversations.get(f"conv_{n}") for n in (1, 2, 3)]
        assert [each and each["status"] for each in found] == ["failed", "failed", "in-progress"]
        assert found[0] is not None
        assert found[0]["metadata"]["termination_reason"] == "It was stopped."
        assert await blobs.get(journal_key("conv_1")) == b"line\n"
        assert list((tmp_path / "live" / "0").iterdir()) == []
        assert (tmp_path / "live" / "1" / "conv_3" / "journal.jsonl").exists()
        assert await close_left(store, blobs, tmp_path / "live" / "7", "again") == ()
    finally:
        await store.close()


async def test_journals_are_kept_wherever_they_are(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path)
    live(tmp_path / "live", "conv_old", "a\n")  # as it was before workers had folders
    live(tmp_path / "live" / "1", "conv_new", "b\n")
    (tmp_path / "live" / "roll").write_bytes(b"\0")
    await keep_journals(blobs, tmp_path / "live")
    assert await blobs.get(journal_key("conv_old")) == b"a\n"
    assert await blobs.get(journal_key("conv_new")) == b"b\n"
    assert list((tmp_path / "live").iterdir()) == []
    await keep_journals(blobs, tmp_path / "nowhere")
