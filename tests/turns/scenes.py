"""What happens again and again in the examples: an utterance, a reply, a tool."""

from dataclasses import replace

from turnwise.testing import Timeline
from turnwise.turns.events import (
    CallId,
    ReplyId,
    ReplyText,
    ReplyWritten,
    SegmentId,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    ToolRequested,
    Transcribed,
    Voiced,
)
from turnwise.turns.policy import Policy, ToolManners
from turnwise.turns.transcript import AgentSaid, Entry, UserSaid

ONE = ReplyId(1)
TWO = ReplyId(2)
THREE = ReplyId(3)


def speaks(t: Timeline, start: int, end: int, *, silence_ms: int = 100) -> None:
    """Let the user make a sound from `start` to `end`, of which no words are known.

    The detector is sure of its end `silence_ms` later, which is where the timeline stands then.
    """
    t.at(start, SpeechStarted())
    for at in range(start + 250, end, 250):
        t.at(at, SpeechContinued())
    t.at(end + silence_ms, SpeechStopped(silence_ms))


def says(t: Timeline, start: int, end: int, text: str, *, segment: int = 1) -> None:
    """Let the user say something from `start` to `end`; the words come with the detector's stop."""
    speaks(t, start, end)
    t.at(end + 100, Transcribed(SegmentId(segment), text, final=True))


def is_asked(text: str = "I want pizza", policy: Policy | None = None) -> Timeline:
    """Return a timeline in which the user says something from 1,000 to 1,500: reply 1 is begun.

    With default patience that is at 2,000.
    """
    t = Timeline(policy)
    says(t, 1_000, 1_500, text)
    t.until(2_000)
    return t


def answers(t: Timeline, at: int, text: str, ms: int) -> None:
    """Let the live reply be written at once, and last for `ms`."""
    t.until(at)
    reply = live(t)
    t.at(at, ReplyText(reply, text), ReplyWritten(reply), Voiced(reply, len(text), ms))


def calls(t: Timeline, at: int, *names: str) -> None:
    """Let the live reply ask for tools and nothing more; a call is named after its tool."""
    t.until(at)
    reply = live(t)
    t.at(at, *(ToolRequested(reply, CallId(name), name, "{}") for name in names))
    t.at(at, ReplyWritten(reply))


def with_tool(manners: ToolManners, policy: Policy | None = None) -> Policy:
    """Return a policy with the manners of one tool."""
    return replace(policy or Policy(), tools=(manners,))


def live(t: Timeline) -> ReplyId:
    """Return the reply being given."""
    assert t.conversation.reply is not None
    return t.conversation.reply.id


def transcript(t: Timeline) -> list[Entry]:
    """Return the record as it stands."""
    return list(t.conversation.transcript)


def user_said(t: Timeline) -> list[tuple[int, str]]:
    """Return the user's turns as recorded, with the millisecond at which each was taken."""
    return [(e.at, e.text) for e in t.conversation.transcript if isinstance(e, UserSaid)]


def agent_said(t: Timeline) -> list[str]:
    """Return what the record says that the ear got from the agent."""
    return [e.text for e in t.conversation.transcript if isinstance(e, AgentSaid)]
