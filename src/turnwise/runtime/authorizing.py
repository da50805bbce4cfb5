"""What an auth connection adds to a request: headers, fetched from its provider where need be."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt

from turnwise.outgoing import ClientCertificate, Limits, Outgoing
from turnwise.runtime.configured import Unresolved

Settings = Mapping[str, Any]
"""Of an auth connection, with what of it is secret."""

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TOKEN_LIMITS = Limits(seconds=10.0, answer_bytes=65_536)
"""For the answer of a token endpoint."""
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


UNSAID_S = 300.0
"""How long a token is used whose provider does not say when it expires."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What authorises requests."""

    headers: Mapping[str, str] = field(repr=False)
    expires_at: float = 0.0
    """Unix seconds; 0: there is nothing to remember, it is made anew each time."""
    identity: ClientCertificate | None = None
    """What is shown to the server beside the headers; None: nothing."""


async def headers_of(
    connection: Settings, outgoing: Outgoing, now: Callable[[], float]
) -> dict[str, str]:
    """Return the headers by which a request is authorised.

    Raises:
        Unresolved: As `granted`, or if headers are not all that it takes.
        OutgoingError: As `granted`.
    """
    found = await granted(connection, outgoing, now)
    if found.identity is not None:
        kind = connection["auth_type"]
        raise Unresolved(f"an auth connection of type {kind!r} adds no header")
    return dict(found.headers)


async def granted(connection: Settings, outgoing: Outgoing, now: Callable[[], float]) -> Granted:
    """Return that by which requests are authorised, and until when.

    Args:
        connection: The settings.
        outgoing: The way to the provider.
        now: Unix seconds.

    Raises:
        Unresolved: If the provider gives no token, or nothing is known of this kind.
        OutgoingError: If the provider cannot be asked.
    """
    match connection["auth_type"]:
        case "mtls":
            return Granted({}, identity=_identity(connection))
        case "oauth2_client_credentials":
            return await _client_credentials(connection, outgoing, now())
        case "oauth2_jwt":
            return await _assertion(connection, outgoing, now())
        case _:
            return Granted(_headers(connection, now()))


def _headers(connection: Settings, now: float) -> dict[str, str]:
    """Return the headers that a connection has without asking anybody."""
    match connection["auth_type"]:
        case "basic_auth":
            return {"Authorization": _basic(connection["username"], connection["password"])}
        case "bearer_auth":
            return {"Authorization": f"Bearer {connection['token']}"}
        case "custom_header_auth":
            return {connection["header_name"]: connection["token"]}
        case "private_key_jwt":
            return {"Authorization": f"Bearer {_signed(connection, now)}"}
        case kind:
            raise Unresolved(f"auth connections of type {kind!r} are not known here")


def _identity(connection: Settings) -> ClientCertificate:
    return ClientCertificate(
        certificate=connection["client_certificate"],
        key=connection["client_key"],
        passphrase=connection.get("key_passphrase") or "",
        authority=connection.get("ca_certificate") or "",
    )


async def _client_credentials(connection: Settings, outgoing: Outgoing, now: float) -> Granted:
    form = {"grant_type": "client_credentials", **_scope(connection)}
    headers = {**_FORM, **(connection.get("custom_headers") or {})}
    if connection.get("basic_auth_in_header"):
        secret = _basic(connection["client_id"], connection["client_secret"])
        headers["Authorization"] = secret
    else:
        form["client_id"] = connection["client_id"]
        form["client_secret"] = connection["client_secret"]
    form |= connection.get("extra_params") or {}
    token, lasts_s = await _token(connection, outgoing, form, headers)
    return Granted({"Authorization": f"Bearer {token}"}, now + lasts_s)


async def _assertion(connection: Settings, outgoing: Outgoing, now: float) -> Granted:
    assertion = _signed(connection, now)
    if connection.get("jwt_usage") == "client_authentication":
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": CLIENT_ASSERTION,
            "client_assertion": assertion,
        }
    else:
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
    token, lasts_s = await _token(connection, outgoing, form | _scope(connection), _FORM)
    return Granted({"Authorization": f"Bearer {token}"}, now + lasts_s)


async def _token(
    connection: Settings, outgoing: Outgoing, form: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[str, float]:
    """Return a token, and for how many seconds it is good."""
    answer = await outgoing.request(
        "POST",
        connection["token_url"],
        headers=headers,
        content=urlencode(form).encode(),
        limits=_TOKEN_LIMITS,
    )
    name = connection.get("token_response_field") or "access_token"
    try:
        told = json.loads(answer.body) if answer.status < 300 else {}
        token, lasts = told[name], told.get("expires_in")
    except (ValueError, KeyError, TypeError, AttributeError):
        token, lasts = None, None
    if not isinstance(token, str):
        raise Unresolved(f"the token endpoint answered {answer.status} and no {name}")
    try:
        return token, UNSAID_S if lasts is None else float(lasts)
    except (ValueError, TypeError):
        return token, 0.0


def _signed(connection: Settings, now: float) -> str:
    claims = {
        **(connection.get("extra_params") or {}),
        "iss": connection["issuer"],
        "aud": connection["audience"],
        "sub": connection["subject"],
        "iat": int(now),
        "exp": int(now) + int(connection.get("expiration_seconds") or 3600),
    }
    headers = dict(connection.get("extra_headers") or {})
    if connection.get("key_id"):
        headers["kid"] = connection["key_id"]
    try:
        return jwt.encode(
            claims,
            connection["secret_key"],
            algorithm=connection.get("algorithm") or "HS256",
            headers=headers,
        )
    except (jwt.PyJWTError, ValueError, TypeError) as exc:
        raise Unresolved("the key of the auth connection cannot sign with its algorithm") from exc


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _scope(connection: Settings) -> dict[str, str]:
    scopes = connection.get("scopes") or []
    return {"scope": " ".join(scopes)} if scopes else {}
