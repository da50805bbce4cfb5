"""More and more calls to one server, until its callers feel it."""

import argparse
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from peers import work
from served import Served

from turnwise.base.errors import ConfigError
from turnwise.testing.load import Crew, Level, Plan, ProcessUsage, Usage

Plain = dict[str, Any]
"""A level as `Level.to_plain` tells it."""

ADDED_MS = 30.0
"""How much longer than with one call an answer may take (p95), for a level to count as held."""
OPENED_A_SECOND = 10
"""As with the peers: calls that open together take their turns together, which no callers do."""
MOST_PROCESSES = 4


def plan_of(server: Served, calls: int, hold_s: float, chunk_ms: int = 100) -> Plan:
    """Return the plan of a level: callers open their calls ten a second.

    One call alone is held sixteen times as long: it is what the others are compared with, and in
    which frame of which message its speech ends is chance, worth up to a message.
    """
    return Plan(
        address=server.address,
        calls=calls,
        ramp_s=max(2.0, calls / OPENED_A_SECOND),
        hold_s=16 * hold_s if calls == 1 else hold_s,
        chunk_ms=chunk_ms,
        reply_s=work.least_reply_s(),
    )


def level_of(crew: Crew, plan: Plan, server: Served, idle: Usage) -> Plain:
    """Hold one level."""
    source, seconds = ProcessUsage(server.pid), list[tuple[float, Usage]]()

    def watch(second: float) -> None:
        if second in {0.0, plan.hold_s}:
            with suppress(ConfigError):  # it has died: what the callers notice says so
                seconds.append((time.monotonic(), source.read()))

    return Level.of(plan, crew.hold(plan, watch), idle, seconds).to_plain()


def climb(server: Served, calls: Sequence[int], options: argparse.Namespace) -> list[Plain]:
    """Hold one level after the other; the first one that is not held is the last.

    Args:
        server: Which server.
        calls: The levels.
        options: `hold` in seconds, `chunk_ms`, and `go_on`: whether all levels are tried.
    """
    levels: list[Plain] = []
    idle = ProcessUsage(server.pid).read()
    with Crew(processes()) as crew:
        for count in calls:
            plan = plan_of(server, count, options.hold, options.chunk_ms)
            levels.append(level_of(crew, plan, server, idle))
            print(line(levels[-1], levels[0]), flush=True)
            if why_not_held(levels[-1], levels[0]) and not options.go_on:
                break
    return levels


def processes() -> int:
    """Return how many processes hold the calls: one for each core that is left to them."""
    return max(1, min(MOST_PROCESSES, len(os.sched_getaffinity(0))))


def added_ms(level: Plain, first: Plain) -> float | None:
    """Return by how much longer answers took than at the first level, at the 95th percentile."""
    now, then = level["response_ms"]["p95"], first["response_ms"]["p95"]
    return None if now is None or then is None else float(now - then)


def why_not_held(level: Plain, first: Plain) -> str:
    """Return what callers felt, empty if nothing."""
    added, errors, holes = added_ms(level, first), level["errors"], level["audio"]["hole_ms"]
    if errors:
        return f"{sum(errors.values())} errors, such as: {next(iter(errors))}"
    if holes["count"]:
        return f"{holes['count']} holes in the sound"
    if added is None:
        return "no answers"
    return f"answers {added:.0f} ms later" if added > ADDED_MS else ""


def held(levels: Sequence[Plain]) -> Plain | None:
    """Return the highest level that was held; None: none was."""
    good = [level for level in levels if not why_not_held(level, levels[0])]
    return good[-1] if good else None


def line(level: Plain, first: Plain) -> str:
    """Return one level as a line."""
    server, response, cut = level["server"], level["response_ms"], level["interruption_ms"]
    cost = (
        f"{server['cpu_ms_per_call_s']:6.2f} ms CPU per call-second {server['cores']:5.2f} cores"
        f" {server['memory_mb_per_call']:6.2f} MB per call"
        if server is not None
        else "cost not known"
    )
    return (
        f"{level['calls']:5} calls {cost}  answers p50 {response['p50'] or 0:4.0f}"
        f" p95 {response['p95'] or 0:4.0f} (added {_signed(added_ms(level, first))})"
        f"  interruptions p95 {cut['p95'] or 0:4.0f}  {response['count']:4} turns"
        f"  client {level['client']['cpu_ms_per_call_s']:.2f} ms,"
        f" late p99 {level['client']['late_ms']['p99'] or 0:.0f} ms"
        f"  {why_not_held(level, first) or 'held'}"
    )


def _signed(value: float | None) -> str:
    return "   ?" if value is None else f"{value:+4.0f}"


def show(name: str, levels: Sequence[Plain]) -> None:
    """Print what was held."""
    best = held(levels)
    if best is None or best["server"] is None:
        print(f"{name}: no level was held")
        return
    cost = best["server"]["cpu_ms_per_call_s"]
    print(
        f"{name}: {best['calls']} calls held on one core, {cost:.2f} ms of CPU per call-second:"
        f" {1000 / cost:,.0f} would fill the core"
    )
