"""`turnwise talk`: hold a conversation from the terminal, as any client of the protocol would."""

import os
from pathlib import Path
from typing import Annotated

import typer

from turnwise.base.errors import ConfigError
from turnwise.settings import load

TOML = Path("turnwise.toml")

Agent = Annotated[
    str, typer.Argument(help="Its id or name; without one: the sample agent, or the first one.")
]
Url = Annotated[
    str | None,
    typer.Option(help="The server. Without one: this machine's, started here if none runs."),
]
Key = Annotated[
    str | None,
    typer.Option(help="An API key, for agents that are not public. Or TURNWISE_API_KEY."),
]
Text = Annotated[bool, typer.Option("--text", help="Type instead of speaking.")]
Input = Annotated[
    Path | None, typer.Option("--input", help="Say what is in this WAV file, then hang up.")
]
Output = Annotated[
    Path | None, typer.Option("--output", help="Write what the agent said into this WAV file.")
]
AtOnce = Annotated[
    bool, typer.Option("--at-once", help="Do not let the agent finish its first message.")
]


def talk(
    agent: Agent = "",
    url: Url = None,
    api_key: Key = None,
    text: Text = False,
    input_file: Input = None,
    output_file: Output = None,
    at_once: AtOnce = False,
) -> None:
    """Talk to an agent: by voice, with sound files, or in text."""
    from turnwise.cli.talk_hold import Manner, hold, source_of  # noqa: PLC0415 - `--help` needs none

    if text and (input_file or output_file):
        raise ConfigError("--text has no sound: leave it out, or --input and --output")
    settings = load({"api_key": api_key}, os.environ, TOML)
    source = None if text else source_of(input_file)
    manner = Manner(source=source, output=output_file, at_once=at_once)
    if not hold(agent, url, settings, manner):
        raise typer.Exit(1)
