"""Who is asking: the header `xi-api-key`, or `Authorization: Bearer`."""

from starlette.requests import Request

from turnwise.api.deps import Deps
from turnwise.api.errors import Unauthenticated
from turnwise.store import ApiKey

_SCHEME = "bearer "
_READING = ("GET", "HEAD")


def secret_of(request: Request, *, required: bool) -> str:
    """Return the secret that a request came with; empty: none.

    Raises:
        Unauthenticated: If one is required and there is none: before anything of the body is read.
    """
    if key := request.headers.get("xi-api-key"):
        return key
    authorization = request.headers.get("authorization", "")
    if authorization[: len(_SCHEME)].lower() == _SCHEME and authorization[len(_SCHEME) :].strip():
        return authorization[len(_SCHEME) :].strip()
    if required:
        raise Unauthenticated(
            "Neither authorization header nor xi-api-key received, please provide one.",
            legacy="needs_authorization",
        )
    return ""


async def allowed(deps: Deps, secret: str, method: str) -> ApiKey | None:
    """Return the key with a secret; None: there is no secret.

    Args:
        deps: Where keys are known.
        secret: Of `secret_of`.
        method: What the key is wanted for.

    Raises:
        Unauthenticated: If nobody made such a key, or it may only read.
    """
    if not secret:
        return None
    async with deps.store.reading() as tx:
        key = await tx.api_keys.verify(secret)
    if key is None:
        raise Unauthenticated("Invalid API key", legacy="invalid_api_key")
    if method not in _READING and not key.may_write:
        raise Unauthenticated(
            "The API key you used is missing the permission convai_write"
            " to execute this operation.",
            legacy="missing_permissions",
        )
    return key
