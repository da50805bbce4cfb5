"""What `turnwise bench` prints and writes."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from turnwise.base.errors import ConfigError
from turnwise.testing.load import Level, Plan


def show(console: Console, levels: Sequence[Level]) -> None:
    """Print the figures: a column for each level."""
    table = Table("", title="Calls at once, and what they noticed", title_justify="left")
    for level in levels:
        table.add_column(f"{level.calls:,}", justify="right")
    table.add_row("response ms, p50", *(_ms(level.response.p50) for level in levels))
    table.add_row("  p95", *(_ms(level.response.p95) for level in levels))
    table.add_row("  p99", *(_ms(level.response.p99) for level in levels))
    table.add_row("  turns", *(f"{level.response.count:,}" for level in levels))
    table.add_row("interruption ms, p50", *(_ms(level.interruption.p50) for level in levels))
    table.add_row("  p95", *(_ms(level.interruption.p95) for level in levels))
    table.add_row("  p99", *(_ms(level.interruption.p99) for level in levels))
    table.add_row("  barge-ins", *(f"{level.interruption.count:,}" for level in levels))
    table.add_row("first message ms, p95", *(_ms(level.greeting.p95) for level in levels))
    table.add_row("holes in the sound", *(f"{level.hole.count:,}" for level in levels))
    table.add_row("  of its time", *(f"{100 * level.hole_share:.2f} %" for level in levels))
    table.add_row("errors", *(f"{level.errors.total():,}" for level in levels))
    taken = [level.server for level in levels]
    if any(taken):
        table.add_row(
            "server: CPU ms per call-second",
            *(f"{each.cpu_ms_per_call_s:.2f}" if each else "-" for each in taken),
        )
        table.add_row("  cores", *(f"{each.cores:.2f}" if each else "-" for each in taken))
        table.add_row(
            "  MB per call", *(f"{each.memory_mb_per_call:.2f}" if each else "-" for each in taken)
        )
    console.print(table)
    for level in levels:
        _show_notes(console, level)


def _show_notes(console: Console, level: Level) -> None:
    for error, count in level.errors.most_common(5):
        console.print(f"  {level.calls:,} calls: {count:,} times: {error}", markup=False)
    if level.is_client_late:
        console.print(
            f"  {level.calls:,} calls: this client itself was {level.client_late.p99:.0f} ms late"
            " (p99): its machine is too busy, or it needs more --processes",
            markup=False,
        )


def write(path: Path, plan: Plan, levels: Sequence[Level]) -> None:
    """Write the report as JSON.

    Raises:
        ConfigError: If it cannot be written.
    """
    report = {
        "plan": {
            "mode": "text" if plan.text else "voice",
            "ramp_s": plan.ramp_s,
            "hold_s": plan.hold_s,
            "chunk_ms": plan.chunk_ms,
            "barge_in_every": plan.barge_in_every,
            "pause_s": plan.pause_s,
            "call_s": plan.call_s,
        },
        "levels": [level.to_plain() for level in levels],
    }
    try:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
