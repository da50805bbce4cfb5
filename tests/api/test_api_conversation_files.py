import httpx
import pytest

from api.api_kit import conversation, error_of
from turnwise.api import Deps
from turnwise.api.conversations import files

pytestmark = pytest.mark.anyio

PATH = "/v1/convai/conversations/conv_1/files"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.fixture(autouse=True)
async def begun(deps: Deps) -> None:
    async with deps.store.writing() as tx:
        await tx.conversations.begin(conversation())
        await tx.conversations.begin(conversation(2))


async def upload(client: httpx.AsyncClient, data: bytes = PNG) -> httpx.Response:
    return await client.post(PATH, files={"file": ("a.html", data, "text/html")})


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(8), "image/jpeg"),
        (b"GIF89a" + bytes(8), "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        ("Grüße\n".encode(), "text/plain; charset=utf-8"),
    ],
)
async def test_a_file_is_uploaded_without_a_key_read_with_one_and_taken_back(
    client: httpx.AsyncClient, data: bytes, media_type: str
) -> None:
    key = client.headers.pop("xi-api-key")
    answer = await upload(client, data)
    assert answer.status_code == 200
    file_id = answer.json()["file_id"]
    assert (await client.get(f"{PATH}/{file_id}")).status_code == 401
    answer = await client.get(f"{PATH}/{file_id}", headers={"xi-api-key": key})
    assert (answer.content, answer.headers["content-type"]) == (data, media_type)
    assert answer.headers["x-content-type-options"] == "nosniff"
    answer = await client.delete(f"{PATH}/{file_id}")
    assert answer.json() == {"file_id": file_id}
    answer = await client.get(f"{PATH}/{file_id}", headers={"xi-api-key": key})
    assert error_of(answer)["code"] == "file_not_found"
    assert (await client.delete(f"{PATH}/{file_id}")).status_code == 404


@pytest.mark.parametrize("data", [b"", b"MZ\x90\0\x03", b"a\0b", b"\xff\xfe\xfd"])
async def test_what_no_agent_can_read_is_refused(client: httpx.AsyncClient, data: bytes) -> None:
    answer = await upload(client, data)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "file"]


async def test_limits_hold(
    client: httpx.AsyncClient, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await upload(client, b"a" * (files.MOST_BYTES + 1))).status_code == 413
    monkeypatch.setattr(files, "MOST_FILES", 2)
    for _ in range(2):
        assert (await upload(client)).status_code == 200
    assert error_of(await upload(client))["code"] == "file_limit_exceeded"
    assert (await client.post(PATH, data={"file": "text"})).status_code == 422
    assert (await client.post(PATH)).status_code == 422
    elsewhere = PATH.replace("conv_1", "conv_none")
    assert (await client.post(elsewhere, files={"file": PNG})).status_code == 404


@pytest.mark.parametrize(
    ("setting", "statuses"),
    [
        ({"enabled": False}, [403]),
        ({"max_files_per_conversation": 1}, [200, 400]),
        ({"max_files_per_conversation": -1}, [200, 200]),
    ],
)
async def test_the_agent_says_how_many_files_it_takes(
    client: httpx.AsyncClient, deps: Deps, setting: dict[str, object], statuses: list[int]
) -> None:
    config = {"conversation": {"file_input": setting}}
    async with deps.store.writing() as tx:
        agent = await tx.agents.create({"name": "a", "conversation_config": config})
        await tx.conversations.begin(conversation(3, agent=agent.agent_id))
    path = PATH.replace("conv_1", "conv_3")
    for status in statuses:
        answer = await client.post(path, files={"file": PNG})
        assert answer.status_code == status


async def test_a_file_that_was_used_stays(client: httpx.AsyncClient, deps: Deps) -> None:
    file_id = (await upload(client)).json()["file_id"]
    async with deps.store.writing() as tx:
        record = await tx.records.get(files.KIND, file_id)
        assert record is not None
        await tx.records.replace(files.KIND, file_id, {**record.document, "used": True})
    assert (await client.delete(f"{PATH}/{file_id}")).status_code == 409
    assert (await client.get(f"{PATH}/{file_id}")).status_code == 200


async def test_a_file_belongs_to_its_conversation_and_goes_with_it(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    file_id = (await upload(client)).json()["file_id"]
    other = PATH.replace("conv_1", "conv_2")
    assert (await client.get(f"{other}/{file_id}")).status_code == 404
    assert (await client.delete(f"{other}/{file_id}")).status_code == 404
    await client.delete("/v1/convai/conversations/conv_1")
    assert (await client.get(f"{PATH}/{file_id}")).status_code == 404
    assert await deps.blobs.get(files.file_key("conv_1", file_id)) is None
