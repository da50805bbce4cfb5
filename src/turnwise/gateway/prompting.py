"""What the language model is told in one conversation: system prompt, history, tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from turnwise.agents.config import ConversationConfig, Guardrails
from turnwise.agents.prompt import Document, Situation, messages, system_parts, system_prompt
from turnwise.agents.tools import Tool
from turnwise.providers.ports import ModelMessage, ModelRequest, ToolCall, ToolSpec
from turnwise.turns.commands import StartReply
from turnwise.wire.history import lines_of

_FILLER = (
    "You are about to answer, and it takes a moment. Say a few words, at most eight, that cover "
    "the wait and promise nothing. No question."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What one agent's model is told, whatever is said."""

    config: ConversationConfig
    guardrails: Guardrails
    tools: Sequence[Tool]
    knowledge: Sequence[Document] = ()
    model: str = ""
    """Name of the model at its backend; empty: the backend's own choice."""
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """Of the client, for a custom model."""
    text_channel: str | None = None
    """None: it is spoken."""

    def ask(self, command: StartReply) -> ModelRequest:
        """Return the request for a reply."""
        prompt = self.config.agent.prompt
        system = system_prompt(system_parts(self.config, self._situation(), self.guardrails))
        lines = lines_of(command.transcript, command.cause)
        return ModelRequest(
            messages=[
                ModelMessage(
                    role=message.role,
                    text=message.text,
                    tool_calls=tuple(
                        ToolCall(id=call.call, name=call.name, arguments=call.arguments)
                        for call in message.tool_calls
                    ),
                    tool_call_id=message.tool_call_id,
                    tool_name=message.tool_name,
                )
                for message in messages(lines, system)
            ],
            tools=[
                ToolSpec(name=t.name, description=t.description, parameters=t.parameters)
                for t in self.tools
            ],
            model=self.model,
            knowledge=[document.text for document in self.knowledge],
            temperature=prompt.temperature,
            extra_body=self.extra_body,
            max_tokens=prompt.max_tokens if prompt.max_tokens > 0 else None,
        )

    def ask_filler(self) -> ModelRequest:
        """Return the request for a filler."""
        soft = self.config.turn.soft_timeout_config
        text = soft.llm_generated_message_prompt_override or _FILLER
        return ModelRequest(messages=[ModelMessage(role="system", text=text)], model=self.model)

    def _situation(self) -> Situation:
        return Situation(
            now=time_in(self.config.agent.prompt.timezone),
            knowledge=tuple(self.knowledge),
            text_channel=self.text_channel,
        )


def time_in(timezone: str | None) -> str:
    """Return the present time in a zone, for people to read; empty without a zone."""
    if not timezone:
        return ""
    try:
        now = datetime.now(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError):
        now = datetime.now(UTC)
        timezone = "UTC"
    return f"{now:%A, %d %B %Y, %H:%M} ({timezone})"
