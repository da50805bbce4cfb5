"""What a simulated user can do, and how it sounds when it is done."""

from dataclasses import dataclass

MS_PER_CHAR = 65
"""Speaking rate of the moves, spaces included: about 150 words a minute."""


@dataclass(frozen=True, slots=True)
class Say:
    """Say something once the agent is done; a turn."""

    text: str
    pauses: tuple[tuple[int, int], ...] = ()
    """Silences inside: (after so many words, so many milliseconds)."""
    reaction_ms: int = 300
    """Waited after the agent's last sound."""
    ms_per_char: int = MS_PER_CHAR


@dataclass(frozen=True, slots=True)
class Spell:
    """Say something in pieces, as numbers and names are spelled; a turn."""

    text: str
    """The pieces, with spaces between them."""
    pauses_ms: tuple[int, ...] = (500,)
    """Silence after each piece but the last; taken in turn, again from the first."""
    reaction_ms: int = 300
    """Waited after the agent's last sound."""
    ms_per_char: int = MS_PER_CHAR


@dataclass(frozen=True, slots=True)
class BargeIn:
    """Say something over the agent, and mean it; a turn."""

    text: str
    after_ms: int = 1_000
    """Waited since the agent's reply became audible; left out if the reply is shorter."""
    pauses: tuple[tuple[int, int], ...] = ()
    """Silences inside: (after so many words, so many milliseconds)."""
    ms_per_char: int = MS_PER_CHAR


@dataclass(frozen=True, slots=True)
class Backchannel:
    """Say over the agent that one is listening; no turn."""

    text: str = "mhm"
    after_ms: int = 1_000
    """Waited since the agent's reply became audible; left out if the reply is shorter."""
    ms_per_char: int = MS_PER_CHAR


@dataclass(frozen=True, slots=True)
class Cough:
    """Make a noise that has no words; no turn."""

    ms: int = 300
    """How long it is."""
    after_ms: int | None = 1_000
    """Waited since the agent's reply became audible; None: coughs at once, whoever speaks."""


@dataclass(frozen=True, slots=True)
class Write:
    """Type a message once the agent is done; a turn."""

    text: str
    reaction_ms: int = 300
    """Waited after the agent's last sound."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long, whatever the agent does."""

    ms: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the conversation once the agent is done."""

    reaction_ms: int = 300
    """Waited after the agent's last sound."""


Move = Say | Spell | BargeIn | Backchannel | Cough | Write | Wait | HangUp
"""One line of a script."""

Turn = Say | Spell | BargeIn | Write
"""The moves that ask for a reply."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the user's sound without a break."""

    start: int
    """Millisecond at which it begins."""
    end: int
    """Millisecond at which it is over."""
    words: tuple[tuple[str, int], ...] = ()
    """Each word, with the millisecond at which it is complete; none in a noise."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A move as it truly happened: what a simulation is measured against."""

    move: Move
    spans: tuple[Span, ...]
    """Its sound; a typed message is one of no length."""

    @property
    def start(self) -> int:
        """When it began, in milliseconds."""
        return self.spans[0].start

    @property
    def end(self) -> int:
        """When it was truly over, in milliseconds."""
        return self.spans[-1].end

    @property
    def is_turn(self) -> bool:
        """Whether it asks for a reply."""
        return isinstance(self.move, Turn)


Audible = Say | Spell | BargeIn | Backchannel | Cough | Write
"""The moves that the agent notices."""


def perform(move: Audible, at: int) -> Deed:
    """Return how a move happens if it is begun at this millisecond."""
    match move:
        case Cough():
            return Deed(move, (Span(at, at + move.ms),))
        case Write():
            return Deed(move, (Span(at, at),))
        case Spell():
            pieces = range(1, len(move.text.split()))
            cycle = move.pauses_ms or (0,)
            pauses = {n: cycle[(n - 1) % len(cycle)] for n in pieces}
            return Deed(move, _spans(move.text, pauses, move.ms_per_char, at))
        case Backchannel():
            return Deed(move, _spans(move.text, {}, move.ms_per_char, at))
        case Say() | BargeIn():
            return Deed(move, _spans(move.text, dict(move.pauses), move.ms_per_char, at))


def _spans(text: str, pauses: dict[int, int], ms_per_char: int, at: int) -> tuple[Span, ...]:
    words = text.split()
    spans: list[Span] = []
    said: list[tuple[str, int]] = []
    start = now = at
    for number, word in enumerate(words, 1):
        now += (len(word) + 1) * ms_per_char
        said.append((word, now))
        pause = pauses.get(number, 0)
        if number == len(words) or pause > 0:
            spans.append(Span(start, now, tuple(said)))
            said = []
            start = now = now + pause
    return tuple(spans) or (Span(at, at),)
