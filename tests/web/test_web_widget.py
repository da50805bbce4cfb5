"""`/widget.js` and what the widget loads: where it sends pages, and what it gives them."""

import gzip
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from turnwise.web.widget import CDN, CDN_INTEGRITY, routes
from turnwise.web.widget_copy import FOLDER, LocalCopy

pytestmark = pytest.mark.anyio

BUNDLE = b"/* the bundle */" * 1_000
FLAG = b"<svg>black, red, gold</svg>"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def copy(tmp_path: Path) -> LocalCopy:
    return LocalCopy(tmp_path / FOLDER)


def client_of(data: Path, bundle_url: str = "") -> httpx.AsyncClient:
    app = Starlette(routes=list(routes(data, bundle_url)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://voice.example")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(tmp_path) as made:
        yield made


async def order_of(client: httpx.AsyncClient) -> dict[str, Any]:
    """What the script is told to load."""
    answer = await client.get("/widget.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["access-control-allow-origin"] == "*"  # <script type="module"> needs it
    assert "max-age=300" in answer.headers["cache-control"]
    [order] = re.findall(r"^}\)\((.*)\);$", answer.text, re.MULTILINE)
    found: dict[str, Any] = json.loads(order)
    return found


def keep_all(copy: LocalCopy) -> None:
    for package, version, files in (
        ("convai-widget-embed", "0.5.4", {"index.js": BUNDLE, "LICENSE": b"MIT"}),
        ("circle-flags", "2.8.3", {"de.svg": FLAG}),
        ("libsamplerate-js", "2.1.2", {"libsamplerate.worklet.js": b"//"}),
    ):
        copy.keep(package, version, files)
        copy.use(package, version)


async def test_without_a_copy_the_bundle_comes_from_the_public_cdn(
    client: httpx.AsyncClient,
) -> None:
    assert await order_of(client) == {
        "bundle": CDN,
        "integrity": CDN_INTEGRITY,
        "resampler": None,
    }
    assert CDN == "https://unpkg.com/@elevenlabs/convai-widget-embed@0.5.4/dist/index.js"


async def test_a_copy_is_used_as_soon_as_it_is_there(
    client: httpx.AsyncClient, copy: LocalCopy
) -> None:
    keep_all(copy)
    assert await order_of(client) == {
        "bundle": "/widget/convai-widget-embed-0.5.4/index.js",
        "integrity": None,
        "resampler": "/widget/libsamplerate-js-2.1.2/libsamplerate.worklet.js",
    }
    copy.keep("convai-widget-embed", "0.6.0", {"index.js": BUNDLE})
    assert "0.5.4" in (await order_of(client))["bundle"]
    copy.use("convai-widget-embed", "0.6.0")
    assert "0.6.0" in (await order_of(client))["bundle"]


async def test_the_operators_own_place_comes_first(tmp_path: Path, copy: LocalCopy) -> None:
    keep_all(copy)
    async with client_of(tmp_path, "https://cdn.example/widget.js") as client:
        order = await order_of(client)
    assert (order["bundle"], order["integrity"]) == ("https://cdn.example/widget.js", None)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_kept_file_is_cached_for_ever_on_any_page(
    client: httpx.AsyncClient, copy: LocalCopy, encoding: str
) -> None:
    keep_all(copy)
    headers = {"accept-encoding": encoding}
    answer = await client.get("/widget/convai-widget-embed-0.5.4/index.js", headers=headers)
    assert answer.content == BUNDLE
    assert answer.headers.get("content-encoding", "identity") == encoding
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["vary"] == "accept-encoding"


async def test_a_flag_is_the_kept_one_or_its_letters(
    client: httpx.AsyncClient, copy: LocalCopy
) -> None:
    badge = await client.get("/widget/flags/de.svg")
    assert b">DE</text>" in badge.content
    assert badge.headers["content-type"] == "image/svg+xml"
    keep_all(copy)
    assert (await client.get("/widget/flags/de.svg")).content == FLAG
    assert b">AT</text>" in (await client.get("/widget/flags/at.svg")).content


async def test_the_orb_has_its_texture(client: httpx.AsyncClient) -> None:
    answer = await client.get("/widget/perlin-noise.png")
    assert answer.content.startswith(b"\x89PNG")
    assert answer.headers["access-control-allow-origin"] == "*"  # WebGL reads no other picture


@pytest.mark.parametrize(
    "path",
    [
        "packages.json",
        "convai-widget-embed-0.5.4/index.js.gz",
        "convai-widget-embed-0.5.4/other.js",
        "convai-widget-embed-0.5.4/..%2Fpackages.json",
        "convai-widget-embed-0.5.4%2F..%2Fpackages.json",
        "..%2F..%2Fkeys/secret",
        ".part-x/index.js",
        "convai-widget-embed-9/index.js",
        "flags/..%2Fx.svg",
        "flags/%3Cscript%3E.svg",
        "flags/DE.svg",
    ],
)
async def test_nothing_else_is_served(
    client: httpx.AsyncClient, copy: LocalCopy, path: str
) -> None:
    keep_all(copy)
    (copy.folder / ".part-x").mkdir()
    (copy.folder / ".part-x" / "index.js").write_bytes(b"half")
    assert (await client.get(f"/widget/{path}")).status_code == 404


def test_a_copy_is_there_whole_or_not_at_all(copy: LocalCopy) -> None:
    copy.keep("p", "1", {"a.js": b"a", "b.js": b"b"})
    kept = {file.name for file in (copy.folder / "p-1").iterdir()}
    assert kept == {"a.js", "a.js.gz", "b.js", "b.js.gz"}
    assert gzip.decompress((copy.folder / "p-1" / "a.js.gz").read_bytes()) == b"a"
    with pytest.raises(OSError, match="not empty"):  # another process was first
        copy.keep("p", "1", {"a.js": b"other"})
    assert (copy.folder / "p-1" / "a.js").read_bytes() == b"a"
    with pytest.raises(OSError, match="no-such-folder"):
        copy.keep("q", "1", {"no-such-folder/a.js": b"a"})
    assert not copy.has("q", "1")
    assert [each.name for each in copy.folder.iterdir()] == ["p-1"]
    assert not copy.has("..", "/..")


def test_the_hash_of_the_public_bundle_is_well_formed() -> None:
    kind, _, digest = CDN_INTEGRITY.partition("-")
    assert kind == "sha384"
    assert len(digest) == len(b64encode(hashlib.sha384(b"").digest()))
