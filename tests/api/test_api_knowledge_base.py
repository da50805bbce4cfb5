"""`/v1/convai/knowledge-base`: documents and folders, in process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from api.api_kit import KEY, error_of
from knowledge import files
from outgoing.outgoing_rig import answer, listening, redirect
from turnwise.api import Deps, create_api
from turnwise.outgoing import Outgoing, Policy

pytestmark = pytest.mark.anyio

BASE = "/v1/convai/knowledge-base"
Json = dict[str, Any]


async def ok(answered: httpx.Response) -> Any:  # noqa: ANN401
    assert answered.status_code == 200, answered.text
    return answered.json() if answered.content else None


async def text(client: httpx.AsyncClient, said: str = "Some words.", **more: object) -> str:
    return str((await ok(await client.post(f"{BASE}/text", json={"text": said, **more})))["id"])


async def folder(client: httpx.AsyncClient, name: str, parent: str | None = None) -> str:
    body = {"name": name, "parent_folder_id": parent}
    return str((await ok(await client.post(f"{BASE}/folder", json=body)))["id"])


async def get(client: httpx.AsyncClient, document_id: str) -> Json:
    found: Json = await ok(await client.get(f"{BASE}/{document_id}"))
    return found


async def names(client: httpx.AsyncClient, **asked: object) -> list[str]:
    """Return the names of all pages of a list."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        query = {**asked, "cursor": cursor} if cursor else asked
        page = await ok(await client.get(BASE, params=query))  # type: ignore[arg-type]
        found += [row["name"] for row in page["documents"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            return found


async def agent_with(client: httpx.AsyncClient, *document_ids: str) -> str:
    """Store an agent that knows documents."""
    locators = [{"type": "text", "id": each, "name": each} for each in document_ids]
    prompt = {"prompt": "Hi", "knowledge_base": locators}
    body = {"name": "Knowing", "conversation_config": {"agent": {"prompt": prompt}}}
    made = await ok(await client.post("/v1/convai/agents/create", json=body))
    return str(made["agent_id"])


async def test_create_text_keeps_every_character(client: httpx.AsyncClient) -> None:
    said = "# Prices\n\n <b>Bread</b> & salt: 3 €\t"
    document = await get(client, await text(client, said, name="P"))
    assert document["extracted_inner_html"] == said
    assert (document["type"], document["name"], document["content_format"]) == ("text", "P", "html")
    assert document["metadata"]["size_bytes"] == len(said.encode())
    assert document["supported_usages"] == ["prompt", "auto"]
    assert document["folder_parent_id"] is None
    answered = await client.get(f"{BASE}/{document['id']}/content")
    assert (answered.text, answered.headers["content-type"]) == (said, "text/html; charset=utf-8")
    assert "sandbox" in answered.headers["content-security-policy"]


async def test_a_text_without_a_name_is_called_by_its_first_words(
    client: httpx.AsyncClient,
) -> None:
    assert (await get(client, await text(client, "## Our prices\n\nBread")))["name"] == "Our prices"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pdf", files.pdf("Forty dollars."), "<p>Forty dollars.</p>"),
        ("a.docx", files.docx("Prices", "Fifty."), "<h1>Prices</h1><p>Fifty.</p>"),
        ("a.epub", files.epub("Book", "<p>One</p>"), "<p>One</p>"),
        ("a.html", b"<title>T</title><p>Six</p><script>1</script>", "<p>Six</p>"),
        ("a.md", b"# Seven", "# Seven"),
        ("a.txt", b"1 < 2", "<p>1 &lt; 2</p>"),
    ],
)
async def test_create_file_reads_each_kind(
    client: httpx.AsyncClient, name: str, data: bytes, said: str
) -> None:
    made = await ok(await client.post(f"{BASE}/file", files={"file": (name, data)}))
    document = await get(client, made["id"])
    assert document["extracted_inner_html"] == said
    assert (document["type"], document["filename"], document["name"]) == ("file", name, name)
    assert document["metadata"]["size_bytes"] == len(data)
    assert document["content_format"] == ("markdown" if name == "a.md" else "html")


