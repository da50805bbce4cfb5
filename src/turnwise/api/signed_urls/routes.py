"""`GET /v1/convai/conversation/get-signed-url`, and its older name."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request

from turnwise.api.auth import NEEDS_KEY
from turnwise.api.deps import WithDeps
from turnwise.api.errors import NotFound
from turnwise.store import Grant

PATH = "/v1/convai/conversation"

router = APIRouter(prefix=PATH, tags=["conversations"], dependencies=[NEEDS_KEY])

Text = Annotated[str | None, Query(max_length=200)]

_SOCKET_SCHEMES = {"http": "ws", "https": "wss"}


@router.get("/get-signed-url")
@router.get("/get_signed_url", include_in_schema=False)
async def get_signed_url(  # noqa: PLR0913  # one argument for each parameter of the query
    request: Request,
    deps: WithDeps,
    agent_id: Annotated[str, Query(max_length=200)],
    *,
    include_conversation_id: bool = False,
    branch_id: Text = None,
    version_id: Text = None,
    environment: Text = None,
) -> dict[str, str]:
    """Return where to start a conversation with an agent in the next 15 minutes."""
    async with deps.store.reading() as tx:
        if await tx.agents.get(agent_id) is None:
            raise NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")
    grant = Grant(
        agent_id=agent_id,
        conversation_id=deps.store.new_id("conv_") if include_conversation_id else None,
        branch_id=branch_id,
        version_id=version_id,
        environment=environment,
    )
    query = {"agent_id": agent_id, "conversation_signature": deps.signer.sign(grant)}
    if grant.conversation_id is not None:
        query["conversation_id"] = grant.conversation_id
    return {"signed_url": f"{socket_base(request, deps.public_url)}{PATH}?{urlencode(query)}"}


def socket_base(request: Request, public_url: str) -> str:
    """Return scheme, host and prefix under which a client reaches our sockets.

    Args:
        request: Says how the client reached us, also behind a proxy that tells.
        public_url: How it should; empty: as it did.
    """
    if public_url:
        scheme, _, rest = public_url.rstrip("/").partition("://")
        return f"{_SOCKET_SCHEMES[scheme]}://{rest}"
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    secure = (forwarded or request.url.scheme) in {"https", "wss"}
    prefix = str(request.scope.get("root_path", "")).rstrip("/")
    return f"{'wss' if secure else 'ws'}://{request.url.netloc}{prefix}"
