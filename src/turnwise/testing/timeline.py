"""Examples as timelines: what happens, and what the engine does about it, when.

    t = Timeline(Policy(first_message="Hello."))
    t.at(500, SpeechStarted())
    t.at(1_000, Transcribed(SegmentId(1), "hi", final=True), SpeechStopped(silence_ms=200))
    t.until(5_000)
    assert t.when(StartReply) == [1_300]

Between two calls it is a punctual shell: it ticks at every deadline, and obeys nothing.
"""

from turnwise.base.units import Millis
from turnwise.testing.record import Record
from turnwise.turns.engine import Engine
from turnwise.turns.events import Event, Tick
from turnwise.turns.journal import Step
from turnwise.turns.policy import Policy
from turnwise.turns.state import Conversation


class Timeline(Record):
    """Feeds an engine and remembers what it did when."""

    def __init__(self, policy: Policy | None = None) -> None:
        """Begin a conversation at 0 ms.

        Args:
            policy: The agent's manners; None: the defaults.
        """
        super().__init__()
        self.policy = policy or Policy()
        self.engine = Engine(self.policy)

    @property
    def conversation(self) -> Conversation:
        """The state of the engine, to look at."""
        return self.engine.conversation

    def at(self, ms: int, *events: Event) -> None:
        """Let time pass until `ms`, then let the events happen; without any, a `Tick`.

        Raises:
            ClockRanBackwards: If `ms` lies before what happened already.
        """
        while (due := self.engine.deadline) is not None and due < ms:
            self._handle(due, Tick())
        for event in events or (Tick(),):
            self._handle(Millis(ms), event)

    def until(self, ms: int) -> None:
        """Let time pass until `ms`; what falls due in that very millisecond is done too."""
        self.at(ms)

    def _handle(self, at: Millis, event: Event) -> None:
        commands = self.engine.handle(event, at)
        self.steps.append(Step(at, event, commands, tuple(self.engine.fired)))
