"""Error class → status and published body: the table, and nobody else decides it."""

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from turnwise.api import errors
from turnwise.base.errors import Error, ProviderError, ProviderRefused
from turnwise.store import CursorRejected, StoreConflict, StoreUnavailable

TABLE: dict[type[Error], tuple[int, str]] = {
    errors.Malformed: (400, "invalid_request"),
    ProviderRefused: (400, "invalid_request"),
    CursorRejected: (400, "validation_error"),
    errors.Unauthenticated: (401, "authentication_error"),
    errors.Forbidden: (403, "authorization_error"),
    errors.NotFound: (404, "not_found"),
    errors.Conflict: (409, "conflict"),
    StoreConflict: (409, "conflict"),
    errors.TooLarge: (413, "invalid_request"),
    errors.Invalid: (422, "validation_error"),
    errors.LimitReached: (429, "rate_limit_error"),
    errors.NotOffered: (501, "not_implemented"),
    StoreUnavailable: (503, "service_unavailable"),
    ProviderError: (503, "service_unavailable"),
}
"""Status and published `type`, looked up along the class's ancestors."""

RETRY_AFTER_S = 1
"""When to come again where the database was away."""

_ROUTER_TYPES = {404: "not_found", 405: "invalid_request"}


def envelope(kind: str, code: str, message: str, legacy: str, request_id: str) -> dict[str, Any]:
    """Return the published body of an error."""
    return {
        "detail": {
            "type": kind,
            "code": code,
            "message": message,
            "status": legacy,
            "request_id": request_id,
        }
    }


def answer(error: Error, request_id: str) -> JSONResponse:
    """Return the published answer to an error of ours.

    Raises:
        Error: The same one, if it is not in the table.
    """
    row = next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), None)
    if row is None:
        raise error  # nothing a caller could have done about: the edge logs it
    status, kind = row
    if isinstance(error, errors.Invalid):
        return JSONResponse({"detail": list(error.problems)}, status)
    legacy = error.legacy if isinstance(error, errors.RequestError) else error.code
    return JSONResponse(
        envelope(kind, error.code, str(error), legacy, request_id),
        status,
        headers=_headers(error, status),
    )


def _headers(error: Error, status: int) -> dict[str, str]:
    if isinstance(error, errors.LimitReached):
        return {"retry-after": str(error.retry_after_s)}
    return {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}


def internal(request_id: str) -> JSONResponse:
    """Return the answer to an error that is our own fault."""
    kind, message = "internal_error", "Something went wrong here; the log has it under this id."
    return JSONResponse(envelope(kind, kind, message, kind, request_id), 500)


def request_id_of(request: Request) -> str:
    """Return the id under which the edge logs this request."""
    return str(request.state.request_id)


def install(app: Starlette) -> None:
    """Make an application answer errors as the table says."""
    app.add_exception_handler(Error, _ours)
    app.add_exception_handler(HTTPException, _of_the_router)


async def _ours(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Error)
    return answer(exc, request_id_of(request))


async def _of_the_router(request: Request, exc: Exception) -> JSONResponse:
    """Answer where no route fits. Routes raise errors of ours, so only the router ends here."""
    assert isinstance(exc, HTTPException)
    request_id, what = request_id_of(request), f"{request.method} {request.url.path}"
    kind = _ROUTER_TYPES.get(exc.status_code, "invalid_request")
    message = f"There is no {what} on this server: {exc.detail}."
    return JSONResponse(
        envelope(kind, kind, message, kind, request_id), exc.status_code, headers=exc.headers
    )
