"""Two workspaces in process: one that is left, and one that is moved into."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import httpx2
import pytest

from api.api_kit import KEY
from api.conftest import opened
from moving.workspace_kit import House
from turnwise.api import Deps, create_api
from turnwise.moving.source import Source
from turnwise.moving.target import KnownOrigins, Target
from turnwise.store import open_blobs, open_signer, open_store, open_vault


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def old(tmp_path: Path) -> AsyncIterator[House]:
    """The workspace that is left."""
    async with opened(tmp_path / "old") as deps, _client(deps) as client:
        yield House(deps, client)


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[House]:
    """The workspace that is moved into: empty, and with a target."""
    folder, origins = tmp_path / "new", KnownOrigins()
    store = await open_store(
        f"sqlite:///{folder / 'test.db'}", folder, origins=origins.origins(), fixed_key=KEY
    )
    deps = Deps(
        store=store,
        blobs=open_blobs(folder),
        signer=open_signer(folder),
        vault=open_vault(folder),
        check_answers=True,
    )
    target = Target(deps, origins, KEY)
    async with _client(deps) as client:
        yield House(deps, client, target)
    await target.aclose()
    await store.close()


@pytest.fixture
async def source(old: House) -> AsyncIterator[Source]:
    """The old workspace as it is read."""
    made = Source("http://old.test", KEY, transport=httpx2.ASGITransport(create_api(old.deps)))
    yield made
    await made.aclose()


def _client(deps: Deps) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_api(deps)),
        base_url="http://old.test",
        headers={"xi-api-key": KEY},
    )
