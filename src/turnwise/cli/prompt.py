"""`turnwise prompt`: what the model of a stored agent is told, part by part."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnwise.agents.prompt import Part
from turnwise.agents.variables import MissingVariables
from turnwise.base.errors import ConfigError, Error
from turnwise.settings import Settings, load

if TYPE_CHECKING:
    from turnwise.gateway.rehearsal import Rehearsal

TOML = Path("turnwise.toml")

Agent = Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.")]
Var = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="A dynamic variable; may be given again."),
]
Branch = Annotated[str | None, typer.Option(help="Id of a branch; without: main.")]
Environment = Annotated[str, typer.Option(help="Of which environment variables are.")]
Language = Annotated[str | None, typer.Option(help="Code of a language that it is switched to.")]
Text = Annotated[bool, typer.Option("--text", help="As in a conversation without sound.")]
Words = Annotated[str, typer.Option(help="What the user says: what fits is looked up.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the database, as of `serve`.")]


def prompt(
    agent: Agent,
    var: Var = None,
    branch: Branch = None,
    environment: Environment = "production",
    language: Language = None,
    text: Text = False,
    words: Words = "",
    data: Data = None,
) -> None:
    """Print the system prompt of an agent, each part under its name.

    The placeholders of the agent stand in for variables that are not given, as they do in tests.
    """
    from turnwise.gateway.rehearsal import Rehearsal  # noqa: PLC0415 - `--help` needs no server

    settings = load({"data": data}, os.environ, TOML)
    rehearsal = Rehearsal(
        branch_id=branch,
        variables=dict(map(_pair, var or ())),
        environment=environment,
        text_only=text,
        language=language,
        words=words,
    )
    try:
        parts = asyncio.run(_parts(settings, agent, rehearsal))
    except MissingVariables as missing:
        options = " ".join(f"--var {name}=…" for name in missing.names)
        raise ConfigError(f"{missing}; give them: {options}") from missing
    except Error as error:
        raise ConfigError(str(error)) from error
    typer.echo(_page(parts))


async def _parts(settings: Settings, agent_id: str, rehearsal: "Rehearsal") -> tuple[Part, ...]:
    from turnwise.gateway.rehearsal import rehearsed  # noqa: PLC0415
    from turnwise.store import open_store  # noqa: PLC0415

    store = await open_store(settings.store_url, settings.data)
    try:
        return await rehearsed(store, agent_id, rehearsal)
    finally:
        await store.close()


def _page(parts: Sequence[Part]) -> str:
    return "\n\n".join(f"=== {part.name} ===\n{part.text}" for part in parts)


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise ConfigError(f"--var {text!r} should be NAME=VALUE")
    return name.strip(), value
