"""`turnwise widget`: the published widget, kept on one's own server."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from turnwise.base.errors import ConfigError
from turnwise.cli.serve import TOML
from turnwise.settings import Settings, load

if TYPE_CHECKING:
    from turnwise.web.widget_copy import LocalCopy
    from turnwise.web.widget_npm import Package, Registry

widget = typer.Typer(help="The widget for other people's pages.", no_args_is_help=True)

Version = Annotated[str, typer.Option(help="Or a tag; without it, the one that was tested.")]
RegistryUrl = Annotated[
    str | None,
    typer.Option("--registry", help="Of npm packages; without it, TURNWISE_NPM_REGISTRY."),
]
Data = Annotated[Path | None, typer.Option(help="The server's data folder.")]


@widget.callback()
def options() -> None:
    """Keep the published widget on your own server."""


@widget.command()
def fetch(version: Version = "", registry: RegistryUrl = None, data: Data = None) -> None:
    """Keep a copy of the widget and of what it loads: pages then need no other host."""
    from turnwise.web.widget_copy import FOLDER, LocalCopy  # noqa: PLC0415 - for `--help`

    settings = load({"data": data, "npm_registry": registry}, os.environ, TOML)
    copy = LocalCopy(settings.data.absolute() / FOLDER)
    try:
        asyncio.run(_fetch(settings, copy, version))
    except OSError as error:
        raise ConfigError(f"{copy.folder} cannot be written to: {error.strerror}") from error
    typer.echo("Done. Servers with this data folder give it to pages that load /widget.js.")
    if settings.widget_bundle_url:
        typer.echo(f"But they load it from widget_bundle_url: {settings.widget_bundle_url}")


async def _fetch(settings: Settings, copy: "LocalCopy", version: str) -> None:
    # `--help` needs none of it
    from turnwise.main import policy_of  # noqa: PLC0415
    from turnwise.outgoing import Outgoing  # noqa: PLC0415
    from turnwise.web.widget_npm import FLAGS, RESAMPLER, WIDGET, Registry  # noqa: PLC0415

    # the operator names the registry: it may be in the private network
    host, policy = urlsplit(settings.npm_registry).hostname or "", policy_of(settings)
    policy = replace(policy, allowed_hosts=policy.allowed_hosts | {host})
    outgoing = Outgoing(policy, proxy=settings.outgoing_proxy)
    try:
        registry = Registry(outgoing, settings.npm_registry)
        for package in (WIDGET, FLAGS, RESAMPLER):
            wanted = version if package is WIDGET and version else package.version
            typer.echo(f"{package.name} {wanted} ({package.what})")
            if not copy.has(package.short, wanted):
                wanted = await _kept(registry, copy, package, wanted)
            copy.use(package.short, wanted)
    finally:
        await outgoing.aclose()


async def _kept(registry: "Registry", copy: "LocalCopy", package: "Package", wanted: str) -> str:
    """Store what the registry has; return its version, which a tag leaves open."""
    release = await registry.release(package, wanted)
    if not copy.has(package.short, release.version):
        files = await registry.files(package, release)
        copy.keep(package.short, release.version, files)
        typer.echo(
            f"  {release.version}, {len(files)} files, sha512 as published by {registry.url}"
        )
    return release.version
