"""How a conversation felt, from its journal alone: latencies on the caller's clock, interruptions.

The caller's clock: the end of speech is where the sound ended, not where the detector was sure of
it, and a sound counts when it reaches the ear.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from turnwise.turns.commands import (
    Append,
    CancelReply,
    Cause,
    FinishReply,
    Pause,
    Resume,
    Speak,
    StartReply,
)
from turnwise.turns.events import (
    ReplyId,
    ReplyText,
    SpeechContinued,
    SpeechStarted,
    SpeechStopped,
    Voiced,
)
from turnwise.turns.journal import Step
from turnwise.turns.language import last_sentence_starts
from turnwise.turns.policy import Policy
from turnwise.turns.rules.barge_in import USER_INSISTS
from turnwise.turns.rules.guards import AUDIO_STALLS
from turnwise.turns.transcript import UserSaid


@dataclass(slots=True)
class TurnMetrics:
    """One turn of the user and the reply to it. Times in milliseconds of the conversation."""

    reply: ReplyId
    speech_ended: int | None
    """When the user's last sound before the reply ended; None for a typed turn."""
    taken: int | None
    """When the turn was taken; None if the reply was dropped before."""
    asked: int
    """When the model was asked for the reply that was heard."""
    first_token: int | None = None
    first_sentence: int | None = None
    """When the first sentence was complete, or all there was."""
    first_sound: int | None = None
    """When the first sound reached the ear."""
    heard: int | None = None
    """When the reply was over."""
    interrupted: bool = False

    @property
    def endpointing_ms(self) -> int | None:
        """From the end of speech until the turn was taken."""
        return _between(self.speech_ended, self.taken)

    @property
    def model_ms(self) -> int | None:
        """From the question to the model until its first words."""
        return _between(self.asked, self.first_token)

    @property
    def sentence_ms(self) -> int | None:
        """From the question to the model until its first sentence was complete."""
        return _between(self.asked, self.first_sentence)

    @property
    def voice_ms(self) -> int | None:
        """From the model's first words until the first sound."""
        return _between(self.first_token, self.first_sound)

    @property
    def response_ms(self) -> int | None:
        """From the end of speech until the first sound: what the caller feels."""
        return _between(self.speech_ended, self.first_sound)


@dataclass(frozen=True, slots=True)
class BargeInMetrics:
    """The user spoke over the agent."""

    onset: int
    """When the speech was detected."""
    quiet: int
    """When the agent went quiet."""
    confirmed: bool
    """Whether it was an interruption; else the agent went on."""

    @property
    def latency_ms(self) -> int:
        """From the onset until the agent was quiet."""
        return self.quiet - self.onset


@dataclass(slots=True)
class Metrics:
    """How a whole conversation felt."""

    turns: list[TurnMetrics] = field(default_factory=list)
    barge_ins: list[BargeInMetrics] = field(default_factory=list)
    talk_over_ms: int = 0
    """How long both were audible."""
    initiated: int = 0
    """Generations asked of the model, further passes and lost bets included."""
    discarded: int = 0
    """Generations of bets that were lost."""


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


@dataclass(slots=True)
class _Audible:
    """When one side was audible, as intervals."""

    spans: list[tuple[int, int]] = field(default_factory=list)
    until: int = 0
    """End of what is queued."""
    held: int = 0
    """Milliseconds that a pause keeps back."""

    def queue(self, at: int, ms: int) -> None:
        starts = max(at, self.until)
        self.spans.append((starts, starts + ms))
        self.until = starts + ms

    def cut(self, at: int) -> int:
        """Be silent from `at` on; return how much was still to come."""
        left = max(0, self.until - at)
        self.spans = [(a, min(b, at)) for a, b in self.spans if a < at]
        self.until = min(self.until, at)
        return left


