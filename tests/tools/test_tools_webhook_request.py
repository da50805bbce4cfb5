"""What a webhook tool sends, byte by byte."""

from urllib.parse import parse_qsl

import pytest

from tools.tools_rig import Json, Stock, asked, body, leaf, webhook
from turnwise.tools.ports import ToolFailed
from turnwise.tools.webhook_request import HIDDEN, WebhookRequest, request_of

pytestmark = pytest.mark.anyio

URL = "https://shop.test/orders"


async def test_the_body_is_the_described_object_and_nothing_else() -> None:
    tool = webhook(
        URL + "/{order}",
        path_params_schema={"order": leaf(description="which")},
        query_params_schema={"properties": {"page": leaf(type="integer")}},
        request_body_schema=body(
            size=leaf(description="how large"),
            user=leaf(dynamic_variable="user_name"),
            shop=leaf(constant_value="north"),
            trace=leaf(is_system_provided=True),
            note=leaf(is_omitted=True),
            unsaid=leaf(),
        ),
    )
    given = {
        "order": "7",
        "page": 2,
        "size": "large",
        "user": "forged",
        "shop": "forged",
        "trace": "forged",
        "note": "forged",
        "unsaid": "kept",
        "invented": "dropped",
    }
    sent = await request_of(asked(tool, given, user_name="Ada"), Stock())
    assert sent.url == URL + "/7?page=2"
    assert sent.body == b'{"size":"large","user":"Ada","shop":"north","unsaid":"kept"}'
    assert sent.headers["Content-Type"] == "application/json"


async def test_objects_and_lists_are_filled_in_their_depth() -> None:
    item = body(sku=leaf(description="which"), shop=leaf(constant_value="north"))
    tool = webhook(
        URL,
        request_body_schema=body(
            items={"type": "array", "items": item},
            tags={"type": "array", "dynamic_variable": "tags"},
            address={**body(zone=leaf(constant_value=3), street=leaf(description="where"))},
            free={"type": "object", "description": "anything"},
        ),
    )
    given = {
        "items": [{"sku": "a", "shop": "forged", "invented": 1}],
        "address": {"street": "Main", "zone": 9},
    }
    sent = await request_of(asked(tool, given, tags=["x"]), Stock())
    assert sent.body == (
        b'{"items":[{"sku":"a","shop":"north"}],"tags":["x"],"address":{"zone":3,"street":"Main"}}'
    )


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_some_methods_have_no_body(method: str) -> None:
    tool = webhook(URL, method, request_body_schema=body(a=leaf(constant_value="b")))
    sent = await request_of(asked(tool), Stock())
    assert (sent.method, sent.body) == (method, None)
    assert "Content-Type" not in sent.headers


async def test_a_form_is_written_as_forms_are() -> None:
    tool = webhook(
        URL,
        content_type="application/x-www-form-urlencoded",
        request_body_schema=body(name=leaf(), many={"type": "array", "items": leaf()}),
    )
    sent = await request_of(asked(tool, {"name": "Ada & Co", "many": ["é", True]}), Stock())
    assert parse_qsl((sent.body or b"").decode()) == [("name", "Ada & Co"), ("many", '["é", true]')]
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Oslo", "Oslo"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("æ ø", "%C3%A6%20%C3%B8"),
        (7, "7"),
        (True, "true"),
        ("{other}", "%7Bother%7D"),
    ],
)
async def test_what_stands_in_the_path_is_one_piece_of_it(value: object, sent: str) -> None:
    tool = webhook(URL + "/{city}/x", "GET", path_params_schema={"city": leaf()})
    found = await request_of(asked(tool, {"city": value}), Stock())
    assert found.url == f"{URL}/{sent}/x"


@pytest.mark.parametrize("value", ["", "..", ".", " "])
async def test_nothing_in_the_path_leads_up(value: str) -> None:
    tool = webhook(URL + "/{city}/x", "GET", path_params_schema={"city": leaf()})
    with pytest.raises(ToolFailed, match="city should not be empty or made of dots"):
        await request_of(asked(tool, {"city": value}), Stock())


async def test_a_placeholder_without_a_value_is_the_owners_mistake() -> None:
    with pytest.raises(ToolFailed, match=r"nothing says what \{city\} in the URL") as failed:
        await request_of(asked(webhook(URL + "/{city}", "GET")), Stock())
    assert failed.value.error_type == "customer_config"


