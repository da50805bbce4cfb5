"""`/v1/convai/conversation/…`: how a client gets in: by a signed URL, or by a token for WebRTC."""

from urllib.parse import urlencode

from turnwise.agents.config import Agent, Auth, read_agent
from turnwise.api.errors import Forbidden, NotFound, NotOffered, Unauthenticated
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.socket_base import socket_base
from turnwise.store import Grant
from turnwise.store.room_tokens import RoomGrant

PATH = "/v1/convai/conversation"

signed_urls = Slice()


@signed_urls.serve("GET /v1/convai/conversation/get_signed_url")
@signed_urls.serve("GET /v1/convai/conversation/get-signed-url")
async def get_signed_url(call: Call) -> Answer:
    """Return where to start a conversation with an agent in the next 15 minutes."""
    deps, query = call.deps, call.query
    agent_id = (await _agent(call)).agent_id
    grant = Grant(
        agent_id=agent_id,
        conversation_id=deps.store.new_id("conv_") if query["include_conversation_id"] else None,
        branch_id=query.get("branch_id"),
        version_id=query.get("version_id"),
        environment=query.get("environment"),
    )
    address = {"agent_id": agent_id, "conversation_signature": deps.signer.sign(grant)}
    if grant.conversation_id is not None:
        address["conversation_id"] = grant.conversation_id
    base = socket_base(call.request, deps.public_url)
    return {"signed_url": f"{base}{PATH}?{urlencode(address)}"}


@signed_urls.serve("GET /v1/convai/conversation/token", access="open")
async def get_token(call: Call) -> Answer:
    """Return a token for one conversation over WebRTC; a public agent needs no key."""
    deps, query = call.deps, call.query
    agent = await _agent(call)
    if call.key is None:
        _check_public(agent, call.request.headers.get("origin"))
    if deps.room_tokens is None:
        raise NotOffered("This server offers no conversations over WebRTC.")
    grant = RoomGrant(
        conversation_id=deps.store.new_id("conv_"),
        agent_id=agent.agent_id,
        name=query.get("participant_name") or "user",
        authorization="public" if call.key is None else "authorization_header",
        branch_id=query.get("branch_id"),
        version_id=query.get("version_id"),
        environment=query.get("environment"),
    )
    return {"token": deps.room_tokens.sign(grant), "conversation_id": grant.conversation_id}


async def _agent(call: Call) -> Agent:
    """Return the agent that is asked for.

    Raises:
        NotFound: If there is none.
        NotOffered: If its debug events are wanted, too.
    """
    if call.query["debug_events_request"]:
        raise NotOffered("This server sends no debug events; leave out debug_events_request.")
    agent_id = call.query["agent_id"]
    async with call.deps.store.reading() as tx:
        record = await tx.agents.get(agent_id)
    if record is None:
        raise NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")
    return read_agent({**record.document, "agent_id": agent_id})


def _check_public(agent: Agent, origin: str | None) -> None:
    """Refuse a client without a key where the agent is not for everybody, or not on its page.

    Raises:
        Unauthenticated: If the agent wants to know who is asking.
        Forbidden: If it is not to be used on a page of this origin.
    """
    auth = agent.platform_settings.auth
    if auth.enable_auth:
        raise Unauthenticated(
            "Neither authorization header nor xi-api-key received, please provide one.",
            legacy="needs_authorization",
        )
    if not _is_allowed_page(auth, origin or ""):
        raise Forbidden("Pages of this origin may not talk to this agent.")


def _is_allowed_page(auth: Auth, origin: str) -> bool:
    hosts = {entry.hostname for entry in auth.allowlist}
    if not hosts or not origin:
        return not (hosts and auth.require_origin_header)
    host = origin.partition("://")[2]
    return host in hosts or host.partition(":")[0] in hosts
