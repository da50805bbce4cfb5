"""One reply of the agent: what is written, what is spoken, what was heard.

Playback is arithmetic. The shell says once how long a piece of sound lasts (`Voiced`); from then
on the play head is known at any millisecond, so "the reply was heard" is a time, not a message.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from turnwise.base.units import Millis
from turnwise.turns.commands import Cause
from turnwise.turns.events import CallId, ReplyId
from turnwise.turns.transcript import AgentSaid, Entry, ToolAnswered, ToolCalled

START = Millis(0)


class Author(Enum):
    """Who writes a reply."""

    MODEL = "model"
    SCRIPT = "script"
    """Words that were fixed before: first message, farewell, apology. Complete at once."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of a reply as sound."""

    first: int
    """Index of its first character in the spoken text."""
    last: int
    """Index behind its last character."""
    starts_ms: int
    """Where it begins in the reply's sound, silence between sounds not counted."""
    ms: int
    """How long it lasts."""
    ends_ms: tuple[int, ...]
    """When each character has been heard, from the start; empty: evenly spread."""

    def heard(self, head_ms: int) -> int:
        """Return the index behind the last character heard when the play head is there."""
        played = head_ms - self.starts_ms
        if played >= self.ms:
            return self.last
        if self.ends_ms:
            return self.first + sum(1 for end in self.ends_ms if end <= played)
        return self.first + (self.last - self.first) * played // self.ms


@dataclass(frozen=True, slots=True)
class Text:
    """Words of a reply between two tool calls."""

    at: Millis
    """When the first of it was written."""
    first: int
    last: int
    filler: bool


Part = Text | ToolCalled | ToolAnswered


