"""One simulated conversation: an engine, a user and providers, as discrete events.

No asyncio, no clock, no waiting: the next thing to happen is taken from the agenda, from the user
or from the engine's deadline, and time jumps there. The same arguments give the same conversation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from turnwise.base.units import Millis
from turnwise.testing.agenda import Agenda
from turnwise.testing.chance import seeded
from turnwise.testing.ear import Ear, Heard
from turnwise.testing.hearing import Hearing
from turnwise.testing.moves import Deed, HangUp, Move, Write
from turnwise.testing.providers import Providers
from turnwise.testing.record import Record
from turnwise.testing.speaking import Speaking
from turnwise.testing.thinking import Thinking, Toolbox
from turnwise.testing.user import User
from turnwise.turns.commands import (
    Announce,
    CallTool,
    CancelReply,
    CancelTool,
    Command,
    End,
    MakeFiller,
    Pause,
    Resume,
    ScoreTurn,
    Speak,
    StartReply,
)
from turnwise.turns.engine import Engine
from turnwise.turns.events import Event, HungUp, ReplyId, Tick, UserWrote, Voiced
from turnwise.turns.journal import Step, lines
from turnwise.turns.policy import Policy


@dataclass(slots=True)
class Call(Record):
    """A simulated conversation: what the engine did, and what truly happened."""

    policy: Policy = field(default_factory=Policy)
    deeds: list[Deed] = field(default_factory=list)
    """What the user truly did, in order."""
    heard: list[Heard] = field(default_factory=list)
    """What the user heard of the agent, in order."""
    firsts: dict[ReplyId, int] = field(default_factory=dict)
    """When each reply that was heard began to be, in milliseconds."""
    length_ms: int = 0
    ended: str = ""
    """Why it ended."""

    def journal(self) -> Iterator[str]:
        """Yield the journal of it, line by line."""
        return lines(self.policy, self.steps)


class World:
    """Lets one conversation happen."""

    def __init__(
        self,
        policy: Policy,
        script: Sequence[Move],
        providers: Providers | None = None,
        seed: int = 0,
        *,
        stale: bool = False,
    ) -> None:
        """Prepare a conversation.

        Args:
            policy: The agent's manners.
            script: What the user does.
            providers: How late they answer and how they fail; None: the defaults.
            seed: Decides all that is left to chance.
            stale: Whether answers of cancelled replies and tools still reach the engine, as they
                may in reality; they must make no difference.
        """
        providers = providers or Providers()
        self._policy = policy
        self._engine = Engine(policy)
        self._stale = stale
        self._now = 0
        self._cancelled: set[ReplyId] = set()
        self._agenda = Agenda()
        self._ear = Ear(policy.playout_ms)
        opens = bool(policy.first_message) or policy.speaks_first
        self._user = User(script, listens_first=opens, text_only=policy.text_only)
        self._hearing = Hearing(providers, seeded(seed, "hearing"), self._agenda)
        self._thinking = Thinking(providers.model, seeded(seed, "model"), self._agenda)
        self._speaking = Speaking(providers.voice, seeded(seed, "voice"), self._agenda)
        self._toolbox = Toolbox(providers.tools, seeded(seed, "tools"), self._agenda)
        self._call = Call(policy=policy)

    def run(self) -> Call:
        """Let it happen to its end, and return it."""
        while not self._engine.ended:
            self._step()
        call = self._call
        call.deeds, call.length_ms = self._user.deeds, self._now
        call.heard, call.firsts = self._ear.heard, self._ear.firsts
        return call

    def _step(self) -> None:
        """Go to what happens next: answers before the user, the user before deadlines."""
        engine = self._engine
        state = engine.conversation
        agent_done = state.reply is None and state.owed is None
        acts_at = self._user.due(self._ear, agent_done=agent_done)
        noted_at, tick_at = self._agenda.next_at, engine.deadline
        dues = [due for due in (noted_at, acts_at, tick_at) if due is not None]
        assert dues, "the engine waits for nothing, and the user hung up"
        self._now = at = max(self._now, min(dues))
        if noted_at is not None and noted_at <= at:
            self._happen()
        elif acts_at is not None and acts_at <= at:
            self._let_user_act()
        else:
            self._handle(Tick())

    def _happen(self) -> None:
        _, entry = self._agenda.pop()
        gone = entry.reply in self._cancelled
        if entry.crossed_out or (gone and not self._stale):
            return
        if callable(entry.what):
            if not gone:
                entry.what(self._now)
            return
        if isinstance(entry.what, Voiced) and not gone:
            self._ear.play(entry.what.reply, entry.what.ms, self._now)
        self._handle(entry.what)

    def _let_user_act(self) -> None:
        act = self._user.act(self._now, self._ear)
        if act is None:
            return
        if isinstance(act, HangUp):
            self._handle(HungUp())
        elif isinstance(act.move, Write):
            self._handle(UserWrote(act.move.text))
        else:
            self._hearing.hear(act)

    def _handle(self, event: Event) -> None:
        at = Millis(self._now)
        commands = self._engine.handle(event, at)
        self._call.steps.append(Step(at, event, commands, tuple(self._engine.fired)))
        for command in commands:
            self._obey(command)

    def _obey(self, command: Command) -> None:  # noqa: C901 - one case for each order
        at = self._now
        match command:
            case StartReply():
                self._thinking.start(command, at)
            case CancelReply(reply=reply):
                self._cancelled.add(reply)
                self._ear.stop(reply, at)
            case Speak(reply=reply, text=text):
                self._speak(reply, text)
            case Announce(reply=reply):
                self._speaking.flush(reply, at)
            case Pause(reply=reply):
                self._ear.pause(reply, at)
            case Resume():
                self._ear.resume(at)
            case CallTool():
                self._toolbox.call(command, at)
            case CancelTool(call=call) if not self._stale:
                self._toolbox.cancel(call)
            case MakeFiller(reply=reply):
                self._thinking.fill(reply, at)
            case ScoreTurn():
                self._hearing.score(command, at, over=not self._user.in_turn(at))
            case End(reason=reason):
                self._call.ended = reason
            case _:
                pass  # what is only told to the client or kept

    def _speak(self, reply: ReplyId, text: str) -> None:
        if self._policy.text_only:
            self._ear.play(reply, 0, self._now)
        else:
            self._speaking.speak(reply, text, self._now)
