"""The record of a conversation: what was said and done, as the published API shows it.

Entries come from the engine in order and may be amended; the transcript is written from them anew
each time, so it is never out of step with the journal.
"""

from collections.abc import Mapping
from typing import Any

from turnwise.turns.commands import Amend, Append
from turnwise.turns.events import ReplyId
from turnwise.turns.metrics import Metrics, TurnMetrics
from turnwise.turns.transcript import (
    AgentSaid,
    ContextAdded,
    Entry,
    Noted,
    ToolAnswered,
    ToolCalled,
    UserSaid,
)

Turn = dict[str, Any]
"""One turn of the transcript, as `ConversationHistoryTranscriptCommonModelOutput` has it."""


class Record:
    """Collects the entries of one conversation."""

    def __init__(self, agent_id: str, tool_kinds: Mapping[str, str]) -> None:
        """Begin.

        Args:
            agent_id: The agent that speaks first.
            tool_kinds: `client`, `webhook`, `system`…, by tool name.
        """
        self.entries: list[Entry] = []
        self.agents: list[str] = []
        self.agent_id = agent_id
        self._tool_kinds = tool_kinds
        self.scores: dict[ReplyId, tuple[str, int]] = {}
        """What the user thinks of replies: `like` or `dislike`, and when it was said (ms)."""

    def note(self, command: Append | Amend) -> None:
        """Take in what the engine recorded."""
        match command:
            case Append(entry=entry):
                self.entries.append(entry)
                self.agents.append(self.agent_id)
            case Amend(index=index, entry=entry):
                self.entries[index] = entry

    def transcript(self, metrics: Metrics | None = None) -> list[Turn]:
        """Return the transcript, in the order in which things were begun.

        Args:
            metrics: Latencies of the turns, once they are known.
        """
        by_reply = {turn.reply: turn for turn in metrics.turns} if metrics else {}
        order = sorted(range(len(self.entries)), key=lambda index: self.entries[index].at)
        turns = []
        for index in order:
            entry = self.entries[index]
            turn = self._turn(entry)
            turn["agent_metadata"] = {"agent_id": self.agents[index]}
            if isinstance(entry, AgentSaid) and not entry.filler:
                measured = by_reply.pop(entry.reply, None)
                turn["conversation_turn_metrics"] = {"metrics": _figures(measured)}
            turns.append(turn)
        return turns

    def rate(self, reply: ReplyId, score: str | None, at: int) -> None:
        """Note what the user thinks of a reply; None takes it back."""
        if score is None:
            self.scores.pop(reply, None)
        else:
            self.scores[reply] = (score, at)

    def feedback(self) -> dict[str, object]:
        """Return all scores together, as `metadata.feedback` has them."""
        given = [score for score, _ in self.scores.values()]
        likes, dislikes = given.count("like"), given.count("dislike")
        overall = None if likes == dislikes else ("like" if likes > dislikes else "dislike")
        return {"overall_score": overall, "likes": likes, "dislikes": dislikes}

    def messages(self, role: type[UserSaid | AgentSaid]) -> int:
        """Return how many messages one side said."""
        return sum(isinstance(entry, role) for entry in self.entries)

    def _turn(self, entry: Entry) -> Turn:
        match entry:
            case UserSaid(at=at, text=text, typed=typed, ignored_as_backchannel=ignored):
                medium = "text" if typed else "audio"
                return _turn_of(
                    "user", at, text, ignored_as_backchannel=ignored, source_medium=medium
                )
            case AgentSaid(at=at, text=text, interrupted=interrupted, original=original):
                return _turn_of(
                    "agent",
                    at,
                    text,
                    interrupted=interrupted,
                    original_message=original,
                    feedback=self._score(entry),
                )
            case ToolCalled(at=at):
                return _turn_of("agent", at, None, tool_calls=[self._call(entry)])
            case ToolAnswered(at=at):
                return _turn_of("agent", at, None, tool_results=[self._result(entry)])
            case ContextAdded(at=at, text=text, context_id=context_id, superseded=superseded):
                info = {"context_id": context_id, "is_superseded": superseded}
                return _turn_of("user", at, text, contextual_update_info=info)
            case Noted(at=at, what=what):
                return _turn_of("user", at, None, platform_event=what)

    def _score(self, said: AgentSaid) -> dict[str, object] | None:
        if said.reply not in self.scores or said.filler:
            return None
        score, at = self.scores[said.reply]
        return {"score": score, "time_in_call_secs": at // 1000}

    def _call(self, called: ToolCalled) -> dict[str, object]:
        return {
            "type": self._tool_kinds.get(called.name, "client"),
            "request_id": called.call,
            "tool_name": called.name,
            "params_as_json": called.arguments,
            "tool_has_been_called": True,
        }

    def _result(self, answered: ToolAnswered) -> dict[str, object]:
        return {
            "type": self._tool_kinds.get(answered.name, "client"),
            "request_id": answered.call,
            "tool_name": answered.name,
            "result_value": answered.result,
            "is_error": answered.failed,
            "tool_has_been_called": True,
            "tool_latency_secs": self._latency(answered.call, answered.at),
        }

    def _latency(self, call: str, at: int) -> float:
        asked = [e.at for e in self.entries if isinstance(e, ToolCalled) and e.call == call]
        return (at - asked[0]) / 1000 if asked else 0.0


def _turn_of(role: str, at: int, message: str | None, **more: object) -> Turn:
    return {
        "role": role,
        "message": message,
        "time_in_call_secs": at // 1000,
        "tool_calls": [],
        "tool_results": [],
        "feedback": None,
        "interrupted": False,
        "original_message": None,
        "ignored_as_backchannel": False,
        "source_medium": None,
        **more,
    }


def _figures(turn: TurnMetrics | None) -> dict[str, dict[str, float]]:
    """Return the latencies of a turn under the names the hosted service uses (measured)."""
    if turn is None:
        return {}
    sentence = None if turn.first_sentence is None else turn.first_sentence - turn.asked
    figures = {
        "convai_turn_silence_before_initiation": turn.endpointing_ms,
        "convai_llm_service_ttfb": turn.model_ms,
        "convai_llm_service_ttf_sentence": sentence,
        "convai_tts_service_ttfb": turn.voice_ms,
        "convai_ttf_audio_since_silence": turn.response_ms,
    }
    return {name: {"elapsed_time": ms / 1000} for name, ms in figures.items() if ms is not None}
