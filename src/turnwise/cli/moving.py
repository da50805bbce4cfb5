"""`turnwise export` and `turnwise import`: everything a server knows, as files, and back.

`turnwise import elevenlabs` is in `hosted.py`.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from turnwise.base.errors import ConfigError
from turnwise.cli.hosted import HOSTED, bring_hosted
from turnwise.settings import Settings, load

if TYPE_CHECKING:
    from turnwise.store.transfer import Moved, Step

TOML = Path("turnwise.toml")
BLOBS = "blobs"
VAULT_KEY = "vault.key"

Folder = Annotated[Path, typer.Argument(help="Where the files are.")]
Source = Annotated[
    str,
    typer.Argument(
        help="Folder with the files, or `elevenlabs`: the hosted service.", metavar="SOURCE"
    ),
]
Key = Annotated[
    str,
    typer.Option(envvar="ELEVENLABS_API_KEY", help="API key of the hosted service.", metavar="KEY"),
]
From = Annotated[
    str, typer.Option("--from", help="Where the API of the hosted service is.", metavar="URL")
]
Audio = Annotated[bool, typer.Option("--audio", help="Also recordings from the hosted service.")]
Data = Annotated[Path | None, typer.Option(help="Folder of the database, as of `serve`.")]
WithSecrets = Annotated[
    bool,
    typer.Option(
        "--with-secrets", help="Also the key that opens the stored secrets. Guard the folder well."
    ),
]


def export(folder: Folder, data: Data = None, with_secrets: WithSecrets = False) -> None:
    """Write agents, tools, knowledge, conversations and recordings into a folder."""
    settings = load({"data": data}, os.environ, TOML)
    with _progress() as step:
        moved = asyncio.run(_export(settings, folder, step))
        files, _ = _copy(settings.data / BLOBS, folder / BLOBS, step)
    if with_secrets and (settings.data / VAULT_KEY).exists():
        target = folder / VAULT_KEY
        target.touch(mode=0o600)
        target.write_bytes((settings.data / VAULT_KEY).read_bytes())
    _tell({name: each.rows for name, each in moved.items()} | {"files": files}, f"in {folder}")


def bring(
    source: Source, key: Key = "", from_: From = HOSTED, audio: Audio = False, data: Data = None
) -> None:
    """Store what `turnwise export` wrote, or all that the hosted service has.

    What is there already is left as it is. From the hosted service, all keep their ids.
    """
    settings = load({"data": data}, os.environ, TOML)
    if source == "elevenlabs":
        with _progress() as step:
            report = bring_hosted(settings, from_, key or settings.elevenlabs_api_key, step, audio)
        typer.echo("\n".join(report.lines()))
        raise typer.Exit(0 if report.complete else 1)
    if audio or from_ != HOSTED:
        raise ConfigError(f"--audio and --from are for `import elevenlabs`, not for {source!r}")
    folder = Path(source)
    _take_vault_key(folder, settings.data)
    with _progress() as step:
        moved = asyncio.run(_import(settings, folder, step))
        _, files = _copy(folder / BLOBS, settings.data / BLOBS, step)
    _tell({name: each.new for name, each in moved.items()} | {"files": files}, "new")


def _take_vault_key(folder: Path, data: Path) -> None:
    brought = folder / VAULT_KEY
    if not brought.exists():
        return
    own = data / VAULT_KEY
    keys = brought.read_bytes().split()
    known = own.read_bytes().split() if own.exists() else []
    data.mkdir(parents=True, exist_ok=True)
    own.touch(mode=0o600)
    own.write_bytes(b"\n".join([*known, *(key for key in keys if key not in known)]) + b"\n")


async def _export(settings: Settings, folder: Path, step: "Step") -> "dict[str, Moved]":
    from turnwise.store import open_store  # noqa: PLC0415 - `--help` needs no database
    from turnwise.store.transfer import write_out  # noqa: PLC0415

    store = await open_store(settings.store_url, settings.data)
    try:
        return await write_out(store, folder, step)
    finally:
        await store.close()


async def _import(settings: Settings, folder: Path, step: "Step") -> "dict[str, Moved]":
    from turnwise.store import open_store  # noqa: PLC0415
    from turnwise.store.transfer import read_in  # noqa: PLC0415

    store = await open_store(settings.store_url, settings.data)
    try:
        return await read_in(store, folder, step)
    finally:
        await store.close()


def _copy(source: Path, target: Path, step: "Step") -> tuple[int, int]:
    """Copy files that the target has not, or not whole; return how many there are and were new."""
    done = new = 0
    try:
        for file in sorted(path for path in source.rglob("*") if path.is_file()):
            copy = target / file.relative_to(source)
            if not copy.exists() or copy.stat().st_size != file.stat().st_size:
                copy.parent.mkdir(parents=True, exist_ok=True)
                part = copy.with_name(f"{copy.name}.part")
                shutil.copyfile(file, part)
                part.replace(copy)
                new += 1
            done += 1
            step("files", done)
    except OSError as error:
        raise ConfigError(f"{error.filename} cannot be copied: {error.strerror}") from error
    return done, new


class Shown(Protocol):
    """Shows how far it is."""

    def __call__(self, what: str, done: int, total: int | None = None) -> None:
        """Be told what is moved, how many are done, and of how many; None: nobody knows."""


@contextmanager
def _progress() -> Iterator[Shown]:
    """Show how far it is, on a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        shown: dict[str, TaskID] = {}

        def step(what: str, done: int, total: int | None = None) -> None:
            if what not in shown:
                shown[what] = progress.add_task(what.replace("_", " "), total=None)
            progress.update(shown[what], completed=done, total=total)

        yield step


def _tell(counts: Mapping[str, int], tail: str) -> None:
    typer.echo(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
    typer.echo(tail)
