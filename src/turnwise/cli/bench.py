"""`turnwise bench`: put load on a server, and report what its callers notice."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from turnwise.base.errors import ConfigError
from turnwise.cli.talk_server import Server, checked_url, public_address
from turnwise.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnwise.testing.load import Crew, Level, Plan, Usage, UsageSource

TOML = Path("turnwise.toml")
_CALLS_FOR_EACH_PROCESS = 200

Agent = Annotated[
    str,
    typer.Argument(help="Its id or name; without one an agent is made, and removed at the end."),
]
Url = Annotated[str | None, typer.Option(help="The server. Without one: this machine's.")]
Key = Annotated[str | None, typer.Option(help="An API key. Or TURNWISE_API_KEY.")]
Calls = Annotated[str, typer.Option(help="How many at once; several levels: 1,50,200.")]
Ramp = Annotated[float, typer.Option(metavar="SECONDS", help="In which the calls of a level open.")]
Hold = Annotated[float, typer.Option(metavar="SECONDS", help="In which figures are taken.")]
Text = Annotated[bool, typer.Option("--text", help="Users write instead of speaking.")]
Speech = Annotated[
    Path | None, typer.Option(help="What users say: a WAV file. Without one: a few vowels.")
]
ChunkMs = Annotated[int, typer.Option(help="Sound in each message, in ms.")]
BargeIn = Annotated[
    int, typer.Option("--barge-in-every", help="Turns for each that interrupts the agent; 0: none.")
]
Pause = Annotated[
    float, typer.Option(metavar="SECONDS", help="Between a reply and the next turn, on average.")
]
CallLength = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Users hang up and call again after so long."),
]
Processes = Annotated[int | None, typer.Option(help="Of this client; without a choice as needed.")]
Pid = Annotated[int | None, typer.Option(help="The server's process, where it has no /metrics.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the report into this file.")]
Plot = Annotated[Path | None, typer.Option(help="Draw a chart into this file.")]


def bench(
    agent: Agent = "",
    url: Url = None,
    api_key: Key = None,
    calls: Calls = "10",
    ramp: Ramp = 5.0,
    hold: Hold = 20.0,
    text: Text = False,
    speech: Speech = None,
    chunk_ms: ChunkMs = 100,
    barge_in_every: BargeIn = 4,
    pause: Pause = 1.0,
    call_length: CallLength = None,
    processes: Processes = None,
    pid: Pid = None,
    json_file: Json = None,
    plot: Plot = None,
) -> None:
    """Call a server many times at once: response times, interruptions, lost sound, CPU, memory."""
    from turnwise.cli.bench_report import show, write  # noqa: PLC0415 - `--help` needs none of it
    from turnwise.testing.load import Crew, draw  # noqa: PLC0415

    settings = load({"api_key": api_key}, os.environ, TOML)
    chosen = f"http://127.0.0.1:{settings.port}" if url is None else url
    server = Server(checked_url(chosen), settings.api_key)
    plan = replace(
        _plan(speech),
        ramp_s=ramp,
        hold_s=hold,
        api_key=server.api_key,
        text=text,
        chunk_ms=chunk_ms,
        barge_in_every=barge_in_every,
        pause_s=pause,
        call_s=call_length,
    )
    plans = [replace(plan, calls=count) for count in _counts(calls)]
    _check_places(json_file, plot)
    crew = Crew(_processes(plans) if processes is None else processes)
    console = Console(highlight=False)
    levels = _hold(plans, Target(server, agent, settings, pid), crew, console)
    show(console, levels)
    if json_file is not None:
        write(json_file, plan, levels)
    if plot is not None:
        draw(levels, plot, f"Calls to {server.url}{', in text' if text else ''}")
    if not all(level.response.count for level in levels):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Target:
    """What is called."""

    server: Server
    agent: str
    settings: Settings
    pid: int | None


def _hold(plans: "Sequence[Plan]", target: Target, crew: "Crew", console: Console) -> "list[Level]":
    """Hold one level after the other."""
    from turnwise.cli.bench_server import (  # noqa: PLC0415
        agent_to_call,
        check_reachable,
        usage_source,
    )

    source = usage_source(target.server, target.pid)
    check_reachable(target.server)
    levels = []
    with agent_to_call(target.server, target.agent, target.settings) as agent_id, crew:
        address = public_address(target.server.url, agent_id)
        idle = source.read() if source is not None else None
        for plan in plans:
            told = f"{plan.calls:,} calls open in {plan.ramp_s:g} s, then {plan.hold_s:g} s…"
            console.print(f"[dim]{told}[/dim]")
            levels.append(_level(crew, replace(plan, address=address), source, idle))
    return levels


def _level(
    crew: "Crew", plan: "Plan", source: "UsageSource | None", idle: "Usage | None"
) -> "Level":
    from turnwise.testing.load import Level  # noqa: PLC0415

    seconds: list[tuple[float, Usage]] = []

    def watch(second: float) -> None:
        if source is not None and second in {0.0, plan.hold_s}:  # to be asked costs it, too
            with suppress(ConfigError):  # too busy to tell
                seconds.append((time.monotonic(), source.read()))

    return Level.of(plan, crew.hold(plan, watch), idle, seconds)


def _plan(speech: Path | None) -> "Plan":
    from turnwise.cli.talk_wav import read_wav  # noqa: PLC0415
    from turnwise.testing.load import Plan  # noqa: PLC0415
    from turnwise.testing.load.speech import bounds  # noqa: PLC0415

    if speech is None:
        return Plan(address="")
    samples, rate_hz = read_wav(speech)
    bounds(samples)
    return Plan(address="", speech=samples, speech_hz=rate_hz)


def _counts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"--calls is {text!r}; it should be a number, or several like 1,50,200"
        ) from None


def _processes(plans: "Sequence[Plan]") -> int:
    needed = -(-max(plan.calls for plan in plans) // _CALLS_FOR_EACH_PROCESS)
    return max(1, min(needed, os.cpu_count() or 1))


def _check_places(*paths: Path | None) -> None:
    """Find out before the load whether its report can be written.

    Raises:
        ConfigError: If a folder is missing.
    """
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise ConfigError(f"cannot write {str(path)!r}: there is no such folder")
