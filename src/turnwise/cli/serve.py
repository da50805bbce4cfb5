"""`turnwise serve`: start the server."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from turnwise import minds as engines
from turnwise.main import Application, FirstStart, prepare_house, uvicorn_options
from turnwise.providers.spec import Kind
from turnwise.settings import PREFIX, Settings, load

TOML = Path("turnwise.toml")

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.")]
Data = Annotated[Path | None, typer.Option(help="Folder of database, recordings and keys.")]
Key = Annotated[str | None, typer.Option(help="An API key that always works.")]
Workers = Annotated[int | None, typer.Option(help="Processes that share the port.")]
Dev = Annotated[bool | None, typer.Option("--dev", help="Log more; allow private URLs.")]
Private = Annotated[
    bool | None,
    typer.Option("--allow-private-network", help="Let configured URLs lead into it."),
]


def serve(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    api_key: Key = None,
    workers: Workers = None,
    dev: Dev = None,
    allow_private_network: Private = None,
) -> None:
    """Start the server. Each option is also a variable TURNWISE_* and a line of turnwise.toml."""
    flags = {
        "host": host,
        "port": port,
        "data": data,
        "api_key": api_key,
        "workers": workers,
        "dev": dev,
        "allow_private_network": allow_private_network,
    }
    settings = load(flags, os.environ, TOML)
    choices = engines.choose(settings)
    first = asyncio.run(prepare_house(settings))
    print_banner(settings, choices, first)
    run(settings)


def run(settings: Settings) -> None:
    """Serve until the process is told to stop."""
    import uvicorn  # noqa: PLC0415 - other commands need no server

    options = uvicorn_options(settings)
    if settings.workers == 1:
        uvicorn.run(Application(settings), **options)
        return
    for name in ("data", "api_key", "public_url"):
        os.environ[f"{PREFIX}{name.upper()}"] = str(getattr(settings, name))
    uvicorn.run("turnwise.main:application", factory=True, workers=settings.workers, **options)


def print_banner(
    settings: Settings, choices: Mapping[Kind, engines.Choice], first: FirstStart
) -> None:
    """Say where the server is, what it hears, thinks and speaks with, and what would be better."""
    console = Console(highlight=False, soft_wrap=True)
    url = f"http://{settings.host}:{settings.port}"
    console.print(f"\n[bold]Turnwise[/bold] on [bold]{url}[/bold]   data in {settings.data}")
    for kind, choice in choices.items():
        note = "  [yellow](demo grade)[/yellow]" if choice.is_demo else ""
        console.print(f"  {engines.WHAT[kind]:18} {choice.full_name}{note}")
        if choice.is_demo:
            console.print(f"  {'':18} [dim]better: {engines.BETTER[kind]}[/dim]")
    console.print(f"  {'agent':18} {first.agent_id}   try: turnwise talk --text")
    if first.new_key:
        console.print(f"  {'API key':18} [bold]{first.new_key}[/bold]   shown only this once")
    console.print()
