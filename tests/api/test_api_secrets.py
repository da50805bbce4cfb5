"""`/v1/convai/secrets`, in process and through the official SDK."""

import asyncio
from pathlib import Path

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError

from api.api_kit import error_of
from turnwise.api import Deps, create_api

pytestmark = pytest.mark.anyio
SECRETS = "/v1/convai/secrets"
VALUE = "sk-nobody-sees-this-again"


def holding(folder: Path, text: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    return [path for path in files if text.encode() in path.read_bytes()]


async def made(client: httpx.AsyncClient, name: str = "key", value: str = VALUE) -> str:
    answer = await client.post(SECRETS, json={"type": "new", "name": name, "value": value})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"type", "secret_id", "name"}
    return str(answer.json()["secret_id"])


async def used_by(deps: Deps, secret_id: str, *users: tuple[str, str]) -> None:
    async with deps.store.writing() as tx:
        for kind, user_id in users:
            if kind != "agent":
                await tx.records.create(kind, {}, record_id=user_id, name=user_id)
            await tx.records.set_uses(kind, user_id, [("secret", secret_id)])


async def test_create_and_get_secret_never_give_the_value_back_and_store_it_sealed(
    client: httpx.AsyncClient, deps: Deps, tmp_path: Path
) -> None:
    secret_id = await made(client)
    answers = [
        await client.get(SECRETS),
        await client.get(f"{SECRETS}/{secret_id}"),
        await client.patch(
            f"{SECRETS}/{secret_id}", json={"type": "update", "name": "other", "value": VALUE}
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert VALUE not in answer.text
    assert answers[1].json()["used_by"] == {
        "tools": [],
        "tools_has_more": False,
        "agents": [],
        "agents_has_more": False,
        "phone_numbers": [],
        "phone_numbers_has_more": False,
        "mcp_servers": [],
        "others": [],
    }
    async with deps.store.reading() as tx:
        record = await tx.records.get("secret", secret_id)
    assert record is not None
    assert record.name == "other"
    assert deps.vault is not None
    assert deps.vault.open(record.document["sealed"]) == VALUE
    assert not holding(tmp_path, VALUE)


async def test_list_secrets_says_who_uses_each(client: httpx.AsyncClient, deps: Deps) -> None:
    secret_id = await made(client)
    users = [("tool", "t1"), ("tool", "t2"), ("agent", "gone"), ("mcp_server", "m1")]
    await used_by(deps, secret_id, *users, ("settings", "only"))
    (secret,) = (await client.get(SECRETS)).json()["secrets"]
    found = secret["used_by"]
    assert [tool["name"] for tool in found["tools"]] == ["t1", "t2"]
    assert found["agents"] == [{"type": "unknown", "id": "gone"}]
    assert [server["id"] for server in found["mcp_servers"]] == ["m1"]
    assert found["others"] == ["conversation_initiation_webhook"]
    (secret,) = (await client.get(SECRETS, params={"dependency_limit": 1})).json()["secrets"]
    assert len(secret["used_by"]["tools"]) == 1
    assert secret["used_by"]["tools_has_more"] is True
    assert secret["used_by"]["agents_has_more"] is False


async def test_list_secrets_searches_and_pages(client: httpx.AsyncClient) -> None:
    for name in ("alpha", "beta", "alphabet", "not alpha"):
        await made(client, name)
    answer = await client.get(SECRETS)
    assert len(answer.json()["secrets"]) == 4
    assert answer.json()["next_cursor"] is None
    seen, cursor = [], ""
    while True:
        asked = {"page_size": "1", "search": "Alpha"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(SECRETS, params=asked)).json()
        seen += [secret["name"] for secret in page["secrets"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == ["alphabet", "alpha"]


async def test_dependencies_of_a_secret_come_by_kind_and_in_pages(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    secret_id = await made(client)
    await used_by(deps, secret_id, ("tool", "t1"), ("tool", "t2"), ("agent", "a1"))
    async with deps.store.writing() as tx:
        number = {"phone_number": "+44", "label": "Desk", "provider": "twilio"}
        await tx.records.create("phone_number", number, record_id="p1")
        await tx.records.set_uses("phone_number", "p1", [("secret", secret_id)])
    url = f"{SECRETS}/{secret_id}/dependencies"
    first = (await client.get(f"{url}/tools", params={"page_size": 1})).json()
    assert [tool["id"] for tool in first["dependencies"]] == ["t1"]
    rest = (await client.get(f"{url}/tools", params={"cursor": first["next_cursor"]})).json()
    assert [tool["id"] for tool in rest["dependencies"]] == ["t2"]
    assert rest["next_cursor"] is None
    agents = (await client.get(f"{url}/agents")).json()["dependencies"]
    assert agents == [{"type": "unknown", "id": "a1"}]
    odd = await client.get(f"{url}/odd")
    assert (odd.status_code, odd.json()["detail"][0]["loc"]) == (422, ["path", "resource_type"])
    (phone,) = (await client.get(f"{url}/phone_numbers")).json()["dependencies"]
    assert phone == {"phone_number_id": "p1", **number}
    assert (await client.get(f"{url}/planets")).status_code == 422


async def test_delete_secret_is_refused_while_it_is_used(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    secret_id = await made(client)
    await used_by(deps, secret_id, ("environment_variable", "e1"))
    refused = await client.delete(f"{SECRETS}/{secret_id}")
    assert refused.status_code == 409
    assert error_of(refused)["status"] == "secret_in_use"
    async with deps.store.writing() as tx:
        await tx.records.delete("environment_variable", "e1")
    gone = await client.delete(f"{SECRETS}/{secret_id}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert error_of(await client.get(f"{SECRETS}/{secret_id}"))["code"] == "secret_not_found"


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"name": "n", "value": "v"}, ["body", "type"]),
        ({"type": "stored", "name": "n", "value": "v"}, ["body", "type"]),
        ({"type": "new", "name": "n"}, ["body", "value"]),
        ({"type": "new", "name": 1, "value": "v"}, ["body", "name"]),
        ({"type": "new", "name": "n", "value": {"a": "b"}}, ["body", "value"]),
    ],
)
async def test_create_secret_refuses_what_is_not_one(
    client: httpx.AsyncClient, body: dict[str, object], loc: list[str]
) -> None:
    answer = await client.post(SECRETS, json=body)
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [loc]


async def test_update_secret_at_once_ends_as_one_of_them(
    client: httpx.AsyncClient, deps: Deps
) -> None:
    secret_id = await made(client)
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            body = {"type": "update", "name": f"n{number}", "value": f"v{number}"}
            group.create_task(client.patch(f"{SECRETS}/{secret_id}", json=body))
    async with deps.store.reading() as tx:
        record = await tx.records.get("secret", secret_id)
    assert record is not None
    assert deps.vault is not None
    assert deps.vault.open(record.document["sealed"])[1:] == record.name[1:]
    missing = await client.patch(
        f"{SECRETS}/none", json={"type": "update", "name": "n", "value": "v"}
    )
    assert missing.status_code == 404


async def test_create_secret_is_not_offered_without_a_vault(deps: Deps) -> None:
    bare = Deps(store=deps.store, blobs=deps.blobs, signer=deps.signer)
    headers = {"xi-api-key": "sk_of_the_tests"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_api(bare)), base_url="http://t.local", headers=headers
    ) as client:
        body = {"type": "new", "name": "n", "value": "v"}
        assert (await client.post(SECRETS, json=body)).status_code == 501


def test_the_sdk_keeps_secrets(sdk: ElevenLabs) -> None:
    secrets = sdk.conversational_ai.secrets
    made_one = secrets.create(name="one", value=VALUE)
    assert made_one.type == "stored"
    found = secrets.get(made_one.secret_id)
    assert (found.name, found.used_by.tools) == ("one", [])
    assert [each.name for each in secrets.list(search="on").secrets] == ["one"]
    assert secrets.update(made_one.secret_id, name="two", value="other").name == "two"
    assert secrets.get_dependencies(made_one.secret_id, "tools").dependencies == []
    secrets.delete(made_one.secret_id)
    with pytest.raises(ApiError) as caught:
        secrets.get(made_one.secret_id)
    assert caught.value.status_code == 404