@pytest.mark.parametrize("name", ["[1]", '{"a": 1}', "true", "5"])
async def test_create_file_keeps_a_name_that_looks_like_json(
    client: httpx.AsyncClient, name: str
) -> None:
    upload = {"file": ("a.md", b"x")}
    made = await ok(await client.post(f"{BASE}/file", data={"name": name}, files=upload))
    assert made["name"] == name


async def test_create_file_into_a_folder_under_a_name(client: httpx.AsyncClient) -> None:
    parent = await folder(client, "Manuals")
    form = {"name": "Mine", "parent_folder_id": parent}
    made = await ok(await client.post(f"{BASE}/file", data=form, files={"file": ("a.md", b"x")}))
    assert made["folder_path"] == [{"id": parent}]
    document = await get(client, made["id"])
    assert document["folder_path"] == [{"id": parent, "name": "Manuals"}]


@pytest.mark.parametrize(
    ("path", "request_", "status", "code"),
    [
        ("file", {"files": {"file": ("a.exe", b"x")}}, 400, "unreadable_document"),
        ("file", {"files": {"file": ("a.pdf", b"x")}}, 400, "unreadable_document"),
        ("file", {"files": {"file": ("a.txt", b"")}}, 400, "unreadable_document"),
        ("file", {"data": {"file": "x"}}, 422, None),
        ("file", {"data": {"name": "x"}}, 422, None),
        ("text", {"json": {}}, 422, None),
        ("text", {"json": {"text": "  "}}, 422, None),
        ("text", {"json": {"text": 5}}, 422, None),
        ("text", {"json": {"text": "x", "name": ""}}, 422, None),
        ("text", {"json": {"text": "x", "parent_folder_id": "no"}}, 404, "folder_not_found"),
        ("folder", {"json": {"name": "x", "enable_auto_sync": True}}, 501, "not_implemented"),
        ("url", {"json": {"url": "ftp://a"}}, 422, None),
        ("url", {"json": {"url": "no"}}, 422, None),
        ("url", {"json": {"url": "https://a.test"}}, 501, "not_implemented"),
        ("crawl", {"json": {"url": "https://a.test"}}, 501, "not_implemented"),
        ("bulk-delete", {"json": {"document_ids": []}}, 422, None),
        ("bulk-delete", {"json": {"document_ids": ["a"] * 21}}, 422, None),
        ("bulk-move", {"json": {"document_ids": ["no"]}}, 404, "document_not_found"),
        ("no/move", {"json": {}}, 404, "document_not_found"),
        ("no/refresh", {}, 404, "document_not_found"),
        ("no/rag-index", {"json": {"model": "e5_mistral_7b_instruct"}}, 404, "document_not_found"),
        ("no/rag-index", {"json": {"model": "other"}}, 422, None),
    ],
)
async def test_what_is_wrong_is_refused(
    client: httpx.AsyncClient, path: str, request_: Json, status: int, code: str | None
) -> None:
    answered = await client.post(f"{BASE}/{path}", **request_)
    assert answered.status_code == status
    if code is None:
        assert all(each["loc"][0] == "body" for each in answered.json()["detail"])
    else:
        assert error_of(answered)["code"] == code
    assert await names(client) == []


@pytest.mark.parametrize("document_id", ["no", "x" * 5_000, "%F0%9F%98%80", "kb_"])
async def test_unknown_ids_are_404(client: httpx.AsyncClient, document_id: str) -> None:
    for method, path in [
        ("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/content"), ("GET", "/rag-index"),
        ("GET", "/dependent-agents"), ("GET", "/chunk/chunk_1"), ("GET", "/source-file-url"),
        ("GET", "/chunks?embedding_model=e5_mistral_7b_instruct"),
    ]:  # fmt: skip
        body = {"json": {"name": "x"}} if method == "PATCH" else {}
        answered = await client.request(method, f"{BASE}/{document_id}{path}", **body)  # type: ignore[arg-type]
        assert error_of(answered)["code"] == "document_not_found", path


