"""The local copy of what the widget loads: files of npm packages, below the data folder."""

import gzip
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = "widget"
"""Where it is, in the data folder."""

_LIST: Final = "packages.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A folder with a folder for each version of a package, and a list of those in use."""

    folder: Path

    def versions(self) -> dict[str, str]:
        """Return the version in use of each package that is there, by the package's short name."""
        try:
            listed = json.loads((self.folder / _LIST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {str(name): str(version) for name, version in listed.items()}

    def has(self, package: str, version: str) -> bool:
        """Return whether a version of a package is there, in use or not."""
        place = f"{package}-{version}"
        return _NAME.fullmatch(place) is not None and (self.folder / place).is_dir()

    def file(self, place: str, name: str) -> Path | None:
        """Return a file that is there; None: it is not, or these are not names of such files.

        Args:
            place: The package and its version, with a hyphen between them.
            name: Of the file.
        """
        if not _NAME.fullmatch(place) or not _NAME.fullmatch(name):
            return None
        file = self.folder / place / name
        return file if file.is_file() else None

    def keep(self, package: str, version: str, files: Mapping[str, bytes]) -> None:
        """Store a version of a package: all of it, or nothing.

        Scripts are compressed here, so that no conversation waits for it.

        Raises:
            OSError: If the folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".part-", dir=self.folder))
        try:
            for name, data in files.items():
                (made / name).write_bytes(data)
                if name.endswith(".js"):
                    (made / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
            made.chmod(0o755)
            made.rename(self.folder / f"{package}-{version}")
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def use(self, package: str, version: str) -> None:
        """Have servers use a version that is there; they need no restart.

        Raises:
            OSError: If the folder cannot be written to.
        """
        part = self.folder / f".{_LIST}.part"
        part.write_text(json.dumps(self.versions() | {package: version}), encoding="utf-8")
        os.replace(part, self.folder / _LIST)  # noqa: PTH105 - says what it does to the old one
