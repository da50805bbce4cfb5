"""What an integration is: how to connect to a service, and what its tools send."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Leaves = Mapping[str, Json]
"""Parameters by name, in the notation of webhook tools."""

VERSION = "1.0.0"
"""Of all tools here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigField:
    """Something to be known of a user's account."""

    name: str
    description: str
    secret: bool = False
    required: bool = True
    default: str = ""
    """Where nothing is given; may name other fields in braces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One way to prove who one is."""

    credential_id: str
    name: str
    fields: tuple[ConfigField, ...]
    """One of them is `base_url`: where the service is."""
    authorise: Callable[[Mapping[str, str]], Json]
    """Returns settings as an auth connection has them, from the values of the fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationTool:
    """One thing that a service does: a request, as a webhook tool describes it."""

    name: str
    description: str
    method: str
    path: str
    """After the base URL; parameters in braces."""
    path_params: Leaves = field(default_factory=dict)
    query: Leaves = field(default_factory=dict)
    required_query: tuple[str, ...] = ()
    body: Json | None = None
    """None: there is none."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def api_schema(self, base_url: str) -> Json:
        """Return the request against a service at a URL."""
        return {
            "url": base_url.rstrip("/") + self.path,
            "method": self.method,
            "path_params_schema": dict(self.path_params),
            "query_params_schema": (
                {"properties": dict(self.query), "required": list(self.required_query)}
                if self.query
                else None
            ),
            "request_body_schema": self.body,
            "request_headers": dict(self.headers),
            "content_type": "application/json",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """A service."""

    integration_id: str
    name: str
    description: str
    credentials: tuple[Credential, ...]
    tools: tuple[IntegrationTool, ...]

    def credential(self, credential_id: str) -> Credential | None:
        """Return a way to connect; None: there is none of this id."""
        found = (each for each in self.credentials if each.credential_id == credential_id)
        return next(found, None)

    def tool(self, name: str) -> IntegrationTool | None:
        """Return a tool; None: there is none of this name."""
        return next((each for each in self.tools if each.name == name), None)


def base_url(default: str) -> ConfigField:
    """Return the field that says where a service is."""
    return ConfigField(
        name="base_url",
        description="Where the service is, if not at its usual place.",
        required=False,
        default=default,
    )


def text(description: str, **more: object) -> Json:
    """Return a text that the model gives."""
    return {"type": "string", "description": description, **more}


def whole(description: str) -> Json:
    """Return a whole number that the model gives."""
    return {"type": "integer", "description": description}


def flag(description: str) -> Json:
    """Return a truth value that the model gives."""
    return {"type": "boolean", "description": description}


def fixed(value: object) -> Json:
    """Return a value that is always the same."""
    kind = "array" if isinstance(value, list) else "string"
    return {"type": kind, "constant_value": value}


def record(*required: str, **properties: Json) -> Json:
    """Return an object, its fields by name."""
    return {"type": "object", "properties": properties, "required": list(required)}


def bearer(name: str) -> Callable[[Mapping[str, str]], Json]:
    """Return how the value of a field becomes a bearer token."""
    return lambda values: {"auth_type": "bearer_auth", "token": values[name]}
