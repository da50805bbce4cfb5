"""`…/widget`, `…/link` and `…/avatar`: an agent on other people's pages."""

import hmac
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from turnwise.api.agents.pictures import MOST_BYTES, Picture, is_name, picture_of
from turnwise.api.agents.widget_config import widget_config
from turnwise.api.deps import deps_of
from turnwise.api.errors import Invalid, NotFound, TooLarge, Unauthenticated, problem
from turnwise.api.merging import commit_to
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.versioning import Commit, current, locked
from turnwise.store import SignatureRejected

widget = Slice()

Object = dict[str, Any]


@widget.serve("GET /v1/convai/agents/{agent_id}/widget", access="open")
async def get_widget(call: Call) -> Answer:
    """Return what a page needs to show an agent; of one that is not public to the invited only."""
    agent = await current(call.deps.store, call.path["agent_id"])
    auth = agent.document["platform_settings"].get("auth") or {}
    if auth.get("enable_auth") and call.key is None:
        _check_invitation(call, agent.agent_id, auth)
    base = http_base(call.request, call.deps.public_url)
    return {"agent_id": agent.agent_id, "widget_config": widget_config(agent.document, base)}


@widget.serve("GET /v1/convai/agents/{agent_id}/link")
async def get_link(call: Call) -> Answer:
    """Return what opens an agent to whoever has its link; null: it is open to all, or to none."""
    agent = await current(call.deps.store, call.path["agent_id"])
    auth = agent.document["platform_settings"].get("auth") or {}
    shared = auth.get("shareable_token")
    token = {
        "agent_id": agent.agent_id,
        "conversation_token": shared,
        "expiration_time_unix_secs": None,
        "conversation_id": None,
        "purpose": "shareable_link",
        "token_requester_user_id": None,
    }
    return {"agent_id": agent.agent_id, "token": token if shared else None}


@widget.serve("POST /v1/convai/agents/{agent_id}/avatar")
async def post_avatar(call: Call) -> Answer:
    """Show a picture as the agent's avatar; PNG, JPEG, GIF or WebP."""
    file, agent_id = call.body["avatar_file"], call.path["agent_id"]
    if not isinstance(file, UploadFile):
        raise Invalid([problem("value_error", ["body", "avatar_file"], "Expected UploadFile")])
    data = await file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"The picture is larger than {MOST_BYTES} bytes.", code="file_too_large")
    picture = picture_of(data)
    agent_id = (await current(call.deps.store, agent_id)).agent_id
    await call.deps.blobs.put(picture.key(agent_id), data)
    url = f"{http_base(call.request, call.deps.public_url)}{picture.path(agent_id)}"
    async with call.deps.store.writing() as tx:
        agent = await locked(tx, agent_id)
        settings = agent.document["platform_settings"]
        shown = {**settings["widget"], "avatar": {"type": "image", "url": url}}
        document = agent.document | {"platform_settings": settings | {"widget": shown}}
        await commit_to(tx, agent, None, document, Commit())
    return {"agent_id": agent_id, "avatar_url": url}


async def get_avatar(request: Request) -> Response:
    """Return a picture that was an avatar once: its address changes with the picture."""
    name = request.path_params["name"]
    picture = Picture.named(name)
    agent_id = request.path_params["agent_id"]
    data = None
    if picture is not None and is_name(agent_id):
        data = await deps_of(request).blobs.get(picture.key(agent_id))
    if data is None or picture is None:
        raise NotFound(f"There is no avatar {name}.", code="file_not_found")
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }
    return Response(data, media_type=picture.media_type, headers=headers)


ROUTES = (Route("/v1/convai/agents/{agent_id}/avatar/{name}", get_avatar),)
"""What pictures are shown by; not published, for the hosted service has them elsewhere."""


def http_base(request: Request, public_url: str) -> str:
    """Return scheme, host and prefix under which a client reaches us.

    Args:
        request: Says how it did.
        public_url: How it should; empty: as it did.
    """
    if public_url:
        return public_url.rstrip("/")
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    scheme = forwarded if forwarded in {"http", "https"} else request.url.scheme
    prefix = str(request.scope.get("root_path", "")).rstrip("/")
    return f"{scheme}://{request.url.netloc}{prefix}"


def _check_invitation(call: Call, agent_id: str, auth: Object) -> None:
    signature = call.query.get("conversation_signature") or ""
    shared = str(auth.get("shareable_token") or "")
    if shared and hmac.compare_digest(shared.encode(), signature.encode(errors="replace")):
        return
    try:
        call.deps.signer.verify(signature, agent_id)
    except SignatureRejected as rejected:
        raise Unauthenticated(
            "This agent is not public: a conversation_signature or an API key is needed.",
            legacy="needs_authorization",
        ) from rejected
