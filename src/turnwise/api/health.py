"""`/healthz` and `/readyz`, for whoever starts and stops this process. They need no key."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from turnwise.api.deps import deps_of
from turnwise.store import StoreUnavailable


async def is_alive(_request: Request) -> Response:
    """Answer while the process runs."""
    return JSONResponse({"status": "ok"})


async def is_ready(request: Request) -> Response:
    """Answer 200 where new conversations are welcome, 503 where they are not."""
    deps = deps_of(request)
    await deps.store.ping()
    if deps.draining():
        raise StoreUnavailable("this process is draining and takes no new conversations")
    return JSONResponse({"status": "ok"})


ROUTES = (Route("/healthz", is_alive), Route("/readyz", is_ready))
