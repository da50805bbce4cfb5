"""Many simulated conversations, and what they say about a policy.

Each conversation has random numbers of its own: the same seed gives the identical report, however
many processes share the work.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from multiprocessing import get_context

from turnwise.base.errors import ConfigError
from turnwise.testing.chance import seeded
from turnwise.testing.figures import Figures, measure
from turnwise.testing.persona import Persona
from turnwise.testing.providers import Providers
from turnwise.testing.world import Call, World
from turnwise.turns.metrics import percentile
from turnwise.turns.policy import Policy


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a row of numbers; None if there are none."""

    p50: int | None = None
    p90: int | None = None
    p99: int | None = None

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Spread":
        """Return the percentiles; each is one of the numbers."""
        row = sorted(numbers)
        return cls(*(percentile(row, percent) for percent in (50, 90, 99)))


@dataclass(frozen=True, slots=True)
class Report:
    """What a simulation found; times in milliseconds, between true moments."""

    calls: int
    """Conversations."""
    turns: int
    """Turns the users took in them."""
    hours: float
    """How long they lasted, together."""
    events: int
    """What the engine was told."""
    response: Spread
    """From the true end of a turn to the first sound of the reply to it."""
    interruption: Spread
    """From the true beginning of a barge-in until the agent was quiet."""
    talk_over: Spread
    """How long both were audible at once, per conversation; noises included."""
    missed_ends: int
    """Turns without a reply within 5 s; compare with `turns`."""
    cut_ins: int
    """Replies that began to be heard while the user only paused; compare with `pauses`."""
    pauses: int
    """Silences inside turns."""
    false_interruptions: int
    """Replies dropped because of a cough or a backchannel; compare with `noises`."""
    noises: int
    """Coughs and backchannels."""
    barge_ins: int
    """Times the users interrupted a reply."""
    interrupted: int
    """How often that worked."""
    incidents: dict[str, int]
    """What should not happen and did, by kind."""
    responses_ms: tuple[int, ...] = field(repr=False)
    """All response times, rising."""

    @classmethod
    def of(cls, all_figures: Sequence[Figures]) -> "Report":
        """Return the report of many conversations."""
        incidents: Counter[str] = Counter()
        for figures in all_figures:
            incidents.update(figures.incidents)
        responses = sorted(ms for f in all_figures for ms in f.responses_ms)
        interruptions = [ms for f in all_figures for ms in f.interruptions_ms]
        return cls(
            calls=len(all_figures),
            turns=sum(f.turns for f in all_figures),
            hours=sum(f.length_ms for f in all_figures) / 3_600_000,
            events=sum(f.events for f in all_figures),
            response=Spread.of(responses),
            interruption=Spread.of(interruptions),
            talk_over=Spread.of(f.talk_over_ms for f in all_figures),
            missed_ends=sum(f.missed_ends for f in all_figures),
            cut_ins=sum(f.cut_ins for f in all_figures),
            pauses=sum(f.pauses for f in all_figures),
            false_interruptions=sum(f.false_interruptions for f in all_figures),
            noises=sum(f.noises for f in all_figures),
            barge_ins=sum(f.barge_ins for f in all_figures),
            interrupted=len(interruptions),
            incidents=dict(sorted(incidents.items())),
            responses_ms=tuple(responses),
        )

    def errors(self) -> tuple[tuple[str, int, int, str], ...]:
        """Return what went wrong: (name, how often, of how many, of what)."""
        ignored = self.barge_ins - self.interrupted
        return (
            ("missed ends", self.missed_ends, self.turns, f"{self.turns:,} turns"),
            ("cut-ins", self.cut_ins, self.pauses, f"{self.pauses:,} pauses"),
            (
                "false interruptions",
                self.false_interruptions,
                self.noises,
                f"{self.noises:,} noises",
            ),
            ("barge-ins ignored", ignored, self.barge_ins, f"{self.barge_ins:,} barge-ins"),
        )

    def to_plain(self) -> dict[str, object]:
        """Return it as plain data, without the single response times."""
        plain = asdict(self)
        del plain["responses_ms"]
        return plain


def one_call(
    policy: Policy, persona: Persona, providers: Providers, seed: int, number: int
) -> Call:
    """Return one conversation of a simulation, to be looked at; `number` counts from 0."""
    script = persona.script(seeded(seed, number, "user"))
    return World(policy, script, providers, seeded(seed, number).getrandbits(64)).run()


def simulate(
    policy: Policy,
    persona: Persona | None = None,
    providers: Providers | None = None,
    calls: int = 100,
    seed: int = 0,
    processes: int = 1,
) -> Report:
    """Let many users talk to an agent, and report how it went.

    Args:
        policy: The agent's manners.
        persona: What kind of people the users are; None: the defaults.
        providers: How late they answer and how they fail; None: the defaults.
        calls: How many conversations, 1 or more.
        seed: Decides all that is left to chance.
        processes: How many share the work, 1 or more. With more than one, everything given must
            be picklable, and a script needs its `if __name__ == "__main__":`.

    Raises:
        ConfigError: If a number is too small.
    """
    for name, number in (("calls", calls), ("processes", processes)):
        if number < 1:
            raise ConfigError(f"{name} is {number!r}; it must be 1 or more")
    work = partial(_figures, policy, persona or Persona(), providers or Providers(), seed)
    if processes == 1:
        return Report.of([work(number) for number in range(calls)])
    # a fork would copy the threads' locks of whoever calls
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        chunk = max(1, calls // (4 * processes))
        return Report.of(list(pool.map(work, range(calls), chunksize=chunk)))


def _figures(
    policy: Policy, persona: Persona, providers: Providers, seed: int, number: int
) -> Figures:
    return measure(one_call(policy, persona, providers, seed, number))
