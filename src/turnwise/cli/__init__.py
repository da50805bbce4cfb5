"""The command line. Each command is one file; this one only lists them.

A command is imported when it is asked for: none waits for what the others need.
"""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from turnwise import __version__

COMMANDS = {
    "serve": "serve:serve",
    "talk": "talk:talk",
    "doctor": "doctor:doctor",
    "download": "download:download",
    "keys": "keys:keys",
    "bridge": "bridge:bridge",
    "widget": "widget:widget",
    "export": "moving:export",
    "import": "moving:bring",
    "simulate": "simulate:simulate",
    "bench": "bench:bench",
    "replay": "replay:replay",
    "prompt": "prompt:prompt",
}
"""Module of this package and function, or application of more commands, by name."""


class Commands(TyperGroup):
    """The commands, in the order of the table."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | TyperGroup | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"{__name__}.{module}"), name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_group(found)
            group.name = cmd_name
            return group
        single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        single.command(cmd_name)(found)
        command = typer.main.get_command(single)
        assert isinstance(command, TyperCommand)
        return command


app = typer.Typer(
    name="turnwise",
    cls=Commands,
    help="Conversational voice agents on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
