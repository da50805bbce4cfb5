"""What a webhook tool sends: the URL, the headers and the body that its definition describes.

Laws: the body is exactly the object that `request_body_schema` describes, without an envelope; what
the model gave reaches no other part than the one that names it; a value can never become more of a
URL than the one piece it stands for.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from turnwise.agents.schemas import as_object, complete, of_literals
from turnwise.agents.variables import SECRET, Variables, as_text, names_in
from turnwise.tools.ports import Json, ToolFailed, ToolRequest, Values

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
HIDDEN = "***"
"""What the record shows instead of a secret."""
IDEMPOTENCY_KEY = "Idempotency-Key"

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_PLACEHOLDER = re.compile(r"(?<!\{)\{([\w.\-]+)\}(?!\})")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRequest:
    """A request, ready to be sent."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None
    details: Json = field(repr=False)
    """The record's `tool_details`, without secrets."""

    def with_headers(self, more: Mapping[str, str]) -> "WebhookRequest":
        """Return the same request with more headers, which the record does not show."""
        hidden = dict.fromkeys(more, HIDDEN)
        details = {**self.details, "headers": {**self.details["headers"], **hidden}}
        return replace(self, headers={**self.headers, **more}, details=details)


async def request_of(call: ToolRequest, values: Values) -> WebhookRequest:
    """Return the request that a call of a webhook tool makes, without its authorisation.

    Args:
        call: Its arguments are checked.
        values: Finds secrets and environment variables.

    Raises:
        ToolFailed: If the definition refers to something that is not there, or an argument cannot
            stand where it should.
    """
    api = call.tool.raw.get("api_schema")
    if not isinstance(api, Mapping) or not api.get("url"):
        raise ToolFailed("customer_config", "the tool has no URL")
    method = str(api.get("method") or "GET").upper()
    path = _filled(of_literals(api.get("path_params_schema")), call)
    query = _filled(of_literals(api.get("query_params_schema")), call)
    content_type = str(api.get("content_type") or JSON)
    schema = api.get("request_body_schema") if method in _WITH_BODY else None
    body = None if schema is None else _written(_filled(as_object(schema), call), content_type)
    headers, shown = await _headers(api.get("request_headers"), call, values)
    if body is not None:
        headers, shown = ({"Content-Type": content_type, **each} for each in (headers, shown))
    template = str(api["url"])
    url = _with_query(_with_path(template, path), query)
    details: Json = {
        "type": "webhook",
        "method": method,
        "url": url,  # before environment variables are filled in: they may be secret
        "headers": shown,
        "path_params": _as_texts(path),
        "query_params": _as_texts(query),
        "body": None if body is None else body.decode(),
    }
    return WebhookRequest(
        method=method,
        url=_with_query(_with_path(await values.text(template, call.variables), path), query),
        headers=headers,
        body=body,
        details=details,
    )


def _filled(schema: Json, call: ToolRequest) -> Json:
    return complete(schema, only(schema, call.arguments), call.variables.without_secrets())


def only(schema: Mapping[str, Any], given: object) -> dict[str, Any]:
    """Return what of the model's arguments a schema names; an object that names nothing is free."""
    if not isinstance(given, Mapping):
        return {}
    properties = schema.get("properties")
    leaves = properties if isinstance(properties, Mapping) else {}
    return {name: _only(leaf, given[name]) for name, leaf in leaves.items() if name in given}


def _only(leaf: object, value: object) -> object:
    if not isinstance(leaf, Mapping):
        return value
    if isinstance(value, Mapping) and leaf.get("properties"):
        return only(leaf, value)
    if isinstance(value, list):
        return [_only(leaf.get("items"), each) for each in value]
    return value


def _with_path(url: str, values: Mapping[str, Any]) -> str:
    def piece(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise ToolFailed("customer_config", f"nothing says what {{{name}}} in the URL is")
        text = as_text(values[name])
        if text.strip(". ") == "":  # nothing, or a step up in the path
            raise ToolFailed("unknown", f"{name} should not be empty or made of dots")
        return quote(text, safe="")

    return _PLACEHOLDER.sub(piece, url)


def _with_query(url: str, values: Mapping[str, Any]) -> str:
    if not values:
        return url
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    added = urlencode([(name, as_text(value)) for name, value in values.items()])
    old = parts.query if not pairs else parts.query + "&"
    return urlunsplit(parts._replace(query=old + added))


def _written(body: Mapping[str, Any], content_type: str) -> bytes:
    if content_type == FORM:
        return urlencode({name: as_text(value) for name, value in body.items()}).encode()
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


async def _headers(
    stored: object, call: ToolRequest, values: Values
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers, and what of them the record may show."""
    headers = {IDEMPOTENCY_KEY: call.idempotency_key} if call.idempotency_key else {}
    shown = dict(headers)
    given = stored.items() if isinstance(stored, Mapping) else ()
    for name, value in given:
        if str(name).lower() == IDEMPOTENCY_KEY.lower():
            headers.pop(IDEMPOTENCY_KEY, None)
            shown.pop(IDEMPOTENCY_KEY, None)
        headers[str(name)] = await _header(value, call.variables, values)
        shown[str(name)] = headers[str(name)] if _is_open(value) else HIDDEN
    return headers, shown


async def _header(value: object, variables: Variables, values: Values) -> str:
    text = await values.text(value, variables)
    filled = variables.fill(text, secrets=True) if isinstance(value, str) else text
    return filled.strip()  # a secret that was pasted with a line break


def _is_open(value: object) -> bool:
    """Return whether a header's definition shows that nothing in it is secret."""
    if isinstance(value, Mapping):
        return not str(value.get("variable_name") or SECRET).startswith(SECRET)
    secret = (SECRET, "system__env_")
    return not any(name.startswith(secret) for name in names_in(value))


def _as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_text(value) for name, value in values.items()}
