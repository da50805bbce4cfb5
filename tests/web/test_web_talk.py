"""The talk page as it is served; what it does in a browser is in `acceptance/test_talk_page.py`."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from turnwise.store import Store, open_store
from turnwise.web import talk

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=talk.routes(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test.local") as made:
        yield made


async def agent(store: Store, name: str = "Luigi", *, private: bool = False, tag: str = "") -> str:
    document: dict[str, Any] = {
        "name": name,
        "tags": [tag] if tag else [],
        "conversation_config": {},
        "platform_settings": {"auth": {"enable_auth": private}},
    }
    async with store.writing() as tx:
        return (await tx.agents.create(document)).agent_id


async def test_an_agent_has_a_page(store: Store, client: httpx.AsyncClient) -> None:
    agent_id = await agent(store)
    page = await client.get(f"/talk/{agent_id}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f'data-agent-id="{agent_id}" data-access="public"' in page.text
    assert "<title>Luigi | Turnwise</title>" in page.text


async def test_a_name_is_text_and_never_markup(store: Store, client: httpx.AsyncClient) -> None:
    agent_id = await agent(store, '<script>alert("$name")</script>')
    page = await client.get(f"/talk/{agent_id}")
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(&quot;$name&quot;)&lt;/script&gt;" in page.text


async def test_the_name_of_a_private_agent_is_not_told(
    store: Store, client: httpx.AsyncClient
) -> None:
    agent_id = await agent(store, "Project Falcon", private=True, tag="sample")
    page = await client.get(f"/talk/{agent_id}")
    assert page.status_code == 200
    assert 'data-access="private"' in page.text
    assert "Falcon" not in page.text
    assert "Falcon" not in (await client.get("/")).text


async def test_an_unknown_agent_is_a_page_too(client: httpx.AsyncClient) -> None:
    page = await client.get("/talk/agent_<b>")
    assert page.status_code == 404
    assert "There is no such agent" in page.text
    assert "agent_&lt;b&gt;" in page.text


async def test_the_policy_lets_nothing_in_from_elsewhere(
    store: Store, client: httpx.AsyncClient
) -> None:
    agent_id = await agent(store)
    for path, status in (("/", 200), (f"/talk/{agent_id}", 200), ("/talk/nobody", 404)):
        page = await client.get(path)
        assert page.status_code == status
        rules = dict(
            rule.strip().split(" ", 1)
            for rule in page.headers["content-security-policy"].split(";")
        )
        assert rules.pop("default-src") == "'none'"
        assert set(rules.values()) <= {"'self'", "'none'"}
        assert page.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"https?://|<style|style=|<script>|\son\w+=", page.text)


async def test_all_parts_of_a_page_are_there(store: Store, client: httpx.AsyncClient) -> None:
    address = f"http://test.local/talk/{await agent(store)}"
    found: set[str] = set()
    left = {"http://test.local/", "http://test.local/talk/nobody", address}
    while left:
        url = left.pop()
        found.add(url)
        answer = await client.get(url)
        assert answer.status_code == 200 or url.endswith("nobody")
        named = re.findall(r'(?:src|href)="([^"]+\.\w+)"|"\./([\w.]+\.js)"', answer.text)
        wanted = {str(httpx.URL(url).join(page or script)) for page, script in named}
        left |= {each for each in wanted if "/talk/static/" in each} - found
    names = {url.rpartition("/")[2] for url in found}
    assert {"talk.css", "talk.svg", "talk.js", "talk_worklets.js", "talk_resampler.js"} <= names


async def test_a_part_that_did_not_change_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/talk/static/talk.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = await client.get(
        "/talk/static/talk.js", headers={"if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["talk.html", "talk.py", "..%2Ftalk.py", "none.js"])
async def test_nothing_else_is_given_away(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/talk/static/{name}")).status_code == 404


async def test_the_address_of_the_hosted_page_leads_here(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        "/app/talk-to?agent_id=agent_1&vars=e30%3D&var_name=A%26B&branch_id=agtbrch_1"
    )
    assert answer.status_code == 307
    target = httpx.URL("http://test.local/app/talk-to").join(answer.headers["location"])
    assert target.path == "/talk/agent_1"
    assert dict(target.params) == {"vars": "e30=", "var_name": "A&B", "branch_id": "agtbrch_1"}


async def test_the_start_page_names_the_sample_and_no_other_agent(
    store: Store, client: httpx.AsyncClient
) -> None:
    assert 'href="docs"' in (await client.get("/")).text
    sample = await agent(store, "Luigi & sons", tag="sample")
    await agent(store, "Another")
    page = (await client.get("/")).text
    assert f'href="talk/{sample}"' in page
    assert "Talk to Luigi &amp; sons" in page
    assert "Another" not in page
