"""What an owner's own server says of a phone call before the agent answers it.

Only phone calls ask: other clients bring their data along. A server that does not answer, or
answers something else, stops no call: it goes on without the data, and a variable that is missing
then refuses it as always.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from turnwise.agents.config import read_agent
from turnwise.agents.overrides import merged
from turnwise.outgoing import Limits, Outgoing, OutgoingError
from turnwise.runtime.configured import PRODUCTION, Configured, Unresolved
from turnwise.store import Store, Vault
from turnwise.wire.client_messages import ConversationInitiationClientData

Json = dict[str, Any]

WEBHOOK = "conversation_initiation_client_data_webhook"
TYPE = "conversation_initiation_client_data"
LIMITS = Limits(seconds=10.0, answer_bytes=262_144)
"""The phone rings meanwhile. The size is the published one."""  # spec/semantics.md, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """A phone call that is not answered yet."""

    conversation_id: str
    agent_id: str
    caller_id: str
    called_number: str
    call_sid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """What a call begins with."""

    init: ConversationInitiationClientData
    warning: str | None = None
    """Why the owner's server was not heard, for the record; None: it was, or there is none."""


class _NoAnswer(Exception):
    """The owner's server said nothing that can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiationWebhook:
    """Asks the servers of agents' owners."""

    store: Store
    vault: Vault | None
    outgoing: Outgoing

    async def ask(
        self,
        document: Mapping[str, Any],
        ringing: Ringing,
        init: ConversationInitiationClientData,
        environment: str = PRODUCTION,
    ) -> Initiation:
        """Return what a call begins with.

        Args:
            document: The agent as stored.
            ringing: The call.
            init: What is known without asking, of the number or of who placed the call; the
                answer goes before it, member by member.
            environment: Decides what headers refer to.
        """
        overrides = read_agent(document).platform_settings.overrides
        if not overrides.enable_conversation_initiation_client_data_from_webhook:
            return Initiation(init=init)
        webhook = await self._webhook(document)
        if not webhook.get("url"):
            return Initiation(init=init)
        try:
            answer = await self._answer(webhook, ringing, environment)
            data = merged(init.model_dump(exclude_none=True), answer)
            return Initiation(init=ConversationInitiationClientData.model_validate(data))
        except ValidationError as error:
            names = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]})
            reason = f"these are not as published: {', '.join(names)}"
        except (_NoAnswer, OutgoingError, Unresolved) as error:
            reason = str(error)
        return Initiation(init=init, warning=f"the initiation webhook was not used: {reason}")

    async def _webhook(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the agent's own webhook, or that of the workspace; empty: there is none."""
        platform = document.get("platform_settings") or {}
        own = (platform.get("workspace_overrides") or {}).get(WEBHOOK)
        if own:
            return dict(own)
        async with self.store.reading() as tx:
            settings = await tx.records.get("settings", "only")
        return dict((settings.document.get(WEBHOOK) if settings else None) or {})

    async def _answer(self, webhook: Mapping[str, Any], ringing: Ringing, environment: str) -> Json:
        configured = Configured(store=self.store, vault=self.vault, environment=environment)
        url = await configured.text(webhook["url"])
        if not self._may_ask(url):
            raise _NoAnswer("its URL should begin with https://")
        headers = await configured.texts(webhook.get("request_headers") or {})
        body = {
            "caller_id": ringing.caller_id,
            "agent_id": ringing.agent_id,
            "called_number": ringing.called_number,
            "call_sid": ringing.call_sid,
            "conversation_id": ringing.conversation_id,
        }
        answer = await self.outgoing.request(
            "POST",
            url,
            headers={"Content-Type": "application/json", **headers},
            content=json.dumps(body, ensure_ascii=False).encode(),
            limits=LIMITS,
        )
        if not 200 <= answer.status < 300:
            raise _NoAnswer(f"it answered HTTP {answer.status}")
        return _read(answer.body)

    def _may_ask(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            plain = self.outgoing.policy.may_be_plain(parts.hostname or "")
        except ValueError:
            return False
        return parts.scheme == "https" or (parts.scheme == "http" and plain)


def _read(body: bytes) -> Json:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise _NoAnswer("its answer is no JSON") from error
    if not isinstance(answer, dict) or answer.get("type", TYPE) != TYPE:
        raise _NoAnswer(f"its answer should be an object of type {TYPE}")
    return answer
