"""`turnwise simulate`: let simulated users talk to an agent, and report how it went."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnwise.base.errors import ConfigError, ShapeError
from turnwise.testing import simulation
from turnwise.testing.chart import draw
from turnwise.testing.latency import parse
from turnwise.testing.persona import Persona
from turnwise.testing.providers import Model, Providers, Transcriber, Voice
from turnwise.testing.simulation import Report, Spread
from turnwise.turns.plain import from_plain
from turnwise.turns.policy import Eagerness, Policy

BET_MS = 200
"""`--speculative` bets after so much silence, unless the policy says how much."""


def simulate(
    *,
    calls: Annotated[int, typer.Option(help="How many conversations.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same report.")] = 0,
    eagerness: Annotated[
        Eagerness | None, typer.Option(help="How soon a silence ends the user's turn.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="A policy: JSON, or a journal that begins with it.")
    ] = None,
    speculative: Annotated[
        bool, typer.Option("--speculative", help="Let replies begin before the turn is taken.")
    ] = False,
    turn_model: Annotated[
        bool, typer.Option("--turn-model", help="Ask a turn model at each pause.")
    ] = False,
    stt: Annotated[
        str | None, typer.Option(metavar="LATENCY", help="Until a final text, in ms: 50-200.")
    ] = None,
    llm: Annotated[
        str | None,
        typer.Option(metavar="LATENCY", help="Until the first words: lognormal:350,800."),
    ] = None,
    tts: Annotated[
        str | None, typer.Option(metavar="LATENCY", help="Until the first sound: 120, or never.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw a chart into this file.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report into this file.")
    ] = None,
    journals: Annotated[
        Path | None, typer.Option(help="Write the first conversations into this folder.")
    ] = None,
    keep: Annotated[int, typer.Option(help="How many of them.")] = 10,
    processes: Annotated[int, typer.Option(help="How many share the work.")] = 1,
) -> None:
    """Let simulated users talk to an agent: response times, interruptions, errors."""
    manners = _manners(_read_policy(policy), eagerness, bets=speculative, scores=turn_model)
    providers = _providers(stt, llm, tts)
    report = simulation.simulate(manners, None, providers, calls, seed, processes)
    Console(highlight=False).print(_times(report), _errors(report), sep="\n")
    if json_file is not None:
        _write(json_file, json.dumps(report.to_plain(), indent=2) + "\n")
    if plot is not None:
        draw(report, plot, f"{calls:,} simulated calls, {_summary(manners)}, seed {seed}")
    if journals is not None:
        for number in range(min(keep, calls)):
            call = simulation.one_call(manners, Persona(), providers, seed, number)
            text = "\n".join(call.journal()) + "\n"
            _write(journals / f"call-{number:04}.jsonl", text)


def _read_policy(path: Path | None) -> Policy:
    if path is None:
        return Policy(first_message="Hello, how can I help you?")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the policy {str(path)!r}: {error}") from error
    try:
        data = json.loads(text if _is_json(text) else text.partition("\n")[0])
        if isinstance(data, dict) and "journal" in data:
            data = data.get("policy")
        return from_plain(Policy, data, "policy")
    except (ValueError, ShapeError) as error:
        raise ConfigError(f"{str(path)!r} holds no policy: {error}") from error


def _is_json(text: str) -> bool:
    """Return whether the whole text is one JSON value, as no journal with events is."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _manners(policy: Policy, eagerness: Eagerness | None, *, bets: bool, scores: bool) -> Policy:
    ending = policy.endpointing
    if eagerness is not None:
        ending = replace(ending, eagerness=eagerness)
    if bets and ending.bet_ms is None:
        ending = replace(ending, bet_ms=BET_MS)
    if scores:
        ending = replace(ending, turn_model=True)
    return replace(policy, endpointing=ending)


def _providers(stt: str | None, llm: str | None, tts: str | None) -> Providers:
    return Providers(
        transcriber=Transcriber() if stt is None else Transcriber(final=parse(stt)),
        model=Model() if llm is None else Model(first_token=parse(llm)),
        voice=Voice() if tts is None else Voice(first_sound=parse(tts)),
    )


def _summary(policy: Policy) -> str:
    ending = policy.endpointing
    bets = "" if ending.bet_ms is None else f", bets after {ending.bet_ms} ms"
    return f"{ending.eagerness.value}{bets}{', turn model' if ending.turn_model else ''}"


def _times(report: Report) -> Table:
    hours = f"{report.hours:.1f} h, {report.turns:,} turns, {report.events:,} events"
    table = Table(title=f"{report.calls:,} simulated calls: {hours}", title_justify="left")
    table.add_column("milliseconds")
    for percent in ("p50", "p90", "p99"):
        table.add_column(percent, justify="right")
    table.add_row("response time", *_cells(report.response))
    table.add_row("until quiet after a barge-in", *_cells(report.interruption))
    table.add_row("talk-over per call", *_cells(report.talk_over))
    return table


def _errors(report: Report) -> Table:
    table = Table("errors")
    for column in ("count", "share"):
        table.add_column(column, justify="right")
    table.add_column("of")
    for name, count, of, whole in report.errors():
        table.add_row(name, f"{count:,}", f"{100 * count / of:.1f} %" if of else "-", whole)
    for kind, count in report.incidents.items():
        table.add_row(f"incident {kind}", f"{count:,}", "", "")
    return table


def _cells(spread: Spread) -> tuple[str, ...]:
    return tuple("-" if ms is None else f"{ms:,}" for ms in (spread.p50, spread.p90, spread.p99))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error
