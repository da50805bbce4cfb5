"""Who is asking: the header `xi-api-key`, or `Authorization: Bearer`."""

from typing import Annotated

from fastapi import Depends, Request

from turnwise.api.deps import WithDeps
from turnwise.api.errors import Unauthenticated
from turnwise.store import ApiKey

_SCHEME = "bearer "


async def authenticated(request: Request, deps: WithDeps) -> ApiKey:
    """Return the key that a request came with.

    Raises:
        Unauthenticated: If it came with none, or with one that nobody made.
    """
    secret = secret_of(request)
    if not secret:
        raise Unauthenticated(
            "Neither authorization header nor xi-api-key received, please provide one.",
            legacy="needs_authorization",
        )
    async with deps.store.reading() as tx:
        key = await tx.api_keys.verify(secret)
    if key is None:
        raise Unauthenticated("Invalid API key", legacy="invalid_api_key")
    return key


def secret_of(request: Request) -> str:
    """Return the secret that a request came with; empty: none."""
    if key := request.headers.get("xi-api-key"):
        return key
    authorization = request.headers.get("authorization", "")
    if authorization[: len(_SCHEME)].lower() == _SCHEME:
        return authorization[len(_SCHEME) :].strip()
    return ""


WithKey = Annotated[ApiKey, Depends(authenticated)]
"""A route's parameter: the key that the request came with."""

NEEDS_KEY = Depends(authenticated)
"""For a router of which every route needs a key."""