@dataclass(slots=True)
class Reply:
    """The reply the agent is giving. Only reactions, rules and tool calls change it."""

    id: ReplyId
    cause: Cause | None
    """Why it is given; None for a scripted one."""
    waiting_since: Millis
    """Since when the model has been asked for the present pass."""
    moved: Millis
    """When it last made progress of any kind."""
    model_moved: Millis
    """When the model last wrote or asked for something."""
    author: Author = Author.MODEL
    answers: int | None = None
    """Index of the user's turn it answers, if it does."""
    bet: str | None = None
    """The words it was begun on, while the user's turn is not taken; else None."""
    debt: tuple[Cause | None, int | None] = (None, None)
    """What was owed, and for which turn, before a bet took it over."""
    interruptible: bool = True
    ends_call: str | None = None
    """Why the conversation ends when it was heard; None if it goes on."""
    farewell: str = ""
    """Said behind what the model is still writing."""
    broken: str | None = None
    """Kind of the failure that ends it, once what is queued was heard; None: none."""
    text: str = ""
    """All that was written, fillers included."""
    parts: list[Part] = field(default_factory=list)
    written: bool = False
    """Whether the present pass is complete."""
    passes: int = 1
    pass_starts: int = 0
    """Index of the first character the present pass wrote."""
    goes_on: bool = False
    """Whether the model is to be asked again once its tools have answered."""
    waits_for: set[CallId] = field(default_factory=set)
    """Calls whose answers the next pass needs."""
    fillers: int = 0
    """How many were said in this pass."""
    filler_said: Millis | None = None
    """When the last one in this pass was said."""
    filler_asked: Millis | None = None
    """Since when a model is writing a filler."""
    spoken: int = 0
    """How many characters were given to the voice."""
    announced: int = 0
    """How many were told to the client as text."""
    sounds: list[Sound] = field(default_factory=list)
    sound_ms: int = 0
    """Length of all sounds so far."""
    head_ms: int = 0
    """Where the play head was at `head_at`."""
    head_at: Millis = START
    """From here on the head moves, unless paused."""
    paused: bool = False

    def write(self, text: str, at: Millis, *, filler: bool = False) -> None:
        """Add words."""
        first = len(self.text)
        self.text += text
        part = self.parts[-1] if self.parts else None
        if isinstance(part, Text) and part.filler == filler:
            self.parts[-1] = Text(part.at, part.first, len(self.text), filler)
        else:
            self.parts.append(Text(at, first, len(self.text), filler))

    def say_from(self, at: Millis) -> None:
        """Count words that were written before as said from now on: the bet is won."""
        self.parts = [
            Text(max(p.at, at), p.first, p.last, p.filler) if isinstance(p, Text) else p
            for p in self.parts
        ]

    def voice(self, chars: int, ms: int, ends_ms: tuple[int, ...], starts: Millis) -> None:
        """Queue the sound of the next characters behind what is still playing.

        Args:
            chars: How many characters it covers; more than were spoken is cut.
            ms: How long it lasts.
            ends_ms: When each character has been heard; used only if there is one for each.
            starts: When it is heard if nothing plays any more; else it follows at once.
        """
        first = self.sounds[-1].last if self.sounds else 0
        last = min(first + chars, self.spoken)
        timing = ends_ms if len(ends_ms) == last - first else ()
        if not self.paused and self.head(starts) >= self.sound_ms:
            self.head_ms, self.head_at = self.sound_ms, starts
        self.sounds.append(Sound(first, last, self.sound_ms, ms, timing))
        self.sound_ms += ms

    @property
    def voiced(self) -> int:
        """How many characters are sound."""
        return self.sounds[-1].last if self.sounds else 0

    def head(self, now: Millis) -> int:
        """Return how many milliseconds of its sound were heard by now."""
        if self.paused:
            return self.head_ms
        return min(self.sound_ms, self.head_ms + max(0, now - self.head_at))

    def silent_from(self) -> Millis:
        """Return when all sound queued so far has been heard, if nothing pauses it."""
        return Millis(self.head_at + self.sound_ms - self.head_ms)

    def audible(self, now: Millis) -> bool:
        """Return whether any of it reached the ear, or is just beginning to."""
        if not self.sounds:
            return False
        return self.head(now) > 0 or self.playing(now) or self.sound_ms == 0

    def playing(self, now: Millis) -> bool:
        """Return whether it is being heard this very moment."""
        return not self.paused and self.head_at <= now < self.silent_from()

    def pause(self, now: Millis) -> None:
        """Stop the play head."""
        self.head_ms, self.head_at, self.paused = self.head(now), now, True

    def resume(self, starts: Millis) -> None:
        """Let the play head go on from where it stopped."""
        self.head_at, self.paused = starts, False

    def played(self, ms: int, now: Millis) -> None:
        """Put the play head where the channel says it is."""
        self.head_ms = min(ms, self.sound_ms)
        self.head_at = now

    def heard(self, now: Millis) -> int:
        """Return how many characters were heard by now."""
        head = self.head(now)
        for sound in reversed(self.sounds):
            if sound.starts_ms < head or (sound.ms == 0 and sound.starts_ms == head):
                return sound.heard(head)
        return 0

    def finishes(self) -> Millis | None:
        """Return when the last of it is heard; None while anything is still to come."""
        if not self.written or self.goes_on or self.waits_for or self.paused:
            return None
        if self.text[self.voiced :].strip():
            return None
        return self.silent_from() if self.sounds else self.moved

    def said(self, upto: int) -> Iterator[Entry]:
        """Yield what of it belongs into the transcript when `upto` characters were heard."""
        for part in self.parts:
            if not isinstance(part, Text):
                yield part
                continue
            cut = upto < part.last
            words = self.text[part.first : min(upto, part.last)].strip()
            whole = self.text[part.first : part.last].strip()
            if words:
                original = whole if cut else None
                yield AgentSaid(part.at, words, self.id, cut, original, part.filler)

    def words(self, upto: int, start: int = 0) -> str:
        """Return its words from `start` as far as `upto`, fillers left out."""
        texts = [p for p in self.parts if isinstance(p, Text) and not p.filler]
        return "".join(
            self.text[max(start, t.first) : max(start, min(upto, t.last))] for t in texts
        )
