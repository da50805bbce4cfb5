"""From an agent's configuration to the engine's policy: seconds to milliseconds, -1 to never.

Law: a field that the policy has, has its value from here, or its own default where the
configuration says nothing of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from turnwise.agents.config import Conversation, ConversationConfig, SoftTimeout, Turn
from turnwise.agents.tools import Tool
from turnwise.turns.language import words_of
from turnwise.turns.policy import (
    Eagerness,
    Endpointing,
    Execution,
    Fillers,
    Guards,
    Interruption,
    Policy,
    PreToolSpeech,
    ToolInterruption,
    ToolManners,
    Waiting,
)
from turnwise.wire.selection import selected

BET_MS = 200
"""Silence after which a reply is bet on (`speculative_turn`); the hosted service names none."""
MOST_FILLERS = 8
"""For one wait."""  # spec/semantics.md, 3

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a policy needs beyond the agent's configuration."""

    speaks_first: bool = False
    """Whether the model opens a conversation without a first message (a workflow says so)."""
    turn_model: bool = False
    """Whether there is a model to judge pauses."""
    playout_ms: int = 0
    """Time from sending a sound until it reaches the ear."""
    seed: int = 0
    """Decides the order of shuffled fillers."""
    guards: Guards = field(default_factory=Guards)
    """Time-outs and lines of the installation."""


def policy_of(
    config: ConversationConfig,
    tools: Iterable[Tool] = (),
    surroundings: Surroundings | None = None,
) -> Policy:
    """Return how the engine treats a conversation with this agent.

    Args:
        config: Overrides and language applied, variables filled.
        tools: All the agent has.
        surroundings: What the configuration does not say; None: the defaults.
    """
    around = surroundings or Surroundings()
    agent, conversation = config.agent, config.conversation
    return Policy(
        language=_code(agent.language),
        text_only=conversation.text_only,
        first_message=agent.first_message,
        speaks_first=around.speaks_first,
        playout_ms=around.playout_ms,
        endpointing=_endpointing(config.turn, around),
        interruption=_interruption(config),
        waiting=_waiting(config.turn, conversation, agent.max_conversation_duration_message),
        fillers=_fillers(config.turn.soft_timeout_config, around.seed),
        guards=around.guards,
        tools=tuple(tool_manners(tool) for tool in tools),
    )


def tool_manners(tool: Tool) -> ToolManners:
    """Return how the engine treats a tool."""
    execution = _one_of(Execution, tool.execution_mode, Execution.IMMEDIATE)
    if execution is Execution.ASYNC and not tool.expects_response:
        execution = Execution.IMMEDIATE  # nothing will come that could join the conversation later
    return ToolManners(
        name=tool.name,
        execution=execution,
        expects_response=tool.expects_response,
        timeout_ms=_ms(tool.response_timeout_secs),
        interruption=_one_of(ToolInterruption, tool.interruption_mode, ToolInterruption.ALLOW),
        pre_tool_speech=_one_of(PreToolSpeech, tool.pre_tool_speech, PreToolSpeech.AUTO),
        safe_to_bet=tool.is_read_only,
    )


def _endpointing(turn: Turn, around: Surroundings) -> Endpointing:
    return Endpointing(
        eagerness=_one_of(Eagerness, turn.turn_eagerness, Eagerness.NORMAL),
        spelling_patience=turn.spelling_patience != "off",
        turn_model=around.turn_model and turn.mode != "silence",
        bet_ms=BET_MS if turn.speculative_turn else None,
    )


def _interruption(config: ConversationConfig) -> Interruption:
    turn, merges = config.turn, config.turn.merge_with_default_ignore_terms
    languages = turn.interruption_ignore_term_languages if merges else []
    curated = (words_of(_code(code)).backchannels for code in languages)
    terms = [*turn.interruption_ignore_terms, *(term for each in curated for term in sorted(each))]
    return Interruption(
        # without the event no client stops playing: then there are none (spec/semantics.md, 4)
        enabled="interruption" in selected(config.conversation.client_events),
        first_message=not config.agent.disable_first_message_interruptions,
        transcribe_when_disabled=turn.transcribe_on_disabled_interruptions,
        ignore_terms=tuple(dict.fromkeys(terms)),
        # an owner who gives a list and does not merge it means that list and no other
        backchannels=merges or not turn.interruption_ignore_terms,
    )


def _waiting(turn: Turn, conversation: Conversation, message: str) -> Waiting:
    return Waiting(
        turn_timeout_ms=_ms(turn.turn_timeout),
        initial_wait_ms=_ms(turn.initial_wait_time),
        silence_end_call_ms=_ms(turn.silence_end_call_timeout),
        max_duration_ms=_ms(conversation.max_duration_seconds),
        max_duration_message=message,
    )


def _fillers(soft: SoftTimeout, seed: int) -> Fillers:
    messages = (soft.message, *soft.additional_soft_timeout_messages)
    spoken = tuple(message for message in messages if message.strip())
    return Fillers(
        timeout_ms=_ms(soft.timeout_seconds),
        messages=spoken or Fillers().messages,
        most=max(1, min(MOST_FILLERS, soft.max_soft_timeouts_per_generation)),
        # what a model writes has no order to shuffle (spec/agent-config-tree.md)
        shuffled=soft.randomize_fillers and not soft.use_llm_generated_message,
        seed=seed,
        generated=soft.use_llm_generated_message,
        after_first_user_message=soft.disable_until_first_user_message,
    )


def _code(language: str) -> str:
    """Return the ISO 639-1 code of a language tag such as `pt-BR`."""
    return language.partition("-")[0].lower()


def _ms(seconds: float | None) -> int | None:
    """Return whole milliseconds; None for never: the wire's null, -1 and what is not above 0."""
    return round(seconds * 1000) if seconds is not None and seconds > 0 else None


def _one_of(kind: type[E], value: str, otherwise: E) -> E:
    """Return the member of this value; what is newer than us counts as not said."""
    return next((member for member in kind if member.value == value), otherwise)
