"""Webhook tools against a real server: answers, failures, redirects, authorisation."""

import pytest

from tools.tools_rig import (
    Give,
    Json,
    Stock,
    asked,
    body,
    leaf,
    serving,
    told,
    way_out,
    webhook,
)
from turnwise.agents.tools import Tool
from turnwise.tools.ports import Authorisation, Outcome, ToolFailed
from turnwise.tools.webhook import WebhookTools

pytestmark = pytest.mark.anyio

MINE = Authorisation(headers={"Authorization": "Bearer old"}, remembered=True)
NEW = Authorisation(headers={"Authorization": "Bearer new"})


async def failure(tool: Tool, stock: Stock | None = None, *, private: bool = True) -> ToolFailed:
    async with way_out(private=private) as outgoing:
        with pytest.raises(ToolFailed) as failed:
            await WebhookTools(outgoing, stock or Stock()).run(asked(tool))
    return failed.value


async def test_a_request_arrives_as_it_was_described() -> None:
    async with serving(lambda _: Give('{"id": 7}')) as service:
        tool = webhook(
            service.url + "/orders/{shop}",
            path_params_schema={"shop": leaf()},
            query_params_schema={"properties": {"fast": leaf(type="boolean")}},
            request_body_schema=body(size=leaf()),
            request_headers={"X-Api-Key": {"secret_id": "s1"}},
        )
        given = {"shop": "north", "fast": True, "size": "large"}
        assert await told(tool, given, Stock(secrets={"s1": "hush"})) == '{"id": 7}'
    [got] = service.got
    assert (got.method, got.target) == ("POST", "/orders/north?fast=true")
    assert got.json == {"size": "large"}
    assert got.headers["x-api-key"] == "hush"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["idempotency-key"] == "conv_1:1:book_1"


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, "external_server"),
        (401, "customer_auth"),
        (403, "customer_auth"),
        (404, "external_server"),
        (500, "external_server"),
        (304, "external_server"),
    ],
)
async def test_a_status_that_is_no_success_is_a_failure(status: int, fault: str) -> None:
    async with serving(lambda _: Give("no such slot", status)) as service:
        failed = await failure(webhook(service.url))
    assert failed.error_type == fault
    assert str(failed).startswith(f"HTTP {status}")
    assert failed.details is not None
    assert failed.details["url"] == service.url


@pytest.mark.parametrize("secret", ["hu\nsh", "hüsh", "hu\x00sh"])
async def test_a_header_that_cannot_be_sent_is_named_and_not_shown(secret: str) -> None:
    async with serving() as service:
        tool = webhook(service.url, request_headers={"X-Key": {"secret_id": "s1"}})
        failed = await failure(tool, Stock(secrets={"s1": secret}))
    assert str(failed) == "the header X-Key has characters that headers cannot have"
    assert failed.error_type == "customer_config"
    assert service.got == []


async def test_a_slow_server_is_given_up_after_the_tools_own_time() -> None:
    async with serving(lambda _: Give(delay_s=5)) as service:
        failed = await failure(webhook(service.url, more={"response_timeout_secs": 0.2}))
    assert (failed.error_type, str(failed)) == (
        "external_server",
        "there was no answer within 0.2 s",
    )


async def test_an_answer_that_is_too_large_is_a_failure() -> None:
    async with serving(lambda _: Give("x" * 1_100_000)) as service:
        failed = await failure(webhook(service.url))
    assert failed.error_type == "external_server"
    assert "larger than" in str(failed)


async def test_an_answer_that_is_no_text_is_a_failure() -> None:
    picture = Give("PNG\r\n\0\0", headers=("content-type: image/png",))
    async with serving(lambda _: picture) as service:
        failed = await failure(webhook(service.url))
    assert (failed.error_type, str(failed)) == (
        "external_server",
        "the answer is no text (image/png)",
    )


async def test_nobody_at_home_is_a_failure() -> None:
    async with serving() as service:
        pass
    assert (await failure(webhook(service.url))).error_type == "external_server"


async def test_a_url_into_the_own_network_is_refused_where_that_is_not_allowed() -> None:
    async with serving() as service:
        failed = await failure(webhook(service.url), private=False)
        secure = service.url.replace("http:", "https:")
        inside = await failure(webhook(secure), private=False)
    assert (failed.error_type, str(failed)) == (
        "customer_config",
        "URLs should begin with https://",
    )
    assert inside.error_type == "customer_config"
    assert service.got == []


