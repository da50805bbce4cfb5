"""The conversation engine: events in, commands out.

An event moves the state once (`reactions`). What follows from the joint state, now or later, is a
rule (`rules`); the earliest due time is the `deadline`. So no timer is ever started and none can be
forgotten: a rule whose reason is gone is no longer due.

The shell's whole duty is: obey every command in order, then wait for the next event, or until
`deadline` and then send a `Tick`.
"""

from collections.abc import Callable

from turnwise.base.errors import ClockRanBackwards
from turnwise.base.units import Millis
from turnwise.turns.commands import Command
from turnwise.turns.events import Event
from turnwise.turns.policy import Policy
from turnwise.turns.reactions import react
from turnwise.turns.reply import START
from turnwise.turns.rules import RULES
from turnwise.turns.rules.rule import Rule
from turnwise.turns.state import Conversation

_DUES = {
    replying: tuple((r.due, r) for r in RULES if r.replying is None or r.replying is replying)
    for replying in (False, True)
}

Watch = Callable[[Rule, Conversation], None]
"""Is told of each rule just before it acts."""


class Engine:
    """Decides who speaks next."""

    def __init__(self, policy: Policy, watch: Watch | None = None) -> None:
        """Begin a conversation at time 0.

        Args:
            policy: The agent's manners.
            watch: Told of each rule that fires; must not change anything. None: nobody watches.
        """
        self.conversation = Conversation(policy)
        self.fired: list[str] = []
        """Names of the rules that fired in the last step, for the journal."""
        self._watch = watch
        self._deadline: Millis | None = START

    @property
    def ended(self) -> bool:
        """Whether the conversation is over; then nothing changes any more."""
        return self.conversation.ended

    @property
    def deadline(self) -> Millis | None:
        """When a `Tick` is wanted at the latest; None if time alone changes nothing."""
        return self._deadline

    def handle(self, event: Event, at: Millis) -> tuple[Command, ...]:
        """Take in one event and return what must be done, in order.

        Rules that fell due by `at` fire first, at their own time: a shell that ticks late gets its
        commands late, but never different ones.

        Args:
            event: What happened.
            at: When, in milliseconds since the start; never less than before.

        Raises:
            ClockRanBackwards: If `at` is less than before. Nothing has changed then.
        """
        c = self.conversation
        if at < c.now:
            raise ClockRanBackwards(f"an event at {at} ms came after one at {c.now} ms")
        self.fired.clear()
        while self._deadline is not None and self._deadline <= at:
            c.now = max(c.now, self._deadline)
            self._settle()
        c.now = at
        if not c.ended:
            react(event, c)
            self._settle()
        return c.drain()

    def _settle(self) -> None:
        """Fire due rules, the most urgent first, until none is due; note when the next one is."""
        c = self.conversation
        for _ in range(4 * len(RULES)):
            self._deadline = None
            if c.ended:
                return
            rule = self._due_now()
            if rule is None:
                return
            if self._watch is not None:
                self._watch(rule, c)
            self.fired.append(rule.name)
            rule.fire(c)
        raise AssertionError(f"rules keep firing: {self.fired}")

    def _due_now(self) -> Rule | None:
        """Return the most urgent rule that is due; if none is, set the deadline."""
        c = self.conversation
        now = c.now
        earliest: Millis | None = None
        for due_at, rule in _DUES[c.reply is not None]:
            due = due_at(c)
            if due is None:
                continue
            if due <= now:
                return rule
            if earliest is None or due < earliest:
                earliest = due
        self._deadline = earliest
        return None
