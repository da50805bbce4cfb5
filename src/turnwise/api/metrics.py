"""`/metrics`, for Prometheus: figures without anybody's words, in its text format."""

import asyncio
from ipaddress import ip_address

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnwise.api.auth import allowed, secret_of
from turnwise.api.deps import Deps, deps_of
from turnwise.api.errors import NotFound

_PASSED_ON = ("x-forwarded-for", "forwarded", "via")
"""What a proxy adds to a request that it passes on: the client is somewhere else."""


async def read_metrics(request: Request) -> Response:
    """Return the figures of all processes of this server.

    Raises:
        NotFound: If they are switched off.
        Unauthenticated: If the client is not one who may read them.
    """
    deps = deps_of(request)
    if deps.figures is None or deps.figures_for == "off":
        raise NotFound("There is no /metrics on this server: the setting metrics is off.")
    if not _is_open(deps, request):
        await allowed(deps, secret_of(request, required=True), request.method)
    text = await asyncio.to_thread(generate_latest, deps.figures)
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})


def _is_open(deps: Deps, request: Request) -> bool:
    if deps.figures_for == "local":
        return _is_local(request)
    return deps.figures_for == "open"


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


ROUTES = (Route("/metrics", read_metrics),)
