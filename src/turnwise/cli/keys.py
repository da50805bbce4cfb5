"""`turnwise keys`: the API keys in the store of the settings."""

import asyncio
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnwise.base.errors import ConfigError
from turnwise.settings import Settings, load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from turnwise.store import ApiKey, ApiKeys, Scope

TOML = Path("turnwise.toml")
MAY = {"read": "read", "write": "read and write"}

keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What it is for; shown in the list.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="As in the list.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Good for reading only.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the database, as of `serve`.")]


@keys.command()
def add(name: Name, data: Data = None, read_only: ReadOnly = False) -> None:
    """Make a key. It goes to the standard output, this once; all else to the standard error."""
    key, secret = asyncio.run(_add(_settings(data), name, "read" if read_only else "write"))
    typer.echo(f"The key {key.key_id} ({key.name}), shown only this once:", err=True)
    typer.echo(secret)


@keys.command(name="list")
def list_keys(data: Data = None) -> None:
    """List the keys in the order they were made in; never their secrets."""
    settings = _settings(data)
    found = asyncio.run(_list(settings))
    table = Table(
        "id", "name", "may", "ends in", "made", box=None, pad_edge=False, header_style="dim"
    )
    for key in found:
        made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(key.key_id, key.name, MAY[key.scope], f"…{key.hint}", made)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table if found else "There is no key; `turnwise keys add NAME` makes one.")
    if settings.api_key:
        console.print("The api_key of the settings works too.")


@keys.command()
def revoke(key_id: Id, data: Data = None) -> None:
    """Make a key worthless, at once."""
    if not asyncio.run(_revoke(_settings(data), key_id)):
        raise ConfigError(f"there is no key {key_id!r}; `turnwise keys list` shows them")
    typer.echo(f"{key_id} is worthless now.")


def _settings(data: Path | None) -> Settings:
    return load({"data": data}, os.environ, TOML)


@asynccontextmanager
async def _writing(settings: Settings) -> "AsyncIterator[ApiKeys]":
    """Open the keys of the store; all or nothing of the block is kept."""
    from turnwise.store import open_store  # noqa: PLC0415 - `--help` needs no database

    store = await open_store(settings.store_url, settings.data)
    try:
        async with store.writing() as tx:
            yield tx.api_keys
    finally:
        await store.close()


async def _add(settings: Settings, name: str, scope: "Scope") -> "tuple[ApiKey, str]":
    async with _writing(settings) as api_keys:
        return await api_keys.create(name, scope=scope)


async def _list(settings: Settings) -> "tuple[ApiKey, ...]":
    async with _writing(settings) as api_keys:
        return await api_keys.list()


async def _revoke(settings: Settings, key_id: str) -> bool:
    async with _writing(settings) as api_keys:
        return await api_keys.revoke(key_id)
