"""`turnwise download`: the model of an engine that needs one."""

from pathlib import Path
from typing import Annotated

import typer

from turnwise.base.errors import ConfigError

Engine = Annotated[str, typer.Argument(help="As `turnwise doctor` names it: stt/moonshine.")]
To = Annotated[Path | None, typer.Option(help="Folder; without it, where the engine looks.")]


def download(engine: Engine, to: To = None) -> None:
    """Fetch the model of an engine. Files that are there already stay as they are."""
    from turnwise.providers.model_files import fetch, model_folder  # noqa: PLC0415 - for `--help`
    from turnwise.providers.registry import local_engines  # noqa: PLC0415

    specs = local_engines()
    model = specs[engine].model if engine in specs else None
    if model is None:
        raise ConfigError(
            f"{engine!r} has no model to fetch; it should be one of {', '.join(specs)}"
        )
    folder = to or model_folder(engine)
    typer.echo(f"{model.name}, {model.megabytes} MB, to {folder}; {specs[engine].licence}")
    try:
        fetch(engine, model, folder, typer.echo)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written to: {error.strerror}") from error
    kind, _, name = engine.partition("/")
    option = f' and TURNWISE_{kind.upper()}_OPTIONS=\'{{"path": "{folder}"}}\'' if to else ""
    typer.echo(f"Done. To use it: TURNWISE_{kind.upper()}={name}{option}")
    if reason := specs[engine].missing():
        typer.echo(f"But {reason}")
