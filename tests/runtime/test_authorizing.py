"""What auth connections add to a request, with a token endpoint on loopback."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outgoing.outgoing_rig import answer, listening
from outgoing.serving_rig import served
from turnwise.outgoing import Outgoing, OutgoingError, Policy
from turnwise.runtime.authorizing import CLIENT_ASSERTION, JWT_BEARER, headers_of
from turnwise.runtime.configured import Unresolved

pytestmark = pytest.mark.anyio
NOW = 1_700_000_000.0
SECRET = "a secret that is long enough for HS256"  # noqa: S105
JWT = {"issuer": "i", "audience": "a", "subject": "s", "secret_key": SECRET}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def now() -> float:
    return NOW


def claims_of(token: str, key: str = SECRET, algorithm: str = "HS256") -> dict[str, Any]:
    options = {"verify_exp": False, "verify_iat": False}
    found = jwt.decode(token, key, [algorithm], audience="a", options=options)  # type: ignore[arg-type]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("connection", "headers"),
    [
        (
            {"auth_type": "basic_auth", "username": "ü", "password": "p:w"},
            {"Authorization": "Basic " + b64encode("ü:p:w".encode()).decode()},
        ),
        ({"auth_type": "bearer_auth", "token": "t"}, {"Authorization": "Bearer t"}),
        (
            {"auth_type": "custom_header_auth", "header_name": "X-Key", "token": "t"},
            {"X-Key": "t"},
        ),
    ],
)
async def test_fixed_credentials_are_headers(
    connection: dict[str, Any], headers: dict[str, str]
) -> None:
    assert await headers_of(connection, Outgoing(Policy()), now) == headers


async def test_a_signed_token_says_who_for_whom_and_how_long() -> None:
    connection = {
        "auth_type": "private_key_jwt",
        **JWT,
        "expiration_seconds": 60,
        "key_id": "k1",
        "extra_params": {"tenant": "t"},
        "extra_headers": {"x5t": "x"},
    }
    headers = await headers_of(connection, Outgoing(Policy()), now)
    token = headers["Authorization"].removeprefix("Bearer ")
    assert claims_of(token) == {
        "iss": "i",
        "aud": "a",
        "sub": "s",
        "tenant": "t",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
    }
    head = jwt.get_unverified_header(token)
    assert (head["kid"], head["x5t"], head["alg"]) == ("k1", "x", "HS256")


async def test_a_signed_token_may_be_of_a_private_key() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    connection = {"auth_type": "private_key_jwt", **JWT, "algorithm": "RS256"}
    headers = await headers_of(connection | {"secret_key": pem}, Outgoing(Policy()), now)
    token = headers["Authorization"].removeprefix("Bearer ")
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert claims_of(token, public.decode(), "RS256")["sub"] == "s"
    with pytest.raises(Unresolved, match="cannot sign"):
        await headers_of(connection, Outgoing(Policy()), now)


ASKED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "in the body": (
        {"scopes": ["read", "write"], "extra_params": {"resource": "r"}},
        {
            "grant_type": "client_credentials",
            "client_id": "c",
            "client_secret": "s",
            "scope": "read write",
            "resource": "r",
        },
    ),
    "in the header": ({"basic_auth_in_header": True}, {"grant_type": "client_credentials"}),
}


@pytest.mark.parametrize("way", ASKED)
async def test_a_token_is_had_for_client_credentials(way: str) -> None:
    more, form = ASKED[way]
    seen: list[tuple[dict[str, str], dict[str, str]]] = []

    async def token(request: Request) -> Response:
        body = (await request.body()).decode()
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        seen.append((fields, dict(request.headers)))
        return JSONResponse({"access_token": "granted", "expires_in": 60})

    app = Starlette(routes=[Route("/token", token, methods=["POST"])])
    outgoing = Outgoing(Policy(allow_private=True))
    async with served(app) as url:
        connection = {
            "auth_type": "oauth2_client_credentials",
            "client_id": "c",
            "client_secret": "s",
            "token_url": f"{url}/token",
            "custom_headers": {"x-tenant": "t"},
            **more,
        }
        headers = await headers_of(connection, outgoing, now)
    await outgoing.aclose()
    assert headers == {"Authorization": "Bearer granted"}
    fields, sent = seen[0]
    assert fields == form
    assert sent["content-type"] == "application/x-www-form-urlencoded"
    assert sent["x-tenant"] == "t"
    assert ("authorization" in sent) is (way == "in the header")


@pytest.mark.parametrize(
    ("more", "field", "grant"),
    [
        ({}, "assertion", JWT_BEARER),
        ({"jwt_usage": "client_authentication"}, "client_assertion", "client_credentials"),
    ],
)
async def test_a_token_is_had_for_a_signed_one(
    more: dict[str, Any], field: str, grant: str
) -> None:
    async def token(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode())
        assert fields["grant_type"] == [grant]
        assert fields.get("client_assertion_type", [CLIENT_ASSERTION]) == [CLIENT_ASSERTION]
        assert claims_of(fields[field][0])["iss"] == "i"
        return JSONResponse({"id_token": "granted"})

    app = Starlette(routes=[Route("/token", token, methods=["POST"])])
    outgoing = Outgoing(Policy(allow_private=True))
    async with served(app) as url:
        connection = {
            "auth_type": "oauth2_jwt",
            **JWT,
            "token_url": f"{url}/token",
            "token_response_field": "id_token",
            **more,
        }
        headers = await headers_of(connection, outgoing, now)
    await outgoing.aclose()
    assert headers == {"Authorization": "Bearer granted"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", "200 OK"),
        (b"no json", "200 OK"),
        (b"[1]", "200 OK"),
        (json.dumps({"access_token": 5}).encode(), "200 OK"),
        (json.dumps({"access_token": "t"}).encode(), "401 Unauthorized"),
    ],
)
async def test_an_endpoint_that_grants_nothing_is_an_error_that_tells_no_secret(
    body: bytes, status: str
) -> None:
    outgoing = Outgoing(Policy(allow_private=True))
    async with listening(lambda _head: answer(body, status=status)) as server:
        connection = {
            "auth_type": "oauth2_client_credentials",
            "client_id": "c",
            "client_secret": "hidden",
            "token_url": f"http://127.0.0.1:{server.port}/",
        }
        with pytest.raises(Unresolved, match="no access_token") as caught:
            await headers_of(connection, outgoing, now)
        assert "hidden" not in str(caught.value)
        with pytest.raises(OutgoingError):
            await headers_of(connection, Outgoing(Policy()), now)
    await outgoing.aclose()


async def test_what_is_no_header_is_said() -> None:
    mtls = {"auth_type": "mtls", "client_certificate": "c", "client_key": "hush"}
    for connection in (mtls, {"auth_type": "url_secret"}):
        with pytest.raises(Unresolved, match=connection["auth_type"]) as refused:
            await headers_of(connection, Outgoing(Policy()), now)
        assert "hush" not in str(refused.value)
