"""What the language model is told in one conversation: system prompt, history, tools."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from turnwise.agents.config import BackupLlm, ConversationConfig, Guardrails
from turnwise.agents.prompt import (
    Document,
    Line,
    Part,
    Said,
    Situation,
    messages,
    system_parts,
    system_prompt,
)
from turnwise.agents.tools import Tool
from turnwise.agents.variables import Variables
from turnwise.providers.ports import Endpoint, ModelMessage, ModelRequest, ToolCall, ToolSpec
from turnwise.runtime.llm_routes import CUSTOM
from turnwise.turns.commands import StartReply
from turnwise.wire.history import lines_of

_FILLER = (
    "You are about to answer, and it takes a moment. Say a few words, at most eight, that cover "
    "the wait and promise nothing. No question."
)


_THOUGHTS = "agent_reasoning_response_part"
_ASKED_ABOUT = 2
"""Of the user's last sentences, how many are looked for: "and on Sundays?" asks for both."""


def _nothing(_words: str) -> Sequence[Document]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What one agent's model is told, whatever is said."""

    config: ConversationConfig
    guardrails: Guardrails
    tools: Sequence[Tool]
    knowledge: Sequence[Document] = ()
    """What it is told in every request."""
    retrieve: Callable[[str], Sequence[Document]] = _nothing
    """Finds what else it should know, by what the user said."""
    extra_body: Mapping[str, object] = field(default_factory=dict)
    """Of the client, for the model: as it is, or under a name of its own for a custom one."""
    user_id: str | None = None
    """As the client calls its user; told to a custom model."""
    endpoint: Endpoint | None = None
    """The agent's own model; None: it has none."""
    text_channel: str | None = None
    """None: it is spoken."""
    template: str = ""
    """What its owner told it, before variables are filled in."""
    variables: Callable[[], Variables] | None = None
    """The variables as they are now: tools assign some. None: they stay as they were."""

    def ask(self, command: StartReply) -> ModelRequest:
        """Return the request for a reply."""
        lines = lines_of(command.transcript, command.cause)
        known = self._known(_asked_about(lines))
        system = system_prompt(self._parts(known))
        return replace(
            self._unasked(),
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
            knowledge=[document.text for document in known],
        )

    def parts(self, words: str = "") -> tuple[Part, ...]:
        """Return the parts of the system prompt as they would be now.

        Args:
            words: The user's last ones: what fits them is looked up.
        """
        return self._parts(self._known(words))

    def _known(self, words: str) -> tuple[Document, ...]:
        return (*self.knowledge, *self.retrieve(words))

    def _parts(self, known: tuple[Document, ...]) -> tuple[Part, ...]:
        return system_parts(self._filled(), self._situation(known), self.guardrails)

    def ask_filler(self) -> ModelRequest:
        """Return the request for a filler."""
        soft = self.config.turn.soft_timeout_config
        text = soft.llm_generated_message_prompt_override or _FILLER
        return replace(self._unasked(), messages=[ModelMessage(role="system", text=text)])

    def _filled(self) -> ConversationConfig:
        """Return the configuration with what tools assigned in the prompt."""
        agent = self.config.agent
        if self.variables is None:
            return self.config
        text = self.variables().fill(self.template)
        if text == agent.prompt.prompt:
            return self.config
        prompt = agent.prompt.model_copy(update={"prompt": text})
        told = agent.model_copy(update={"prompt": prompt})
        return self.config.model_copy(update={"agent": told})

    def _unasked(self) -> ModelRequest:
        """Return a request without words: who is asked, and how."""
        prompt, body = self.config.agent.prompt, self.extra_body
        if prompt.llm == CUSTOM:
            body = {"elevenlabs_extra_body": body} if body else {}
        return ModelRequest(
            messages=(),
            model=prompt.llm,
            temperature=prompt.temperature,
            max_tokens=prompt.max_tokens if prompt.max_tokens > 0 else None,
            reasoning_effort=prompt.reasoning_effort,
            thinking_budget=prompt.thinking_budget,
            service_tier=prompt.service_tier,
            reasoning_summary=prompt.enable_reasoning_summary,
            reasoning_stream=prompt.enable_reasoning_summary and self._shows_thoughts,
            parallel_tool_calls=prompt.enable_parallel_tool_calls,
            extra_body=body,
            user_id=self.user_id,
            endpoint=self.endpoint,
            backups=_backups(prompt.backup_llm_config),
            cascade_timeout_s=prompt.cascade_timeout_seconds,
        )

    @property
    def _shows_thoughts(self) -> bool:
        # clients choose events without asking: the owner's word on thoughts is the other setting
        return _THOUGHTS in self.config.conversation.client_events

    def _situation(self, known: tuple[Document, ...]) -> Situation:
        return Situation(
            now=time_in(self.config.agent.prompt.timezone),
            knowledge=known,
            text_channel=self.text_channel,
        )


def _backups(chosen: BackupLlm) -> tuple[str, ...] | None:
    match chosen.preference:
        case "disabled":
            return ()
        case "override":
            return tuple(chosen.order)
        case _:
            return None


def _asked_about(lines: Sequence[Line]) -> str:
    said = [line.text for line in lines if isinstance(line, Said) and line.by == "user"]
    return "\n".join(said[-_ASKED_ABOUT:])


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
