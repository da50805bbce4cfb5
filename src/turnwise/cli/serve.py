"""`turnwise serve`: start the server."""

import asyncio
import gc
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from turnwise.cli.workers import Crew, spread, warm_up
from turnwise.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turnwise.main import FirstStart
    from turnwise.minds import Choice
    from turnwise.providers.spec import Kind

TOML = Path("turnwise.toml")

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.")]
Data = Annotated[Path | None, typer.Option(help="Folder of database, recordings and keys.")]
Key = Annotated[str | None, typer.Option(help="An API key that always works.")]
Workers = Annotated[int | None, typer.Option(help="Processes that share the port.")]
Dev = Annotated[bool | None, typer.Option("--dev", help="Log everything, in detail.")]
Private = Annotated[
    bool | None,
    typer.Option("--allow-private-network", help="Let configured URLs lead into it."),
]

LiveKit = Annotated[
    str | None,
    typer.Option(help="LiveKit server in whose rooms calls over WebRTC are held."),
]


def serve(
    host: Host = None,
    port: Port = None,
    data: Data = None,
    api_key: Key = None,
    workers: Workers = None,
    dev: Dev = None,
    allow_private_network: Private = None,
    livekit_url: LiveKit = None,
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
        "livekit_url": livekit_url,
    }
    settings = load(flags, os.environ, TOML)
    start(settings)


def start(settings: Settings) -> None:
    """Prepare the data folder, say what is there, and serve until told to stop."""
    # all that is imported stays: to look through it for what could go costs a tenth of the start.
    # The application, when it is complete, collects again
    gc.disable()
    if settings.workers > 1:
        warm_up()
    from turnwise import minds as engines  # noqa: PLC0415 - `--help` needs no server
    from turnwise.main import claim, listen, prepare_house  # noqa: PLC0415

    choices = engines.choose(settings)
    with listen(settings) as listening, claim(settings.data):
        first = asyncio.run(prepare_house(settings))
        url = f"http://{settings.host}:{listening.getsockname()[1]}"
        print_banner(url, settings, choices, first)
        run(settings, listening)


def run(settings: Settings, listening: socket.socket) -> None:
    """Serve on a socket until the process is told to stop."""
    from turnwise.cli.server import Server  # noqa: PLC0415

    if settings.workers == 1:
        Server(settings).run(sockets=[listening])
        return
    status = Crew(settings, spread(listening, settings.workers)).run()
    if status:
        raise typer.Exit(status)


def print_banner(
    url: str, settings: Settings, choices: "Mapping[Kind, Choice]", first: "FirstStart"
) -> None:
    """Say where the server is, what it hears, thinks and speaks with, and what would be better."""
    from turnwise.minds import BETTER, WHAT  # noqa: PLC0415

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"\n[bold]Turnwise[/bold] on [bold]{url}[/bold]   data in {settings.data}")
    for kind, choice in choices.items():
        note = "  [yellow](demo grade)[/yellow]" if choice.is_demo else ""
        console.print(f"  {WHAT[kind]:18} {choice.full_name}{note}")
        if choice.is_demo:
            console.print(f"  {'':18} [dim]better: {escape(BETTER[kind])}[/dim]")
    console.print(f"  {'agent':18} {first.agent_id}   try: turnwise talk --text")
    console.print(f"  {'talk page':18} {url}/talk/{first.agent_id}")
    if first.new_key:
        console.print(f"  {'API key':18} [bold]{first.new_key}[/bold]   shown only this once")
    console.print()
