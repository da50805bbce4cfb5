"""How well one simulated conversation went, measured against what truly happened.

Times are from true moments to true moments, as a person in the conversation would stop them: not
from what the detector noticed, and not to what the engine believed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from turnwise.testing.moves import Backchannel, BargeIn, Cough, Deed
from turnwise.testing.world import Call
from turnwise.turns.commands import Append, CancelReply, Cause, Report, StartReply
from turnwise.turns.events import ReplyId
from turnwise.turns.journal import Step
from turnwise.turns.language import is_question, last_sentence_starts
from turnwise.turns.rules.barge_in import USER_INSISTS
from turnwise.turns.transcript import AgentSaid

MISSED_MS = 5_000
"""A turn without a reply for so long was missed."""
OVER_MS = 500
"""A reply that ends by itself so soon after a barge-in did not ignore it."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted in one conversation."""

    length_ms: int
    events: int
    turns: int
    """Turns the user took."""
    pauses: int
    """Silences inside them."""
    noises: int
    """Coughs and backchannels."""
    responses_ms: tuple[int, ...]
    """From the true end of a turn to the first sound of the reply to it, for each answered turn."""
    missed_ends: int
    """Turns without a reply within `MISSED_MS`."""
    cut_ins: int
    """Replies that began to be heard while the user only paused, or went on after a pause."""
    false_interruptions: int
    """Replies that were dropped because of a cough, or of a backchannel outside a question."""
    barge_ins: int
    """Times the user interrupted a reply that had more than `OVER_MS` to go."""
    interruptions_ms: tuple[int, ...]
    """From the true beginning of a barge-in until the agent was quiet, for each that worked."""
    talk_over_ms: int
    """How long both were audible at once, noises included."""
    incidents: dict[str, int] = field(default_factory=dict)
    """`Report`s by their kind."""


def measure(call: Call) -> Figures:
    """Return the figures of one conversation."""
    turns = [deed for deed in call.deeds if deed.is_turn]
    cancelled = {order.reply: at for at, order in call.of(CancelReply)}
    barge_ins = [deed for deed in turns if isinstance(deed.move, BargeIn)]
    interruptions = [_quiet_after(call, deed, cancelled) for deed in barge_ins]
    ignored = sum(1 for ms, gave_way in interruptions if not gave_way and ms > OVER_MS)
    worked = tuple(ms for ms, gave_way in interruptions if gave_way)
    responses, missed = _responses(call, turns)
    return Figures(
        length_ms=call.length_ms,
        events=len(call.steps),
        turns=len(turns),
        pauses=sum(len(deed.spans) - 1 for deed in turns),
        noises=sum(1 for deed in call.deeds if _is_noise(deed)),
        responses_ms=responses,
        missed_ends=missed,
        cut_ins=sum(1 for at in call.firsts.values() if any(_in_a_pause(t, at) for t in turns)),
        false_interruptions=_false_interruptions(call),
        barge_ins=len(worked) + ignored,
        interruptions_ms=worked,
        talk_over_ms=_talk_over(call),
        incidents=dict(Counter(report.kind for _, report in call.of(Report))),
    )


def _is_noise(deed: Deed) -> bool:
    return isinstance(deed.move, Cough | Backchannel)


def _responses(call: Call, turns: list[Deed]) -> tuple[tuple[int, ...], int]:
    """Return the response times, and how many turns were missed.

    A turn is neither if the conversation was over before anything could be said about it.
    """
    answers = {order.reply for _, order in call.of(StartReply) if order.cause is Cause.USER_TURN}
    firsts = sorted(at for reply, at in call.firsts.items() if reply in answers)
    found, missed = [], 0
    ends = [*(turn.end for turn in turns), call.length_ms]
    for end, next_end in pairwise(ends):
        response = next((at - end for at in firsts if end <= at <= max(end, next_end)), None)
        if response is not None:
            found.append(response)
        spoke = any(end <= heard.start < call.length_ms for heard in call.heard)
        over = call.length_ms < end + MISSED_MS and not spoke
        if (response is None and not over) or (response or 0) > MISSED_MS:
            missed += 1
    return tuple(found), missed


def _in_a_pause(turn: Deed, at: int) -> bool:
    """Return whether the user had paused by then, and was not done."""
    return turn.spans[0].end < at < turn.end


def _false_interruptions(call: Call) -> int:
    false = 0
    for step in call.steps:
        if USER_INSISTS.name not in step.fired:
            continue
        dropped = (c.reply for c in step.commands if isinstance(c, CancelReply))
        if any(call.firsts.get(reply, step.at) < step.at for reply in dropped):
            deed = next((d for d in reversed(call.deeds) if d.start <= step.at), None)
            false += deed is not None and _is_noise(deed) and not _is_answer(deed, step)
    return false


def _is_answer(deed: Deed, step: Step) -> bool:
    """Return whether an "okay" was said over the question a reply ends with: who knows then?"""
    cut = (c.entry for c in step.commands if isinstance(c, Append))
    originals = [(e.original, len(e.text)) for e in cut if isinstance(e, AgentSaid) and e.original]
    asked = any(
        is_question(text) and heard > last_sentence_starts(text) for text, heard in originals
    )
    return asked and isinstance(deed.move, Backchannel)


def _quiet_after(call: Call, deed: Deed, cancelled: dict[ReplyId, int]) -> tuple[int, bool]:
    """Return how long after a barge-in began the agent was quiet, and whether it gave way."""
    over = next((h.reply for h in reversed(call.heard) if h.start <= deed.start), None)
    quiet_from = max((h.end for h in call.heard if h.reply == over), default=0)
    gave_way = over is not None and cancelled.get(over, -1) >= deed.start
    return max(0, quiet_from - deed.start), gave_way


def _talk_over(call: Call) -> int:
    user = [(span.start, span.end) for deed in call.deeds for span in deed.spans]
    agent = [(heard.start, min(heard.end, call.length_ms)) for heard in call.heard]
    return sum(_overlaps(iter(user), iter(agent)))


def _overlaps(one: Iterator[tuple[int, int]], other: Iterator[tuple[int, int]]) -> Iterable[int]:
    """Yield the lengths of what two ordered rows of stretches have in common."""
    a, b = next(one, None), next(other, None)
    while a is not None and b is not None:
        yield max(0, min(a[1], b[1]) - max(a[0], b[0]))
        if a[1] <= b[1]:
            a = next(one, None)
        else:
            b = next(other, None)
