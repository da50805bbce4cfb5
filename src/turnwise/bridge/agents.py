"""The agent on its server: made on first boot, and the address of a conversation with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from turnwise.base.errors import ConfigError, Error
from turnwise.bridge.actor import FORMAT

Json = dict[str, Any]

_ANSWER_S = 15.0


class Unreachable(Error):
    """The server of the agent gives no conversation."""

    code = "unreachable"


@dataclass(frozen=True, slots=True)
class AgentServer:
    """A server that speaks the protocol: Turnwise, or the hosted one."""

    url: str
    """`http…` without a slash at the end."""
    api_key: str = ""
    """Empty: the agent is public."""

    async def create(self, document: Mapping[str, Any]) -> str:
        """Store an agent that speaks as the channel does, and return its id.

        Raises:
            ConfigError: If the server does not take it.
        """
        path = "/v1/convai/agents/create"
        try:
            answer = await self._ask("POST", path, json=for_channel(document))
            return str(answer["agent_id"])
        except (Unreachable, KeyError) as error:
            raise ConfigError(f"the agent cannot be made: {error}") from error

    async def address(self, agent_id: str) -> str:
        """Return the address of one new conversation.

        Raises:
            Unreachable: If there is none.
        """
        path, agent = "/v1/convai/conversation", quote(agent_id, safe="")
        if not self.api_key:
            return f"{self.url.replace('http', 'ws', 1)}{path}?agent_id={agent}"
        answer = await self._ask("GET", f"{path}/get-signed-url?agent_id={agent}")
        signed = answer.get("signed_url")
        if not isinstance(signed, str):
            raise Unreachable("the server signed no URL")
        return signed

    async def _ask(self, method: str, path: str, **more: Any) -> Json:  # noqa: ANN401 - of httpx2
        headers = {"xi-api-key": self.api_key} if self.api_key else {}
        try:
            async with httpx2.AsyncClient(timeout=_ANSWER_S, headers=headers) as client:
                answer = await client.request(method, f"{self.url}{path}", **more)
            if answer.is_success:
                told = answer.json()
                return told if isinstance(told, dict) else {}
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise Unreachable(f"{self.url} does not answer: {error}") from error
        raise Unreachable(
            f"{self.url} answers with status {answer.status_code}: {answer.text[:300]}"
        )


def for_channel(document: Mapping[str, Any]) -> Json:
    """Return an agent with the formats of the channel, both ways."""
    config = dict(document.get("conversation_config") or {})
    config["asr"] = {**(config.get("asr") or {}), "user_input_audio_format": FORMAT.name}
    config["tts"] = {**(config.get("tts") or {}), "agent_output_audio_format": FORMAT.name}
    return {**document, "conversation_config": config}
