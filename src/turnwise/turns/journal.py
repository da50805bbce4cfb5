"""The journal: every event of a conversation with its time, and what the engine did about it.

JSON lines, specified in `docs/journal.md`. The first line names the version and the policy. An
event's line is written before the event is handled; if commands came of it or rules fired, a second
line says which. A replay feeds the events to a new engine and compares.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from turnwise.base.errors import ClockRanBackwards, JournalError, ShapeError
from turnwise.base.units import Millis
from turnwise.turns.commands import Command, End
from turnwise.turns.engine import Engine, Watch
from turnwise.turns.events import Event
from turnwise.turns.plain import from_plain, member_from_plain, to_plain
from turnwise.turns.policy import Policy

VERSION = 1
"""Of the format. A reader refuses any other."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event, and what came of it."""

    at: Millis
    event: Event
    commands: tuple[Command, ...] = ()
    fired: tuple[str, ...] = ()
    """Names of the rules that acted."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event as read from a journal; what came of it stays plain, to be compared."""

    line: int
    """Number of the event's line, from 1."""
    at: Millis
    event: Event
    did: list[Any]
    fired: list[str]


@dataclass(frozen=True, slots=True)
class Journal:
    """A conversation as it was recorded."""

    policy: Policy
    steps: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay did something else than the journal says."""

    line: int
    """Number of the event's line."""
    recorded: str
    replayed: str

    def sentence(self) -> str:
        """Return it for people to read."""
        return f"line {self.line}: recorded {self.recorded}, replayed {self.replayed}"


def header_line(policy: Policy) -> str:
    """Return the first line of a journal, without a line break."""
    return _text({"journal": VERSION, "policy": to_plain(Policy, policy)})


def event_line(at: Millis, event: Event) -> str:
    """Return the line of an event; it is written before the event is handled."""
    return _text({"at": at, "event": to_plain(Event, event)})


def outcome_line(at: Millis, commands: Iterable[Command], fired: Iterable[str]) -> str | None:
    """Return the line that says what came of the event before it; None if nothing did."""
    did = [to_plain(Command, command) for command in commands]
    names = list(fired)
    return _text({"at": at, "did": did, "fired": names}) if did or names else None


def lines(policy: Policy, steps: Iterable[Step]) -> Iterator[str]:
    """Yield a whole journal, line by line."""
    yield header_line(policy)
    for step in steps:
        yield event_line(step.at, step.event)
        outcome = outcome_line(step.at, step.commands, step.fired)
        if outcome is not None:
            yield outcome


_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` would make one for each line."""


def read(text: Iterable[str]) -> Journal:
    """Read a journal.

    Args:
        text: Its lines, with or without line breaks.

    Raises:
        JournalError: If a line is not what it should be; names the line.
    """
    numbered = enumerate(text, 1)
    first = next(numbered, None)
    if first is None:
        raise JournalError(1, "the journal is empty; its first line should name version and policy")
    policy = _read_header(*first)
    steps: list[Recorded] = []
    for number, line in numbered:
        _read_line(number, line, steps)
    return Journal(policy, tuple(steps))


def _read_header(number: int, line: str) -> Policy:
    data = _parse(number, line)
    version = data.get("journal")
    if type(version) is not int or version != VERSION:
        reason = f"journal version {version!r} is unknown; this program reads version {VERSION}"
        raise JournalError(number, reason)
    try:
        return from_plain(Policy, data.get("policy"), "policy")
    except ShapeError as error:
        raise JournalError(number, str(error)) from error


def _parse(number: int, line: str) -> dict[str, Any]:
    try:
        data = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise JournalError(number, f"not JSON, perhaps cut off: {error}") from error
    if not isinstance(data, dict):
        raise JournalError(number, f"{line.strip()!r} should be a JSON object")
    return data


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _read_line(number: int, line: str, steps: list[Recorded]) -> None:
    data = _parse(number, line)
    at = data.get("at")
    if type(at) is not int or at < 0:
        raise JournalError(number, f"'at' is {at!r}; it should be milliseconds from 0")
    if steps and at < steps[-1].at:
        raise JournalError(number, f"time runs backwards: {at} ms after {steps[-1].at} ms")
    if data.keys() == {"at", "event"}:
        try:
            event: Event = member_from_plain(Event, data["event"], "event")
        except ShapeError as error:
            raise JournalError(number, str(error)) from error
        steps.append(Recorded(number, Millis(at), event, [], []))
    elif data.keys() == {"at", "did", "fired"}:
        _read_outcome(number, data, steps)
    else:
        keys = ", ".join(sorted(data))
        reason = f"keys {keys}; an event has at, event and an outcome at, did, fired"
        raise JournalError(number, reason)


def _read_outcome(number: int, data: dict[str, Any], steps: list[Recorded]) -> None:
    last = steps[-1] if steps else None
    if last is None or last.at != data["at"] or last.did or last.fired:
        raise JournalError(number, f"an outcome at {data['at']} ms without its event before it")
    if not isinstance(data["did"], list) or not isinstance(data["fired"], list):
        raise JournalError(number, "'did' and 'fired' should be lists")
    last.did.extend(data["did"])
    last.fired.extend(data["fired"])


def replay(journal: Journal, watch: Watch | None = None) -> tuple[list[Step], list[Difference]]:
    """Run a journal's events through a new engine.

    Args:
        journal: What was recorded.
        watch: Told of each rule that fires; None: nobody watches.

    Returns:
        What the engine did now, and where that differs from what it did then.
    """
    engine = Engine(journal.policy, watch)
    steps: list[Step] = []
    differences: list[Difference] = []
    for recorded in journal.steps:
        try:
            commands = engine.handle(recorded.event, recorded.at)
        except ClockRanBackwards as error:  # pragma: no cover - `read` refuses such a journal
            raise JournalError(recorded.line, str(error)) from error
        step = Step(recorded.at, recorded.event, commands, tuple(engine.fired))
        steps.append(step)
        did = [to_plain(Command, command) for command in commands]
        if did != recorded.did:
            differences.append(Difference(recorded.line, _short(recorded.did), _short(did)))
        elif list(step.fired) != recorded.fired:
            then, now = ", ".join(recorded.fired), ", ".join(step.fired)
            differences.append(Difference(recorded.line, f"rules [{then}]", f"rules [{now}]"))
    return steps, differences


def _short(did: list[Any]) -> str:
    return json.dumps(did, ensure_ascii=False) if did else "nothing"


def is_complete(steps: Iterable[Step]) -> bool:
    """Return whether the conversation ended within the journal."""
    return any(isinstance(command, End) for step in steps for command in step.commands)
