"""`turnwise replay JOURNAL`: run a recorded conversation again, show it and explain it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnwise.base.errors import ConfigError, JournalError
from turnwise.turns import journal as journals
from turnwise.turns.commands import Append, CallTool, CancelReply, End, Pause, Report, Resume
from turnwise.turns.events import SpeechStarted, SpeechStopped, UserWrote
from turnwise.turns.explain import Decision, explain
from turnwise.turns.journal import Difference, Step
from turnwise.turns.metrics import Metrics, measure, percentile
from turnwise.turns.transcript import AgentSaid, ContextAdded, Entry, Noted, ToolAnswered, UserSaid


def replay(
    journal: Annotated[Path, typer.Argument(help="A journal (JSON lines).")],
    explanations: Annotated[bool, typer.Option(help="Say why each decision was made.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only compare.")] = False,
) -> None:
    """Run a recorded conversation again: show what happened and why, exit 1 on any difference."""
    recorded = _read(journal)
    steps, differences = journals.replay(recorded)
    console = Console(highlight=False, soft_wrap=True)
    if not quiet:
        decisions = explain(recorded) if explanations else []
        console.print(_timeline(steps, decisions))
        console.print(_figures(measure(recorded.policy, steps)))
    for difference in differences:
        console.print(_difference(difference))
    if differences:
        raise typer.Exit(1)
    ended = "" if journals.is_complete(steps) else " The conversation had not ended."
    console.print(f"{len(steps)} events replayed without a difference.{ended}")


def _read(path: Path) -> journals.Journal:
    try:
        with path.open(encoding="utf-8") as file:
            return journals.read(file)
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{str(path)!r} is not UTF-8 text: a journal is JSON lines") from error
    except JournalError as error:
        raise JournalError(error.line, f"{error.reason} ({path})") from error


def _timeline(steps: list[Step], decisions: list[Decision]) -> Table:
    table = Table("time", "who", "what", box=None, pad_edge=False, header_style="dim")
    rows = [*_rows(steps), *((d.at, 1, "why", Text(d.text(), style="dim")) for d in decisions)]
    for at, _, who, what in sorted(rows, key=lambda row: row[:2]):
        table.add_row(f"{at / 1000:9.3f}", who, what)
    return table


def _rows(steps: list[Step]) -> Iterator[tuple[int, int, str, Text]]:
    for step in steps:
        if (what := _event(step.event)) is not None:
            yield step.at, 0, "user", what
        for command in step.commands:
            if (row := _command(command)) is not None:
                yield step.at, 2, row[0], row[1]


def _event(event: object) -> Text | None:
    match event:
        case SpeechStarted():
            return Text("begins to speak", style="cyan")
        case SpeechStopped(silence_ms=silence):
            return Text(f"is silent since {silence} ms", style="cyan")
        case UserWrote():
            return Text("writes", style="cyan")
        case _:
            return None


def _command(command: object) -> tuple[str, Text] | None:
    if isinstance(command, Append):
        return _entry(command.entry)
    if isinstance(command, Report):
        return "incident", Text(f"{command.kind}: {command.detail}", style="bold red")
    if isinstance(command, End):
        return "end", Text(command.reason, style="bold")
    words = _act(command)
    return None if words is None else ("agent", Text(words, style="green"))


def _act(command: object) -> str | None:
    match command:
        case CallTool(name=name):
            return f"calls {name}"
        case CancelReply(speculative=bet):
            return "drops a bet" if bet else "stops"
        case Pause():
            return "goes quiet"
        case Resume():
            return "goes on"
        case _:
            return None


def _entry(entry: Entry) -> tuple[str, Text] | None:
    match entry:
        case UserSaid(text=text, ignored_as_backchannel=ignored):
            note = "  [only listening]" if ignored else ""
            return "user", Text(f"“{text}”{note}", style="bold cyan")
        case AgentSaid(text=text, interrupted=cut):
            return "agent", Text(f"“{text}”{' — cut off' if cut else ''}", style="bold green")
        case ToolAnswered(name=name, failed=failed):
            return "tool", Text(f"{name} {'failed' if failed else 'answered'}", style="yellow")
        case Noted(what=what):
            return "note", Text(what, style="yellow")
        case ContextAdded(text=text):
            return "context", Text(text, style="yellow")
        case _:  # a tool call is shown when it runs
            return None


def _figures(metrics: Metrics) -> Text:
    stages = (
        ("response", [t.response_ms for t in metrics.turns]),
        ("endpointing", [t.endpointing_ms for t in metrics.turns]),
        ("model", [t.model_ms for t in metrics.turns]),
        ("voice", [t.voice_ms for t in metrics.turns]),
    )
    medians = [
        f"{name} {percentile((v for v in values if v is not None), 50)} ms"
        for name, values in stages
        if any(v is not None for v in values)
    ]
    cuts = sum(1 for barge_in in metrics.barge_ins if barge_in.confirmed)
    counts = (
        f"{len(metrics.turns)} turns, {cuts} interruptions, "
        f"{len(metrics.barge_ins) - cuts} false alarms, {metrics.talk_over_ms} ms talked over, "
        f"{metrics.initiated} generations ({metrics.discarded} discarded)"
    )
    median = f"median: {', '.join(medians)}; " if medians else ""
    return Text(f"\n{median}{counts}", style="dim")


def _difference(difference: Difference) -> Text:
    return Text(difference.sentence(), style="red")