async def test_change_document_renames_it_and_writes_its_content(client: httpx.AsyncClient) -> None:
    document_id = await text(client, "Old", name="A")
    changed = await ok(await client.patch(f"{BASE}/{document_id}", json={"name": "B"}))
    assert (changed["name"], changed["extracted_inner_html"]) == ("B", "Old")
    changed = await ok(await client.patch(f"{BASE}/{document_id}", json={"content": "New words"}))
    assert (changed["name"], changed["extracted_inner_html"]) == ("B", "New words")
    assert changed["metadata"]["size_bytes"] == 9
    unchanged = await ok(await client.patch(f"{BASE}/{document_id}", json={}))
    assert unchanged["extracted_inner_html"] == "New words"
    folder_id = await folder(client, "F")
    answered = await client.patch(f"{BASE}/{folder_id}", json={"content": "x"})
    assert error_of(answered)["code"] == "not_a_document"
    assert (await client.get(f"{BASE}/{folder_id}/content")).status_code == 400


async def test_patches_at_the_same_time_lose_nothing(client: httpx.AsyncClient) -> None:
    document_id = await text(client, "Old", name="A")
    patches = [{"name": "B"}, {"content": "New"}] * 4
    async with asyncio.TaskGroup() as tasks:
        for body in patches:
            tasks.create_task(client.patch(f"{BASE}/{document_id}", json=body))
    document = await get(client, document_id)
    assert (document["name"], document["extracted_inner_html"]) == ("B", "New")


async def test_two_megabytes_come_back_as_they_were(client: httpx.AsyncClient) -> None:
    said = "Ein Wörtchen zu viel.\n" * 100_000
    document_id = await text(client, said)
    assert (await client.get(f"{BASE}/{document_id}/content")).text == said


