"""The record of a conversation: what was said and done, as the published API shows it.

Entries come from the engine in order and may be amended; the transcript is written from them anew
each time, so it is never out of step with the journal.
"""

from dataclasses import dataclass
from typing import Any

from turnwise.audio.script import voices_in
from turnwise.runtime.spending import Spending
from turnwise.runtime.tool_notes import ToolNote
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

REDACTED = "[REDACTED]"
"""In the place of what the record does not show."""


@dataclass(frozen=True, slots=True)
class KeysShown:
    """How the keys that a person pressed stand in the record."""

    redacted: bool = False


Turn = dict[str, Any]
"""One turn of the transcript, as `ConversationHistoryTranscriptCommonModelOutput` has it."""


class Record:
    """Collects the entries of one conversation."""

    def __init__(self, agent_id: str, spending: Spending | None = None) -> None:
        """Begin.

        Args:
            agent_id: The agent that speaks first.
            spending: Which models wrote what, and what it cost; None: nobody knows.
        """
        self._spending = spending or Spending()
        self.entries: list[Entry] = []
        self.agents: list[str] = []
        self.agent_id = agent_id
        self.keys: KeysShown | None = None
        """How the keys of a telephone are shown; None: the user has a keyboard."""
        self.labels: set[str] = set()
        """Of the voices that the agents have beside their own."""
        self.notes: dict[str, ToolNote] = {}
        """What is known of each tool call, by its id."""
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

    def transcript(
        self,
        metrics: Metrics | None = None,
        *,
        llm_override: str | None = None,
        upto: int | None = None,
    ) -> list[Turn]:
        """Return the transcript, in the order in which things were begun.

        Args:
            metrics: Latencies of the turns, once they are known.
            llm_override: The language model that the client asked for; None: the agent's own.
            upto: How many entries; None: all there are.
        """
        by_reply = {turn.reply: turn for turn in metrics.turns} if metrics else {}
        written: set[ReplyId] = set()
        shown = range(len(self.entries))[:upto]
        order = sorted(shown, key=lambda index: self.entries[index].at)
        turns = []
        for index in order:
            entry = self.entries[index]
            turn = self._turn(entry)
            turn["agent_metadata"] = {"agent_id": self.agents[index]}
            if isinstance(entry, AgentSaid) and not entry.filler:
                measured = by_reply.pop(entry.reply, None)
                turn["conversation_turn_metrics"] = {"metrics": _figures(measured)}
                turn["llm_override"] = llm_override
                turn["producing_llm"] = self._spending.producing_llm(entry.reply)
                if entry.reply not in written:  # all that a reply cost is with its first words
                    turn["llm_usage"] = self._spending.llm_usage(entry.reply)
                    turn["reasoning"] = self._spending.reasoning(entry.reply)
                written.add(entry.reply)
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
                if typed and self.keys is not None:
                    medium, text = "dtmf", REDACTED if self.keys.redacted else text
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
                    multivoice_message=self._voices(text, at),
                    feedback=self._score(entry),
                )
            case ToolCalled(at=at):
                call = self.note_of(entry.call).shown_call(entry)
                return _turn_of("agent", at, None, tool_calls=[call])
            case ToolAnswered(at=at):
                result = self.note_of(entry.call).shown_result(entry, self._latency(entry.call, at))
                return _turn_of("agent", at, None, tool_results=[result])
            case ContextAdded(at=at, text=text, context_id=context_id, superseded=superseded):
                info = {"context_id": context_id or "", "is_superseded": superseded}
                return _turn_of("user", at, text, contextual_update_info=info)
            case Noted(at=at, what=what):
                return _turn_of("user", at, None, platform_event=what)

    def _voices(self, text: str, at: int) -> Turn | None:
        """Return the words of each voice; None: there is only one."""
        parts = [
            {"text": words, "voice_label": label or None, "time_in_call_secs": at // 1000}
            for label, words in voices_in(text, self.labels)
        ]
        return {"parts": parts} if parts else None

    def _score(self, said: AgentSaid) -> dict[str, object] | None:
        if said.reply not in self.scores or said.filler:
            return None
        score, at = self.scores[said.reply]
        return {"score": score, "time_in_call_secs": at // 1000}

    def note_of(self, call: str) -> ToolNote:
        """Return what is known of a tool call, to be changed."""
        return self.notes.setdefault(call, ToolNote())

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
    figures = {
        "convai_turn_silence_before_initiation": turn.endpointing_ms,
        "convai_llm_service_ttfb": turn.model_ms,
        "convai_llm_service_ttf_sentence": turn.sentence_ms,
        "convai_tts_service_ttfb": turn.voice_ms,
        "convai_ttf_audio_since_silence": turn.response_ms,
    }
    return {name: {"elapsed_time": ms / 1000} for name, ms in figures.items() if ms is not None}
