"""`/v1/convai/twilio`: an operator announces a call and gets TwiML that connects it."""

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from starlette.responses import Response

from turnwise.api.errors import NotFound
from turnwise.api.sealing import vault_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.socket_base import socket_base
from turnwise.runtime.registered_calls import LIFETIME_SECS, RegisteredCall, register
from turnwise.store import Grant

twilio = Slice()

STREAM = "/v1/convai/telephony/twilio/stream"


@twilio.serve("POST /v1/convai/twilio/register-call")
async def register_call(call: Call) -> Answer:
    """Keep what a call begins with; return TwiML that connects it in the next 15 minutes."""
    deps, filled = call.deps, call.filled()
    agent_id = filled["agent_id"]
    conversation_id = deps.store.new_id("conv_")
    known = RegisteredCall(
        agent_id=agent_id,
        from_number=filled["from_number"],
        to_number=filled["to_number"],
        direction=filled["direction"],
        # as it was given: a default counts as an override
        init=(call.body or {}).get("conversation_initiation_client_data") or {},
    )
    async with deps.store.writing() as tx:
        if await tx.agents.get(agent_id) is None:
            raise NotFound(f"Agent with id {agent_id} not found.", code="agent_not_found")
        await register(tx, vault_of(deps), conversation_id, known)
    grant = Grant(agent_id=agent_id, conversation_id=conversation_id)
    parameters = {
        "agent_id": agent_id,
        "conversation_id": conversation_id,
        "token": deps.signer.sign(grant, lifetime_secs=LIFETIME_SECS),
    }
    url = socket_base(call.request, deps.public_url) + STREAM
    return Response(twiml(url, parameters), media_type="text/html")


def twiml(url: str, parameters: Mapping[str, str]) -> str:
    """Return the TwiML that connects a call to a media stream, both ways.

    Args:
        url: Of the stream; Twilio takes no query in it.
        parameters: What the stream is told in the beginning.
    """
    told = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)} />"
        for name, value in parameters.items()
    )
    stream = f"<Stream url={quoteattr(url)}>{told}</Stream>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Connect>{stream}</Connect></Response>'
