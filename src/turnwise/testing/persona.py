"""What kind of person a simulated user is: chances and distributions to draw scripts from."""

from dataclasses import dataclass, field
from random import Random

from turnwise.base.errors import ConfigError
from turnwise.testing.latency import Latency, LogNormal, Uniform
from turnwise.testing.moves import (
    Backchannel,
    BargeIn,
    Cough,
    HangUp,
    Move,
    Say,
    Spell,
)

LINES = (
    "Hi, I would like to book a table for tonight.",
    "There will be four of us, and one of us brings a dog.",
    "Could we sit outside if the weather is good?",
    "What time does the kitchen close?",
    "That sounds good.",
    "We would be there around half past seven, maybe a little later.",
    "My wife is allergic to nuts, is that a problem?",
    "Let me think about that for a second.",
    "Can you tell me how to get there by bus?",
    "Do you have anything without meat?",
    "I was there last year and it was lovely.",
    "How much is the set menu?",
    "Please put it under the name of Miller.",
    "Sorry, could you say that again?",
    "What about Friday, would that be easier for you?",
    "I think we will take the early one then.",
    "Is there a place to park near by?",
    "Can I change the number of people later on?",
)
"""What a user says, if nothing else is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Chances are 0 to 1, distributions in milliseconds; `Never` there counts as 0.

    Raises:
        ConfigError: If a chance is out of range, or there is nothing to say.
    """

    turns: tuple[int, int] = (5, 10)
    """How many turns a user takes in one conversation: at least, at most."""
    lines: tuple[str, ...] = LINES
    """What the turns are drawn from."""
    spelled: tuple[str, ...] = ("4 5 1 9 2 2", "0 1 7 1 5 5 3", "M I double L E R")
    """What is drawn from when something is spelled."""
    backchannels: tuple[str, ...] = ("mhm", "uh huh", "okay", "I see")
    """What is said while listening."""
    barge_ins: tuple[str, ...] = ("No wait, I meant tomorrow.", "Stop, I know that already.")
    """What is said to interrupt."""
    ms_per_char: Latency = field(default_factory=lambda: Uniform(50, 80))
    """Speaking rate, spaces included; drawn once for a conversation."""
    reaction: Latency = field(default_factory=lambda: LogNormal(400, 1_200))
    """From the agent's last sound to the user's next turn."""
    pause_chance: float = 0.25
    """That the user pauses once in mid sentence."""
    pause: Latency = field(default_factory=lambda: LogNormal(450, 1_100))
    """Length of such a pause."""
    spell_chance: float = 0.08
    """That a turn is spelled."""
    spell_pause: Latency = field(default_factory=lambda: LogNormal(450, 900))
    """Silence between two pieces of it."""
    cough_chance: float = 0.06
    """That the user coughs over a reply."""
    early_cough_chance: float = 0.02
    """That the user coughs right after the turn."""
    cough: Latency = field(default_factory=lambda: Uniform(150, 450))
    """Length of a cough."""
    backchannel_chance: float = 0.15
    """That the user says "mhm" over a reply."""
    barge_in_chance: float = 0.1
    """That the user interrupts a reply."""
    over: Latency = field(default_factory=lambda: Uniform(600, 2_500))
    """Since when the agent is audible when it is coughed, backchannelled or barged over."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for name in self.__slots__:
            chance = getattr(self, name)
            if name.endswith("_chance") and not 0 <= chance <= 1:
                raise ConfigError(f"{name} is {chance!r}; it must be from 0 to 1")
        low, high = self.turns
        if not 0 <= low <= high:
            raise ConfigError(f"turns are {self.turns!r}; it must be 0 <= at least <= at most")
        for name in ("lines", "spelled", "backchannels", "barge_ins"):
            if not all(text.strip() for text in getattr(self, name)) or not getattr(self, name):
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}; it must be texts, one or more"
                )

    def script(self, rng: Random) -> tuple[Move, ...]:
        """Return what one such user does in one conversation."""
        rate = max(1, self.ms_per_char.draw(rng) or 0)
        script: list[Move] = []
        for _ in range(rng.randint(*self.turns)):
            script.append(self._turn(rng, rate))
            if rng.random() < self.early_cough_chance:
                script.append(Cough(self.cough.draw(rng) or 0, after_ms=None))
            if rng.random() < self.cough_chance:
                script.append(Cough(self.cough.draw(rng) or 0, self.over.draw(rng) or 0))
            if rng.random() < self.backchannel_chance:
                said = rng.choice(self.backchannels)
                script.append(Backchannel(said, self.over.draw(rng) or 0, rate))
            if rng.random() < self.barge_in_chance:
                said = rng.choice(self.barge_ins)
                script.append(BargeIn(said, self.over.draw(rng) or 0, (), rate))
        return (*script, HangUp(self.reaction.draw(rng) or 0))

    def _turn(self, rng: Random, rate: int) -> Move:
        reaction = self.reaction.draw(rng) or 0
        if rng.random() < self.spell_chance:
            text = rng.choice(self.spelled)
            pauses = tuple(self.spell_pause.draw(rng) or 0 for _ in text.split())
            return Spell(text, pauses, reaction, rate)
        text = rng.choice(self.lines)
        words = len(text.split())
        if words < 2 or rng.random() >= self.pause_chance:
            return Say(text, (), reaction, rate)
        pause = (rng.randint(1, words - 1), self.pause.draw(rng) or 0)
        return Say(text, (pause,), reaction, rate)
