"""A whole workspace moves, keeps its ids, and moves once; what fails stops none of the rest."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from typing_extensions import override

from api.api_kit import KEY, conversation
from api.conftest import wav
from moving.workspace_kit import House, fill, tool_of
from turnwise.api import create_api
from turnwise.api.knowledge_base.documents import source_key
from turnwise.moving.everything import move_everything
from turnwise.moving.report import Report
from turnwise.moving.resources import PLACEHOLDER
from turnwise.moving.source import Source
from turnwise.store import recording_key

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
Fault = Callable[[httpx2.Request], httpx2.Response | None]


class Faulty(httpx2.AsyncBaseTransport):
    """The old workspace, but some requests are answered otherwise."""

    def __init__(self, house: House, fault: Fault) -> None:
        self._inner = httpx2.ASGITransport(create_api(house.deps))
        self._fault = fault
        self.asked: list[str] = []

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        answer = self._fault(request)
        return answer or await self._inner.handle_async_request(request)


def faulty(house: House, fault: Fault) -> Source:
    async def no_time(_seconds: float) -> None:
        return None

    transport = Faulty(house, fault)
    return Source("http://old.test", KEY, transport=transport, sleep=no_time)


def at(part: str, answer: httpx2.Response | httpx2.HTTPError) -> Fault:
    def fault(request: httpx2.Request) -> httpx2.Response | None:
        if part not in str(request.url):
            return None
        if isinstance(answer, httpx2.Response):
            return answer
        raise answer

    return fault


async def moved(source: Source, house: House, *, audio: bool = False) -> Report:
    return await move_everything(source, house.target, lambda *_: None, audio=audio)


def in_order(key: str, rows: Any) -> Any:  # noqa: ANN401
    """Rows in an order that is known: folders move before what was made with them in a second."""
    return sorted(rows, key=lambda row: row["id"]) if key in {"documents", "tests"} else rows


async def test_all_that_can_be_read_is_the_same_afterwards(
    old: House, new: House, source: Source
) -> None:
    await fill(old, wav())
    steps: list[tuple[str, int, int]] = []
    report = await move_everything(source, new.target, lambda *step: steps.append(step), audio=True)
    assert report.failures == []
    assert {kind for kind, done, total in steps if done == total} >= {"agents", "tools"}
    before, after = await old.everything(), await new.everything()
    for key in ("conversations", "conversations in full"):
        before[key] = [each for each in before[key] if each["status"] != "in-progress"]
    for key in before:
        assert in_order(key, after.get(key)) == in_order(key, before[key]), key
    assert await new.deps.blobs.get(recording_key("conv_1")) == wav()


async def test_the_files_of_documents_and_the_rules_of_dictionaries_come_along(
    old: House, new: House, source: Source
) -> None:
    ids = await fill(old, wav())
    await moved(source, new)
    for document_id in ids["documents"][1:]:
        path = f"/v1/convai/knowledge-base/{document_id}/source-file-url"
        files = []
        for house in (old, new):
            url = (await house.get(path))["signed_url"]
            files.append((await house.client.get(url)).content)
        assert files[0] == files[1] != b""
    dictionary = await new.get(f"/v1/pronunciation-dictionaries/{ids['dictionary']}")
    assert dictionary["rules"][0]["alias"] == "United Nations"
    assert dictionary["archived_time_unix"] is not None


async def test_a_second_run_moves_nothing_and_changes_nothing(
    old: House, new: House, source: Source
) -> None:
    ids = await fill(old, wav())
    first = await moved(source, new, audio=True)
    settings = {"rag_retention_period_days": 3}
    assert (await new.client.patch("/v1/convai/settings", json=settings)).is_success
    path = f"/v1/convai/agents/{ids['agent']}"
    assert (await new.client.patch(path, json={"name": "Changed here"})).is_success
    between = await new.everything()
    second = await moved(source, new, audio=True)
    assert second.failures == []
    assert sum(count.moved for count in second.counts.values()) == 0
    there = {kind: count.there for kind, count in second.counts.items() if count.there}
    assert there == {
        kind: count.moved for kind, count in first.counts.items() if kind != "splits of traffic"
    }
    assert await new.everything() == between


async def test_secrets_are_listed_until_they_are_set(
    old: House, new: House, source: Source
) -> None:
    ids = await fill(old, wav())
    connection = f"auth connections: CRM ({ids['connection']})"
    report = await moved(source, new)
    assert report.set_again == [f"secrets: K ({ids['secret']})", connection]
    body = {"type": "update", "name": "K", "value": "new"}
    answer = await new.client.patch(f"/v1/convai/secrets/{ids['secret']}", json=body)
    assert answer.is_success, answer.text
    assert (await moved(source, new)).set_again == [connection]
    assert PLACEHOLDER not in str(await new.everything())


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("basic_auth", {"username": "u", "password": "p"}),
        ("custom_header_auth", {"header_name": "X", "token": "t"}),
        ("mtls", {"client_certificate": "c", "client_key": "k"}),
        ("private_key_jwt", {"issuer": "i", "audience": "a", "subject": "s", "secret_key": "k"}),
    ],
)
async def test_auth_connections_of_every_type_move_without_their_secrets(
    old: House, new: House, source: Source, kind: str, more: Json
) -> None:
    path = "/v1/workspace/auth-connections"
    await old.post(path, {"auth_type": kind, "name": "C", "provider": "p", **more})
    report = await moved(source, new)
    assert report.failures == []
    assert await new.get(path) == await old.get(path)
    assert len(report.set_again) == 1


async def test_one_that_fails_stops_none_of_the_rest_and_moves_later(
    old: House, new: House, source: Source
) -> None:
    ids = await fill(old, wav())
    other = await old.post("/v1/convai/tools", tool_of("other", ids["secret"], ids["connection"]))
    broken = faulty(old, at(f"/tools/{ids['tool']}", httpx2.Response(500, text="oh")))
    report = await moved(broken, new)
    unknown = f"Tool with id {ids['tool']} not found."
    assert report.failures == [
        f"tools: find ({ids['tool']}): it answered 500: Internal Server Error",
        f"agents: Ann ({ids['agent']}): it is not taken here: {unknown}",
    ]
    assert (report.of("tools").moved, report.of("tools").failed) == (1, 1)
    assert (await new.get(f"/v1/convai/tools/{other['id']}"))["tool_config"]["name"] == "other"
    assert report.of("agents").moved == 1  # the other one
    assert report.of("conversations").moved == 2
    assert not report.complete
    again = await moved(source, new)
    assert again.failures == []
    assert again.of("tools").moved == again.of("agents").moved == again.of("branches").moved == 1
    agent = f"/v1/convai/agents/{ids['agent']}"
    assert (await new.get(agent))["version_id"] == (await old.get(agent))["version_id"]


async def test_a_list_that_breaks_off_is_told(old: House, new: House) -> None:
    await fill(old, wav())
    broken = faulty(old, at("/knowledge-base?", httpx2.Response(500)))
    report = await moved(broken, new)
    assert report.failures == ["documents: the list: it answered 500: Internal Server Error"]
    assert report.of("agents").moved == 2


@pytest.mark.parametrize("status", [404, 501])
async def test_what_the_source_does_not_offer_is_left_out(
    old: House, new: House, status: int
) -> None:
    await fill(old, wav())
    bare = faulty(old, at("/analysis-items", httpx2.Response(status)))
    report = await moved(bare, new)
    assert report.failures == []
    assert report.skipped["analysis items: the source knows of none"] == 1


async def test_a_source_that_is_lost_ends_the_move_and_the_next_goes_on(
    old: House, new: House, source: Source
) -> None:
    await fill(old, wav())
    lost = faulty(old, at("/agent-testing", httpx2.ConnectError("gone")))
    report = await moved(lost, new)
    assert report.failures == [
        "the source: http://old.test: it was lost on the way: there is no connection"
    ]
    assert report.of("tools").moved == 1
    assert "agents" not in report.counts
    again = await moved(source, new)
    assert again.failures == []
    assert again.of("tools").there == 1
    assert again.of("agents").moved == 2


async def test_branches_that_were_cut_off_move_later(
    old: House, new: House, source: Source
) -> None:
    ids = await fill(old, wav())
    broken = faulty(old, at("?branch_id=", httpx2.Response(500)))
    report = await moved(broken, new)
    assert [each.partition(":")[0] for each in report.failures] == [
        "branches",
        "splits of traffic",  # one of its branches is not there
    ]
    again = await moved(source, new)
    assert again.failures == []
    assert again.of("branches").moved == again.of("splits of traffic").moved == 1
    path = f"/v1/convai/agents/{ids['agent']}/branches"
    shares = [
        {each["id"]: each["current_live_percentage"] for each in (await house.get(path))["results"]}
        for house in (old, new)
    ]
    assert shares[0] == shares[1]


@pytest.mark.parametrize("status", [400, 404, 501])
async def test_an_agent_without_versions_moves_as_it_is(
    old: House, new: House, status: int
) -> None:
    await fill(old, wav())
    report = await moved(faulty(old, at("/branches", httpx2.Response(status))), new)
    assert report.failures == []
    assert "branches" not in report.counts


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"transcript": None}, "not in the published shape: transcript: "),
        ({"status": "in-progress"}, "changed while it was read"),
        ({"conversation_id": "conv_7"}, "changed while it was read"),
    ],
)
async def test_a_conversation_that_cannot_be_kept_is_told(
    old: House, new: House, source: Source, change: Json, reason: str
) -> None:
    async with old.deps.store.writing() as tx:
        await tx.conversations.begin(conversation(1))
    document = await old.get("/v1/convai/conversations/conv_1")
    odd = faulty(old, at("/conversations/conv_1", httpx2.Response(200, json=document | change)))
    report = await moved(odd, new)
    assert len(report.failures) == 1
    assert f"conversations: conv_1: it {reason}" in report.failures[0].replace(
        "it is not", "it not"
    )
    assert (await moved(source, new)).of("conversations").moved == 1


async def test_recordings_may_come_later_and_are_not_promised_before(
    old: House, new: House, source: Source
) -> None:
    await fill(old, wav())
    path = "/v1/convai/conversations/conv_1"
    report = await moved(source, new)
    assert report.skipped["recordings: run it again with --audio to have them"] == 1
    assert (await new.get(path))["has_audio"] is False
    assert (await new.client.get(f"{path}/audio")).status_code == 404
    report = await moved(source, new, audio=True)
    assert report.of("recordings").moved == 1
    assert await new.get(path) == await old.get(path)
    assert (await new.client.get(f"{path}/audio")).content == wav()


async def test_a_conversation_in_writing_is_not_asked_for_its_recording(
    old: House, new: House
) -> None:
    for number in (1, 2):
        document = conversation(number)
        document["metadata"]["text_only"] = number == 2
        async with old.deps.store.writing() as tx:
            await tx.conversations.begin(document)
    for number, told in ((2, 0), (1, 1)):
        asked = faulty(old, at(f"/conversations/conv_{number}/audio", httpx2.Response(500)))
        report = await moved(asked, new, audio=True)
        assert report.of("recordings").failed == told


async def test_what_must_be_done_by_hand_is_told(old: House, new: House, source: Source) -> None:
    await fill(old, wav())
    number = {
        "provider": "sip_trunk",
        "phone_number": "+15550100",
        "label": "Main line",
        "supports_inbound": True,
        "supports_outbound": True,
    }
    await old.post("/v1/convai/phone-numbers", number)
    report = await moved(source, new)
    assert [each.partition(" (")[0] for each in report.by_hand] == [
        "webhooks: Calls",
        "phone numbers: +15550100: connect it to this server",
    ]
    secret = report.by_hand[0].rpartition(" ")[2]
    assert secret.startswith("wsec_")
    async with new.deps.store.reading() as tx:
        (webhook,) = await tx.records.all("webhook")
    assert new.deps.vault is not None
    assert new.deps.vault.open(webhook.document["sealed"]) == secret
    assert report.skipped["conversations that are not over yet: run it again later"] == 1


async def test_ids_of_another_form_are_kept(old: House, new: House) -> None:
    """As the hosted service has them: without a prefix, in both cases."""
    document = {
        "id": "JBFqnCBsd6RMkjVDRZzb",
        "name": "Menu",
        "type": "file",
        "filename": "menu.md",
        "metadata": {"created_at_unix_secs": 1_700_000_000, "size_bytes": 6},
        "extracted_inner_html": "# Menu",
        "content_format": "markdown",
        "auto_sync_info": {"minimum_frequency_days": 1},
    }
    variable = {
        "id": "env_1",
        "label": "city",
        "type": "string",
        "values": {"production": "Rome"},
        "created_by_user_id": "u",
    }
    answers: list[tuple[str, Any]] = [
        ("/source-file-url", {"signed_url": "http://old.test/files/menu"}),
        (f"/knowledge-base/{document['id']}", document),
        ("/knowledge-base?", {"documents": [document], "has_more": False}),
        ("/environment-variables", {"environment_variables": [variable], "has_more": False}),
    ]

    def fault(request: httpx2.Request) -> httpx2.Response | None:
        if "/files/menu" in str(request.url):
            return httpx2.Response(200, content=b"# Menu")
        found = (body for part, body in answers if part in str(request.url))
        body = next(found, None)
        return httpx2.Response(200, json=body) if body is not None else None

    report = await moved(faulty(old, fault), new)
    assert report.failures == []
    told = report.skipped.get("files of documents whose ids cannot name a file here")
    assert told or await new.deps.blobs.size(source_key(str(document["id"])))
    stored = await new.get(f"/v1/convai/knowledge-base/{document['id']}")
    assert stored["metadata"]["created_at_unix_secs"] == 1_700_000_000
    assert stored["extracted_inner_html"] == "# Menu"
    (listed,) = (await new.get("/v1/convai/environment-variables"))["environment_variables"]
    assert listed["values"] == {"production": "Rome"}
    assert [each.partition(":")[0] for each in report.by_hand] == [
        "environment variables",  # whose id follows from its label here
        "documents",
    ]
    assert listed["id"] in report.by_hand[0]
    assert (await moved(faulty(old, fault), new)).of("environment variables").there == 1