@pytest.mark.parametrize("url", ["ftp://shop.test/", "shop.test", "http://[::1", "file:///x"])
async def test_a_url_that_is_none_is_the_owners_mistake(url: str) -> None:
    assert (await failure(webhook(url))).error_type == "customer_config"


# --- redirects ----------------------------------------------------------------------------------


def redirecting(target: str = "/second", status: int = 302) -> Give:
    return Give("moved", status, (f"location: {target}",))


async def test_a_redirect_is_a_failure_unless_the_tool_follows_it() -> None:
    async with serving(lambda _: redirecting()) as service:
        failed = await failure(webhook(service.url))
    assert str(failed) == "HTTP 302: moved"
    assert len(service.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_one_redirect_is_followed_as_a_bare_get(status: int) -> None:
    async with serving(
        lambda got: Give('"there"') if got.target == "/second" else redirecting(status=status)
    ) as service:
        more: Json = {
            "follow_redirects": True,
            "follow_redirects_allowed_domains": ["127.0.0.1"],
        }
        tool = webhook(
            service.url,
            more=more,
            request_body_schema=body(a=leaf(constant_value="b")),
            request_headers={"X-Api-Key": "mine"},
        )
        assert await told(tool) == '"there"'
    second = service.got[1]
    assert (second.method, second.body) == ("GET", b"")
    assert "x-api-key" not in second.headers
    assert "idempotency-key" not in second.headers


async def test_a_second_redirect_is_not_followed() -> None:
    async with serving(lambda _: redirecting()) as service:
        more: Json = {
            "follow_redirects": True,
            "follow_redirects_allowed_domains": ["127.0.0.1"],
        }
        failed = await failure(webhook(service.url, more=more))
    assert str(failed) == "HTTP 302: moved"
    assert len(service.got) == 2


@pytest.mark.parametrize("domains", [[], ["shop.test"], ["*.0.0.1.test"]])
async def test_a_redirect_to_another_domain_is_not_followed(domains: list[str]) -> None:
    async with serving(lambda _: redirecting()) as service:
        more: Json = {"follow_redirects": True, "follow_redirects_allowed_domains": domains}
        failed = await failure(webhook(service.url, more=more))
    assert failed.error_type == "customer_config"
    assert len(service.got) == 1


@pytest.mark.parametrize("target", ["http://shop.test/", "ftp://127.0.0.1/"])
async def test_a_redirect_away_from_https_is_not_followed(target: str) -> None:
    async with serving(lambda _: redirecting(target)) as service:
        more: Json = {
            "follow_redirects": True,
            "follow_redirects_allowed_domains": ["shop.test", "127.0.0.1"],
        }
        failed = await failure(webhook(service.url, more=more))
    assert failed.error_type in {"customer_config", "external_server"}
    assert len(service.got) == 1


# --- authorisation ------------------------------------------------------------------------------


async def run(tool: Tool, stock: Stock) -> Outcome:
    async with way_out() as outgoing:
        return await WebhookTools(outgoing, stock).run(asked(tool))


async def test_an_auth_connection_adds_headers_that_the_record_hides() -> None:
    async with serving() as service:
        stock = Stock(granted=[NEW])
        tool = webhook(service.url, auth_connection={"auth_connection_id": "auth_1"})
        outcome = await run(tool, stock)
    assert service.got[0].headers["authorization"] == "Bearer new"
    assert outcome.details is not None
    assert outcome.details["headers"]["Authorization"] == "***"


async def test_a_remembered_token_that_is_refused_is_fetched_anew_once() -> None:
    async with serving(
        lambda got: Give(status=200 if got.headers["authorization"] == "Bearer new" else 401)
    ) as service:
        stock = Stock(granted=[MINE, NEW])
        await run(webhook(service.url, auth_connection={"auth_connection_id": "auth_1"}), stock)
    assert [got.headers["authorization"] for got in service.got] == ["Bearer old", "Bearer new"]
    assert len({got.headers["idempotency-key"] for got in service.got}) == 1
    assert stock.renewed == [False, True]


async def test_a_fresh_token_that_is_refused_is_a_failure() -> None:
    async with serving(lambda _: Give(status=401)) as service:
        tool = webhook(service.url, auth_connection={"auth_connection_id": "auth_1"})
        failed = await failure(tool, Stock(granted=[NEW]))
    assert failed.error_type == "customer_auth"
    assert len(service.got) == 1