async def test_a_folder_counts_what_is_in_it(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    inner = await folder(client, "Inner", outer)
    await text(client, parent_folder_id=outer)
    await text(client, parent_folder_id=inner)
    found = await get(client, outer)
    assert (found["children_count"], found["document_count"]) == (2, 2)
    assert found["supported_usages"] == ["auto"]
    assert (await get(client, inner))["folder_path"] == [{"id": outer, "name": "Outer"}]


async def test_move_document_and_bulk_move(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    inner = await folder(client, "Inner", outer)
    one, two = await text(client), await text(client)
    await ok(await client.post(f"{BASE}/{one}/move", json={"move_to": inner}))
    assert (await get(client, one))["folder_parent_id"] == inner
    body = {"document_ids": [one, two], "move_to": outer}
    await ok(await client.post(f"{BASE}/bulk-move", json=body))
    assert (await get(client, outer))["children_count"] == 3
    await ok(await client.post(f"{BASE}/{one}/move"))
    assert (await get(client, one))["folder_parent_id"] is None


async def test_a_folder_cannot_be_moved_below_itself(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    inner = await folder(client, "Inner", outer)
    document_id = await text(client)
    for to in (outer, inner):
        body = {"document_ids": [document_id, outer], "move_to": to}
        answered = await client.post(f"{BASE}/bulk-move", json=body)
        assert error_of(answered)["code"] == "folder_cycle"
    assert (await get(client, document_id))["folder_parent_id"] is None  # all or nothing
    answered = await client.post(f"{BASE}/{outer}/move", json={"move_to": document_id})
    assert error_of(answered)["code"] == "not_a_folder"


async def test_delete_document(client: httpx.AsyncClient, deps: Deps) -> None:
    made = await ok(await client.post(f"{BASE}/file", files={"file": ("a.md", b"x")}))
    key = f"knowledge/{made['id']}/source"
    assert await deps.blobs.get(key) == b"x"
    await ok(await client.delete(f"{BASE}/{made['id']}"))
    assert (await client.get(f"{BASE}/{made['id']}")).status_code == 404
    assert await deps.blobs.get(key) is None


async def test_a_folder_is_deleted_with_all_in_it_only_by_force(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    inner = await folder(client, "Inner", outer)
    await text(client, name="deep", parent_folder_id=inner)
    answered = await client.delete(f"{BASE}/{outer}")
    assert (answered.status_code, error_of(answered)["code"]) == (409, "folder_not_empty")
    assert len(await names(client)) == 3
    await ok(await client.delete(f"{BASE}/{outer}", params={"force": True}))
    assert await names(client) == []


async def test_a_document_in_use_is_deleted_only_by_force(client: httpx.AsyncClient) -> None:
    used, other = await text(client), await text(client)
    agent_id = await agent_with(client, used, other)
    answered = await client.delete(f"{BASE}/{used}")
    assert (answered.status_code, error_of(answered)["code"]) == (409, "document_in_use")
    await ok(await client.delete(f"{BASE}/{used}", params={"force": True}))
    agent = await ok(await client.get(f"/v1/convai/agents/{agent_id}"))
    known = agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]
    assert [each["id"] for each in known] == [other]


async def test_bulk_delete_succeeds_or_fails_for_each(client: httpx.AsyncClient) -> None:
    used, free = await text(client), await text(client)
    await agent_with(client, used)
    body = {"document_ids": [used, "no", free]}
    answers = await ok(await client.post(f"{BASE}/bulk-delete", json=body))
    assert answers[free] == {"status": "success", "data": {"id": free}}
    assert (answers[used]["status"], answers[used]["error_code"]) == ("failure", 409)
    assert answers["no"]["error_status"] == "document_not_found"
    outer = await folder(client, "F")
    inside = await text(client, parent_folder_id=outer)
    body = {"document_ids": [outer, inside, used], "force": True}  # type: ignore[dict-item]
    answers = await ok(await client.post(f"{BASE}/bulk-delete", json=body))
    assert {each["status"] for each in answers.values()} == {"success"}
    assert await names(client) == []


async def test_list_documents_filters_and_sorts(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "outer")
    inner = await folder(client, "Inner", outer)
    await text(client, "12345", name="b", parent_folder_id=inner)
    await text(client, "1", name="a")
    await ok(await client.post(f"{BASE}/file", files={"file": ("c.md", b"123")}))
    assert await names(client) == ["c.md", "a", "b", "Inner", "outer"]
    assert await names(client, sort_direction="asc", page_size=2) == [
        "outer", "Inner", "b", "a", "c.md",
    ]  # fmt: skip
    by_name = ["a", "b", "c.md", "Inner", "outer"]
    assert await names(client, sort_by="name", sort_direction="asc", page_size=1) == by_name
    by_size = await names(client, sort_by="size", page_size=2)
    assert by_size[:3] == ["b", "c.md", "a"]
    asked = {"folders_first": True, "sort_by": "name", "sort_direction": "asc"}
    first = ["Inner", "outer", "a", "b", "c.md"]
    for size in (1, 2, 3, 5):
        assert await names(client, **asked, page_size=size) == first
    assert await names(client, types=["file", "text"]) == ["c.md", "a", "b"]
    assert await names(client, parent_folder_id=outer) == ["Inner"]
    assert await names(client, ancestor_folder_id=outer) == ["b", "Inner"]
    assert await names(client, search="IN") == ["Inner"]
    assert await names(client, search="nner") == []
    assert await names(client, parent_folder_id="no") == []
    assert await names(client, created_by_user_id="somebody") == []
    assert len(await names(client, created_by_user_id="@me")) == 5


async def test_a_list_goes_on_where_it_was_when_rows_go(client: httpx.AsyncClient) -> None:
    for number in range(6):
        await text(client, name=f"{number}")
    page = await ok(await client.get(BASE, params={"page_size": 3}))
    for row in page["documents"]:
        await ok(await client.delete(f"{BASE}/{row['id']}"))
    query = {"page_size": 3, "cursor": page["next_cursor"]}
    page = await ok(await client.get(BASE, params=query))
    assert [row["name"] for row in page["documents"]] == ["2", "1", "0"]


@pytest.mark.parametrize("cursor", ["x", "W10", "e30", "bnVsbA", "🙂"])
async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answered = await client.get(BASE, params={"cursor": cursor})
    assert error_of(answered)["type"] == "validation_error"


async def test_get_summaries(client: httpx.AsyncClient) -> None:
    document_id = await text(client, name="A")
    agent_id = await agent_with(client, document_id)
    query = {"document_ids": [document_id, "no"]}
    found = await ok(await client.get(f"{BASE}/summaries", params=query))
    (agent,) = found[document_id]["data"]["dependent_agents"]
    assert (agent["id"], agent["name"], agent["type"]) == (agent_id, "Knowing", "available")
    assert found["no"]["error_code"] == 404


async def test_get_dependent_agents_direct_and_through_folders(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "Outer")
    document_id = await text(client, parent_folder_id=outer)
    direct = await agent_with(client, document_id)
    through = await agent_with(client, outer)
    path = f"{BASE}/{document_id}/dependent-agents"
    for which, ids in [
        ("direct", {direct}), ("transitive", {through}), ("all", {direct, through}),
    ]:  # fmt: skip
        found = await ok(await client.get(path, params={"dependent_type": which}))
        assert {each["id"] for each in found["agents"]} == ids
    page = await ok(await client.get(path, params={"page_size": 1}))
    assert page["has_more"]
    query = {"page_size": 1, "cursor": page["next_cursor"]}
    rest = await ok(await client.get(path, params=query))
    assert {page["agents"][0]["id"], rest["agents"][0]["id"]} == {direct, through}
    body = {"document_ids": [document_id, outer]}
    both = await ok(await client.post(f"{BASE}/dependent-agents", json=body))
    named = {each["id"]: each["referenced_resource_ids"] for each in both["agents"]}
    assert named == {direct: [document_id], through: [outer]}


async def test_search_documents_finds_what_they_say(client: httpx.AsyncClient) -> None:
    bread = await text(client, "We bake bread at night. Bread is cheap.", name="Bakery")
    await text(client, "Shoes are mended here.", name="Shoemaker")
    found = await ok(await client.get(f"{BASE}/search", params={"query": "baked breads"}))
    (result,) = found["results"]
    assert result["document"]["id"] == bread
    assert {"value": "bake", "is_hit": True} in result["search_snippet"]
    await ok(await client.patch(f"{BASE}/{bread}", json={"content": "Cakes only."}))
    found = await ok(await client.get(f"{BASE}/search", params={"query": "bread"}))
    assert found["results"] == []
    await folder(client, "Cakes")
    found = await ok(await client.get(f"{BASE}/search", params={"query": "cake"}))
    assert [each["document"]["type"] for each in found["results"]] == ["folder", "text"]
    query = {"query": "cake", "types": ["text"]}
    found = await ok(await client.get(f"{BASE}/search", params=query))
    assert len(found["results"]) == 1
    query = {"query": "cake", "page_size": 1}  # type: ignore[dict-item]
    found = await ok(await client.get(f"{BASE}/search", params=query))
    query = {**query, "cursor": found["next_cursor"]}
    found = await ok(await client.get(f"{BASE}/search", params=query))
    assert [each["document"]["type"] for each in found["results"]] == ["text"]
    assert found["next_cursor"] is None


async def test_rag_indexes_are_noted_and_forgotten(client: httpx.AsyncClient) -> None:
    long, short = await text(client, "word " * 200), await text(client, "short")
    outer, model = await folder(client, "F"), {"model": "e5_mistral_7b_instruct"}
    made = await ok(await client.post(f"{BASE}/{long}/rag-index", json=model))
    assert (made["status"], made["progress_percentage"]) == ("succeeded", 100)
    again = await ok(await client.post(f"{BASE}/{long}/rag-index", json=model))
    assert again == made
    small = await ok(await client.post(f"{BASE}/{short}/rag-index", json=model))
    assert small["status"] == "document_too_small"
    none = await ok(await client.post(f"{BASE}/{outer}/rag-index", json=model))
    assert none["status"] == "cannot_index_folder"
    overview = await ok(await client.get(f"{BASE}/rag-index"))
    assert overview["total_used_bytes"] == 1_000
    assert overview["models"] == [{**model, "used_bytes": 1_000}]
    assert (await ok(await client.get(f"{BASE}/{long}/rag-index")))["indexes"] == [made]
    path = f"{BASE}/{long}/rag-index/{made['id']}"
    assert await ok(await client.delete(path)) == made
    assert error_of(await client.delete(path))["code"] == "rag_index_not_found"
    assert (await ok(await client.get(f"{BASE}/{long}/rag-index")))["indexes"] == []


async def test_compute_rag_indexes_for_many(client: httpx.AsyncClient) -> None:
    document_id, model = await text(client, "word " * 200), "multilingual_e5_large_instruct"
    item = {"document_id": document_id, "model": model, "create_if_missing": False}
    answers = await ok(await client.post(f"{BASE}/rag-index", json={"items": [item]}))
    assert answers[document_id]["error_status"] == "rag_index_not_found"
    items = [
        {**item, "create_if_missing": True},
        {**item, "document_id": "no", "create_if_missing": True},
    ]
    answers = await ok(await client.post(f"{BASE}/rag-index", json={"items": items}))
    assert answers[document_id]["data"]["status"] == "succeeded"
    assert answers["no"]["error_code"] == 404


async def test_list_chunks_and_get_chunk(client: httpx.AsyncClient) -> None:
    said = "\n\n".join(f"Paragraph {n} " + "x" * 600 for n in range(5))
    document_id = await text(client, said, name="Long")
    query = {"embedding_model": "e5_mistral_7b_instruct", "page_size": 2}
    seen: list[Json] = []
    while True:
        page = await ok(await client.get(f"{BASE}/{document_id}/chunks", params=query))  # type: ignore[arg-type]
        seen += page["chunks"]
        if page["next_cursor"] is None:
            break
        query = {**query, "cursor": page["next_cursor"]}
    assert "\n\n".join(chunk["content"] for chunk in seen) == said
    assert await ok(await client.get(f"{BASE}/{document_id}/chunk/{seen[3]['id']}")) == seen[3]
    answered = await client.get(f"{BASE}/{document_id}/chunk/chunk_6")
    assert error_of(answered)["code"] == "chunk_not_found"


async def test_get_size_counts_pages(client: httpx.AsyncClient) -> None:
    outer = await folder(client, "F")
    await text(client, "x" * 4_500, parent_folder_id=outer)
    agent_id = await agent_with(client, await text(client, "x" * 3_000), outer)
    path = f"/v1/convai/agent/{agent_id}/knowledge-base/size"
    assert await ok(await client.get(path)) == {"number_of_pages": 2.5}
    answered = await client.get("/v1/convai/agent/no/knowledge-base/size")
    assert error_of(answered)["code"] == "agent_not_found"


async def test_update_file_takes_the_place_of_the_old_one(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    made = await ok(await client.post(f"{BASE}/file", files={"file": ("a.md", b"old")}))
    path = f"{BASE}/{made['id']}/update-file"
    changed = await ok(await client.patch(path, files={"file": ("b.txt", b"new")}))
    assert changed["extracted_inner_html"] == "<p>new</p>"
    assert (changed["filename"], changed["name"]) == ("b.txt", "a.md")
    assert await deps.blobs.get(f"knowledge/{made['id']}/source") == b"new"
    path = f"{BASE}/{await text(client)}/update-file"
    answered = await client.patch(path, files={"file": ("b.txt", b"new")})
    assert error_of(answered)["code"] == "invalid_document_type"


@dataclass
class Web:
    """Pages on this machine, and a client of an API that may fetch them."""

    client: httpx.AsyncClient
    url: str
    pages: dict[str, bytes]


@pytest.fixture
async def web(deps: Deps) -> AsyncIterator[Web]:
    pages = {
        "/a": answer(b"<title>The shop</title><p>Open", "content-type: text/html"),
        "/b": answer("Grüße".encode("latin-1"), "content-type: text/plain; charset=iso-8859-1"),
        "/c": answer(b"PNG", "content-type: image/png"),
        "/d": answer(b"x", status="404 Not Found"),
        "/e": redirect("/a"),
        "/f": redirect("http://10.0.0.1/secret"),
    }
    outgoing = Outgoing(Policy(allowed_hosts=frozenset({"127.0.0.1"})))
    transport = httpx.ASGITransport(create_api(replace(deps, outgoing=outgoing)))
    headers = {"xi-api-key": KEY}
    async with (
        listening(lambda head: pages[head.split()[1]], hosts=["127.0.0.1"]) as listener,
        httpx.AsyncClient(
            transport=transport, base_url="http://test.local", headers=headers
        ) as client,
    ):
        yield Web(client, f"http://127.0.0.1:{listener.port}", pages)
    await outgoing.aclose()


async def test_create_url_fetches_the_page(web: Web) -> None:
    made = await ok(await web.client.post(f"{BASE}/url", json={"url": f"{web.url}/e"}))
    document = await get(web.client, made["id"])
    assert (document["name"], document["url"]) == ("The shop", f"{web.url}/e")
    assert document["extracted_inner_html"] == "<p>Open</p>"
    made = await ok(await web.client.post(f"{BASE}/url", json={"url": f"{web.url}/b"}))
    assert "Grüße" in (await get(web.client, made["id"]))["extracted_inner_html"]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/c", "unreadable_document"), ("/d", "unreadable_document"), ("/f", "url_refused")],
)
async def test_a_page_that_cannot_be_stored_is_refused(web: Web, path: str, code: str) -> None:
    answered = await web.client.post(f"{BASE}/url", json={"url": f"{web.url}{path}"})
    assert (answered.status_code, error_of(answered)["code"]) == (400, code)
    answered = await web.client.post(f"{BASE}/url", json={"url": "http://10.0.0.1/secret"})
    assert error_of(answered)["code"] == "url_refused"


async def test_refresh_document_fetches_the_page_again(web: Web) -> None:
    body = {"url": f"{web.url}/a", "name": "Mine"}
    made = await ok(await web.client.post(f"{BASE}/url", json=body))
    web.pages["/a"] = answer(b"<p>Closed")
    changed = await ok(await web.client.post(f"{BASE}/{made['id']}/refresh"))
    assert (changed["name"], changed["extracted_inner_html"]) == ("Mine", "<p>Closed</p>")
    answered = await web.client.post(f"{BASE}/{await text(web.client)}/refresh")
    assert error_of(answered)["code"] == "invalid_document_type"


async def test_add_to_knowledge_base_takes_a_file_or_a_page(web: Web) -> None:
    client = web.client
    made = await ok(await client.post(BASE, files={"file": ("a.md", b"x")}, data={"name": "N"}))
    assert (await get(client, made["id"]))["name"] == "N"
    made = await ok(await client.post(BASE, files={"url": (None, f"{web.url}/a")}))
    assert (await get(client, made["id"]))["type"] == "url"
    assert (await client.post(BASE, files={"name": (None, "x")})).status_code == 422


async def test_get_source_file_url_lets_the_file_be_had_without_a_key(
    client: httpx.AsyncClient,
) -> None:
    data = files.pdf("Forty dollars.")
    upload = {"file": ("Prices ü.pdf", data, "application/pdf")}
    made = await ok(await client.post(f"{BASE}/file", files=upload))
    url = (await ok(await client.get(f"{BASE}/{made['id']}/source-file-url")))["signed_url"]
    client.headers.pop("xi-api-key")
    answered = await client.get(url)
    assert (answered.content, answered.headers["content-type"]) == (data, "application/pdf")
    assert "Prices%20%C3%BC.pdf" in answered.headers["content-disposition"]
    for wrong in (url[:-1], url.partition("?")[0], url.replace(made["id"], "kb_other")):
        assert error_of(await client.get(wrong))["code"] == "forbidden"
    client.headers["xi-api-key"] = KEY
    answered = await client.get(f"{BASE}/{await text(client)}/source-file-url")
    assert error_of(answered)["code"] == "file_not_found"
