"""The command line. Each command is one file; this one only lists them."""

from typing import Annotated

import typer

from turnwise import __version__
from turnwise.cli.bridge import bridge
from turnwise.cli.doctor import doctor
from turnwise.cli.download import download
from turnwise.cli.keys import keys
from turnwise.cli.moving import bring, export
from turnwise.cli.prompt import prompt
from turnwise.cli.replay import replay
from turnwise.cli.serve import serve
from turnwise.cli.simulate import simulate
from turnwise.cli.talk import talk

app = typer.Typer(
    name="turnwise",
    help="Conversational voice agents on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(talk)
app.command()(doctor)
app.command()(download)
app.add_typer(keys, name="keys")
app.add_typer(bridge, name="bridge")
app.command()(export)
app.command("import")(bring)
app.command()(simulate)
app.command()(replay)
app.command()(prompt)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature of a callback
    if wanted:
        typer.echo(f"turnwise {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    """Conversational voice agents on your own machine."""