async def test_a_tool_without_a_url_is_the_owners_mistake() -> None:
    with pytest.raises(ToolFailed, match="no URL"):
        await request_of(asked(webhook("")), Stock())


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        (URL, URL + "?q=a+b%26c&n=1"),
        (URL + "?k=v", URL + "?k=v&q=a+b%26c&n=1"),
        (URL + "?", URL + "?q=a+b%26c&n=1"),
    ],
)
async def test_query_parameters_are_added_to_those_of_the_url(url: str, sent: str) -> None:
    query = {"properties": {"q": leaf(), "n": leaf(type="integer"), "none": leaf()}}
    tool = webhook(url, "GET", query_params_schema=query)
    found = await request_of(asked(tool, {"q": "a b&c", "n": 1}), Stock())
    assert found.url == sent


HEADERS: Json = {
    "X-Plain": "as it is",
    "X-Filled": "user {{user}}",
    "X-Secret": {"secret_id": "s1"},
    "X-Env": {"env_var_label": "region"},
    "X-Variable": {"variable_name": "user"},
    "X-Secret-Variable": {"variable_name": "secret__key"},
    "X-Secret-Text": "Token {{secret__key}}",
}


async def _with_headers(**more: str) -> WebhookRequest:
    stock = Stock(secrets={"s1": "hush\n"}, environment={"region": "north"})
    tool = webhook(URL, "GET", request_headers={**HEADERS, **more})
    return await request_of(asked(tool, user="Ada", secret__key="k1"), stock)  # noqa: S106


async def test_headers_have_five_sources() -> None:
    sent = await _with_headers()
    assert sent.headers == {
        "Idempotency-Key": "conv_1:1:book_1",
        "X-Plain": "as it is",
        "X-Filled": "user Ada",
        "X-Secret": "hush",
        "X-Env": "north",
        "X-Variable": "Ada",
        "X-Secret-Variable": "k1",
        "X-Secret-Text": "Token k1",
    }


async def test_the_record_and_the_representation_show_no_secret() -> None:
    sent = await _with_headers()
    assert sent.details["headers"] == {
        "Idempotency-Key": "conv_1:1:book_1",
        "X-Plain": "as it is",
        "X-Filled": "user Ada",
        "X-Secret": HIDDEN,
        "X-Env": HIDDEN,
        "X-Variable": "Ada",
        "X-Secret-Variable": HIDDEN,
        "X-Secret-Text": HIDDEN,
    }
    for secret in ("hush", "k1", "north"):
        assert secret not in repr(sent)
    authorised = sent.with_headers({"Authorization": "Bearer t1"})
    assert authorised.headers["Authorization"] == "Bearer t1"
    assert authorised.details["headers"]["Authorization"] == HIDDEN


async def test_an_idempotency_key_of_the_owner_stands() -> None:
    sent = await _with_headers(**{"idempotency-key": "mine"})
    assert sent.headers["idempotency-key"] == "mine"
    assert "Idempotency-Key" not in sent.headers


async def test_a_secret_variable_never_reaches_the_body_by_a_placeholder_of_the_model() -> None:
    tool = webhook(URL, request_body_schema=body(text=leaf()))
    sent = await request_of(asked(tool, {"text": "{{secret__key}}"}, secret__key="k1"), Stock())  # noqa: S106
    assert sent.body == b'{"text":"{{secret__key}}"}'


async def test_a_secret_variable_fills_no_other_part_than_headers() -> None:
    secret = leaf(dynamic_variable="secret__key")
    tool = webhook(
        URL,
        query_params_schema={"properties": {"q": secret}},
        request_body_schema=body(b=secret, c=leaf(constant_value="d")),
    )
    sent = await request_of(asked(tool, secret__key="k1"), Stock())  # noqa: S106
    assert (sent.url, sent.body) == (URL, b'{"c":"d"}')


async def test_the_url_may_name_the_environment_and_the_record_does_not_show_it() -> None:
    tool = webhook("https://{{system__env_host}}/x/{id}", "GET", path_params_schema={"id": leaf()})
    sent = await request_of(asked(tool, {"id": "1"}), Stock(environment={"host": "eu.shop.test"}))
    assert sent.url == "https://eu.shop.test/x/1"
    assert sent.details["url"] == "https://{{system__env_host}}/x/1"
    assert sent.details["path_params"] == {"id": "1"}