class Meter:
    """Walks through the steps of one conversation as it goes on."""

    def __init__(self, policy: Policy) -> None:
        """Begin.

        Args:
            policy: The manners it is held with.
        """
        self.metrics = Metrics()
        """What is known so far: only turns and barge-ins that are over."""
        self.playout_ms = policy.playout_ms
        self.user = _Audible()
        self.agent = _Audible()
        self.speech_began: int | None = None
        self.speech_ended: int | None = None
        self.last_audio = 0
        self.taken: int | None = None
        self.open: dict[ReplyId, TurnMetrics] = {}
        self.texts: dict[ReplyId, str] = {}
        self.quiet_at: int | None = None
        self.live: ReplyId | None = None
        self.insisted = False

    def step(self, step: Step) -> None:
        """Take in the next step."""
        self._event(step)
        if AUDIO_STALLS.name in step.fired:
            self._silent(self.last_audio)
        self.insisted = USER_INSISTS.name in step.fired
        for command in step.commands:
            self._reply_began(step.at, command)
            self._reply_went_on(step.at, command)

    def _event(self, step: Step) -> None:
        at, event = step.at, step.event
        match event:
            case SpeechStarted():
                self.speech_began = self.last_audio = at
            case SpeechContinued():
                self.speech_began = at if self.speech_began is None else self.speech_began
                self.last_audio = at
            case SpeechStopped(silence_ms=silence):
                self._silent(at - silence)
            case ReplyText(reply=reply, text=text) if reply in self.open:
                self._wrote(self.open[reply], at, text)
            case Voiced(reply=reply, ms=ms) if reply == self.live:
                if self.quiet_at is not None:
                    self.agent.held += ms
                    return
                starts = at + self.playout_ms
                turn = self.open.get(reply)
                if turn is not None and turn.first_sound is None:
                    turn.first_sound = max(starts, turn.taken or 0)
                self.agent.queue(starts, ms)
            case _:
                pass

    def _silent(self, at: int) -> None:
        if self.speech_began is not None:
            self.speech_ended = max(at, self.speech_began)
            self.user.spans.append((self.speech_began, self.speech_ended))
            self.speech_began = None

    def _wrote(self, turn: TurnMetrics, at: int, text: str) -> None:
        self.texts[turn.reply] = self.texts.get(turn.reply, "") + text
        if turn.first_token is None:
            turn.first_token = at
        whole = self.texts[turn.reply].rstrip()
        ended = whole.endswith((".", "!", "?", "…")) or last_sentence_starts(whole) > 0
        if turn.first_sentence is None and ended:
            turn.first_sentence = at

    def _reply_began(self, at: int, command: object) -> None:
        match command:
            case Append(entry=UserSaid(typed=typed, ignored_as_backchannel=False)):
                self.taken = at
                if typed:
                    self.speech_ended = None
                for turn in self.open.values():
                    turn.taken = at if turn.taken is None else turn.taken
            case Speak(reply=reply):
                self.live = reply
            case StartReply(reply=reply, cause=cause, speculative=bet):
                self.metrics.initiated += 1
                self.live = reply
                if reply in self.open or cause is not Cause.USER_TURN:
                    return
                taken = None if bet else self.taken
                turn = TurnMetrics(reply, self.speech_ended, taken, at)
                self.open[reply] = turn
            case _:
                pass

    def _reply_went_on(self, at: int, command: object) -> None:
        match command:
            case Pause():
                self.agent.held = self.agent.cut(at)
                self.quiet_at = at
            case Resume():
                self.agent.queue(at + self.playout_ms, self.agent.held)
                self._barge_in(confirmed=False)
            case FinishReply(reply=reply):
                self._over(reply, at)
            case CancelReply(reply=reply, speculative=bet):
                audible = self.agent.cut(at) > 0
                if self.insisted and (audible or self.quiet_at is not None):
                    self.quiet_at = at if self.quiet_at is None else self.quiet_at
                    self._barge_in(confirmed=True)
                self.quiet_at = None
                self.metrics.discarded += bet
                self.live = None
                turn = self.open.get(reply)
                if turn is not None and turn.first_sound is None:
                    del self.open[reply]  # nobody heard it; the next one answers the same turn
                elif turn is not None:
                    turn.interrupted = True
                    self._over(reply, at)
            case _:
                pass

    def _barge_in(self, *, confirmed: bool) -> None:
        assert self.quiet_at is not None
        onset = self.speech_began
        if onset is None:  # words that no speech was detected for interrupt when they come
            onset = self.user.spans[-1][0] if self.user.spans else self.quiet_at
        self.metrics.barge_ins.append(BargeInMetrics(onset, self.quiet_at, confirmed))
        self.quiet_at = None

    def _over(self, reply: ReplyId, at: int) -> None:
        turn = self.open.pop(reply, None)
        if turn is None:
            return
        turn.heard = at
        if turn.first_sentence is None and self.texts.get(reply):
            turn.first_sentence = at
        self.metrics.turns.append(turn)

    def finish(self) -> Metrics:
        """Return how all of it felt; there are no further steps."""
        overlaps = _overlaps(self.user.spans, self.agent.spans)
        self.metrics.talk_over_ms = sum(overlaps)
        self.metrics.turns.extend(t for t in self.open.values() if t.taken is not None)
        return self.metrics


def _overlaps(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> Iterator[int]:
    for a, b in one:
        for c, d in two:
            yield max(0, min(b, d) - max(a, c))


def measure(policy: Policy, steps: Iterable[Step]) -> Metrics:
    """Return how a conversation felt.

    Args:
        policy: The manners it was held with.
        steps: All of it, as `turnwise.turns.journal.replay` gives it.
    """
    meter = Meter(policy)
    for step in steps:
        meter.step(step)
    return meter.finish()


def percentile(values: Iterable[int], percent: int) -> int | None:
    """Return the smallest value that `percent` of the values do not exceed; None without values."""
    ordered = sorted(values)
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, rank - 1)]
