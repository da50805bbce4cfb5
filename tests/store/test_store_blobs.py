from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from turnwise.store import Blobs, journal_key, open_blobs, recording_key

pytestmark = pytest.mark.anyio


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_bytes_come_back(blobs: Blobs) -> None:
    await blobs.put("a/b.bin", b"one")
    assert await blobs.get("a/b.bin") == b"one"
    assert await blobs.size("a/b.bin") == 3
    await blobs.put("a/b.bin", b"")
    assert await blobs.get("a/b.bin") == b""


async def test_large_ones_go_in_and_out_in_pieces(blobs: Blobs) -> None:
    await blobs.put("x", pieces(*(bytes([n]) * 300_000 for n in range(5))))
    stream = await blobs.stream("x")
    assert stream is not None
    parts = [part async for part in stream]
    assert len(parts) > 1
    assert b"".join(parts) == b"".join(bytes([n]) * 300_000 for n in range(5))


async def test_a_writer_that_fails_leaves_what_was_there(blobs: Blobs) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"new"
        raise RuntimeError("stopped")

    await blobs.put("x", b"old")
    with pytest.raises(RuntimeError, match="stopped"):
        await blobs.put("x", failing())
    assert await blobs.get("x") == b"old"


async def test_what_is_not_there_is_none(blobs: Blobs) -> None:
    assert await blobs.get("x") is None
    assert await blobs.size("x") is None
    assert await blobs.stream("x") is None
    await blobs.delete(["x"])


async def test_deleted_bytes_are_gone(blobs: Blobs) -> None:
    keys = [recording_key("conv_1"), journal_key("conv_1")]
    for key in keys:
        await blobs.put(key, b"x")
    await blobs.delete([*keys, "nothing"])
    assert [await blobs.get(key) for key in keys] == [None, None]


@pytest.mark.parametrize("key", ["", "/etc/x", "../x", "a/../x", "a//b", "a b", "a/", ".a"])
async def test_a_name_cannot_leave_the_folder(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="cannot name a blob"):
        await blobs.put(key, b"x")
