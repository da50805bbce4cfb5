"""`turnwise doctor`: what is in use and why, whether it works, and what would be better."""

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnwise import __version__

if TYPE_CHECKING:
    from turnwise.cli.doctor_checks import Findings

TOML = Path("turnwise.toml")


def doctor(
    data: Annotated[Path | None, typer.Option(help="The data folder, as of `serve`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is in use and why, and try it. Exit code 1 if something does not work."""
    from turnwise.cli.doctor_checks import examine  # noqa: PLC0415 - `--help` needs no engines

    found = examine({"data": data}, os.environ, TOML)
    if as_json:
        tables = {
            name: [{key.replace(" ", "_"): value for key, value in row.items()} for row in rows]
            for name, rows in asdict(found).items()
        }
        told = {"version": __version__, "ok": found.ok, **tables}
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _show(found)
    if not found.ok:
        raise typer.Exit(1)


_STYLES = {"ok": "green", "failed": "bold red", "skipped": "yellow", "demo": "yellow"}


def _show(found: "Findings") -> None:
    console = Console(highlight=False, soft_wrap=True)
    python = f"Python {platform.python_version()} on {platform.system()}"
    console.print(f"[bold]Turnwise {__version__}[/bold]   {python}")
    for rows in (
        found.settings,
        found.in_use,
        found.routes,
        found.providers,
        found.checks,
        found.better,
        found.agents,
    ):
        if not rows:
            continue
        shown = [[str(value or "-") for value in row.values()] for row in rows]
        console.print()
        if console.is_terminal:
            console.print(_table(list(rows[0]), shown), soft_wrap=False)
        else:
            console.print(Text("\n".join(_aligned([list(rows[0]), *shown]))))


def _table(names: list[str], rows: list[list[str]]) -> Table:
    table = Table(*names, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    return table


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return lines of columns, for programs that read lines: no line is broken."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return [line.rstrip() for line in lines]
