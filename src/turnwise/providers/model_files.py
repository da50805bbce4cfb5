"""Models that a provider needs besides its package: what they are, and how they are fetched.

Nothing is fetched while a server runs: `turnwise download` does it before.
"""

import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from turnwise.base.errors import ProviderBroken, ProviderUnavailable

_TIMEOUT_S = 30.0
"""Longest time without a byte."""
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A model that lies in one folder."""

    name: str
    """Of the one that is fetched, for people."""

    url: str
    """Where its files are, without a slash at the end."""

    files: tuple[str, ...]
    """What is fetched from there."""

    megabytes: int
    """Size of all of them."""

    needed: tuple[str, ...]
    """Patterns of names; a folder with a file for each holds a model, this one or another."""

    def missing_in(self, folder: Path) -> list[str]:
        """Return the patterns for which the folder has no file; empty: it holds a model."""
        return [pattern for pattern in self.needed if not any(folder.glob(pattern))]


def model_folder(full_name: str) -> Path:
    """Return where the model of a provider lies if nothing else is said: `.../stt-moonshine`."""
    models = user_data_path("turnwise", appauthor=False) / "models"
    return models / full_name.replace("/", "-")


def fetch(full_name: str, model: ModelFiles, folder: Path, tell: Callable[[str], None]) -> None:
    """Fetch all files of a model that are not in the folder yet. A file is there whole or not.

    Args:
        full_name: The provider that needs them.
        model: What to fetch.
        folder: Where to put them; made if it is not there.
        tell: Is called with a sentence before each file.

    Raises:
        ProviderUnavailable: If they cannot be reached.
        ProviderBroken: If one ends before its end.
        OSError: If the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in model.files:
        if not (folder / name).is_file():
            tell(f"{name}, from {model.url}")
            _fetch_file(full_name, f"{model.url}/{name}", folder / name)


def _fetch_file(full_name: str, url: str, file: Path) -> None:
    part = file.with_name(file.name + ".part")
    request = urllib.request.Request(url, headers={"User-Agent": "turnwise"})  # noqa: S310 - ours
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310 - a spec's URL
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise ProviderUnavailable(full_name, f"cannot fetch {url}: {reason}") from error
    with closing(answer), part.open("wb") as writer:
        try:
            while block := answer.read(_BLOCK_BYTES):
                writer.write(block)
        except (TimeoutError, ConnectionError) as error:
            raise ProviderUnavailable(full_name, f"cannot fetch {url}: {error}") from error
        told = answer.headers.get("Content-Length")
        got = writer.tell()
    if told is not None and int(told) != got:
        part.unlink()
        raise ProviderBroken(full_name, f"{url} ended after {got} of {told} bytes; try again")
    part.replace(file)
