"""npm packages that the widget consists of, from a registry, checked by their hashes."""

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

from turnwise.base.errors import Error
from turnwise.outgoing import Limits, Outgoing, OutgoingError

PUBLIC: Final = "https://registry.npmjs.org"
"""The registry that npm asks where nothing else is said."""

MEBIBYTE: Final = 1_048_576
_DESCRIPTION: Final = Limits(seconds=60.0, answer_bytes=32 * MEBIBYTE, redirects=3)
_TARBALL: Final = Limits(seconds=300.0, answer_bytes=32 * MEBIBYTE, redirects=3)
_FILE_BYTES: Final = 16 * MEBIBYTE
"""Size of the largest file that is unpacked."""
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+-]*", re.ASCII)


class RegistryError(Error):
    """A registry does not have what is wanted, or gives something else."""

    code = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package, and what is wanted of it."""

    name: str
    """As the registry knows it."""

    version: str
    """The one that the tests run."""

    integrity: str
    """The hash that this version was published with."""

    files: re.Pattern[str]
    """Paths in the tarball; the first group is the name that a file is kept under."""

    what: str
    """For people."""

    @property
    def short(self) -> str:
        """The name without its scope."""
        return self.name.rpartition("/")[2]


WIDGET: Final = Package(
    name="@elevenlabs/convai-widget-embed",
    version="0.5.4",
    integrity="sha512-oi22UV8PSJaBaa1XZrw/nRfsiOlzyci4444FAEqXuwF/qGGzQOsZljRP4IE9HKNo84yFch8BPZU/H8tNFRXkMw==",
    files=re.compile(r"package/(?:dist/)?(index\.js|LICENSE)"),
    what="the widget, MIT",
)
FLAGS: Final = Package(
    name="circle-flags",
    version="2.8.3",
    integrity="sha512-62gm4tY7evXzNdLP+nFOzxEtCagbY4nSnrPNn/yOWFAvApvOWCAvyqL+NeLN+nfhGOGc4L+oSgEheqM3XE5w7g==",
    files=re.compile(r"package/(?:flags/)?([a-z]{2}\.svg|LICENSE\.md)"),
    what="flags for its choice of languages, MIT",
)
RESAMPLER: Final = Package(
    name="@alexanderolsen/libsamplerate-js",
    version="2.1.2",
    integrity="sha512-pIXQDX/DZIgz6pKInUddDd6Tnq/s2E9g4ZITkKX60kxM/nAuZcxYa/z0y/jwJbjyp/oKe+8/qHLSqMzQ18xSiQ==",
    files=re.compile(r"package/(?:dist/)?(libsamplerate\.worklet\.js|LICENSE\.md)"),
    what="its resampler for Firefox, MIT",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version of a package, as a registry describes it."""

    version: str
    sha512: bytes
    tarball: str
    """Its URL."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry of npm packages."""

    outgoing: Outgoing
    url: str

    async def release(self, package: Package, wanted: str) -> Release:
        """Return the version of a package with a number, or with a tag such as `latest`.

        Raises:
            RegistryError: If there is none, or its hash is not the one it was published with.
        """
        address = f"{self.url.rstrip('/')}/{quote(package.name, safe='@')}"
        known = self._described(address, await self._get(address, _DESCRIPTION))
        versions, tags = _object(known.get("versions")), _object(known.get("dist-tags"))
        version = wanted if wanted in versions else str(tags.get(wanted))
        if version not in versions:
            there = ", ".join([*versions, *tags]) or "none"
            raise RegistryError(f"there is no {package.name} {wanted}; there are {there}")
        if not _VERSION.fullmatch(version):
            raise RegistryError(f"{address} has a version {version!r}, which is no version")
        dist = _object(_object(versions[version]).get("dist"))
        integrity, tarball = str(dist.get("integrity")), str(dist.get("tarball"))
        hashes = [each[7:] for each in integrity.split() if each.startswith("sha512-")]
        if not hashes:
            raise RegistryError(f"{address} has no sha512 hash of {version}: it cannot be checked")
        if version == package.version and f"sha512-{hashes[0]}" != package.integrity:
            raise RegistryError(
                f"{address} describes {version} by another hash than it was published with;"
                f" it should be {package.integrity}"
            )
        return Release(version=version, sha512=_decoded(hashes[0]), tarball=self._here(tarball))

    async def files(self, package: Package, release: Release) -> dict[str, bytes]:
        """Return the files of a package that are wanted, by name.

        Raises:
            RegistryError: If they cannot be had, or are not what the registry described.
        """
        data = await self._get(release.tarball, _TARBALL)
        if hashlib.sha512(data).digest() != release.sha512:
            raise RegistryError(
                f"{release.tarball} is not what its sha512 hash says: nothing of it was kept"
            )
        found = _unpacked(release.tarball, data, package.files)
        if not found:
            raise RegistryError(f"{release.tarball} holds no file like {package.files.pattern}")
        return found

    async def _get(self, url: str, limits: Limits) -> bytes:
        try:
            answer = await self.outgoing.request("GET", url, limits=limits)
        except OutgoingError as error:
            raise RegistryError(f"{url} cannot be fetched: {error}") from error
        if answer.status != 200:
            raise RegistryError(f"{url} cannot be fetched: the answer was {answer.status}")
        return answer.body

    def _described(self, address: str, body: bytes) -> dict[str, Any]:
        try:
            known = json.loads(body)
        except ValueError as error:
            raise RegistryError(f"{address} is not JSON: is {self.url} a registry?") from error
        return _object(known)

    def _here(self, tarball: str) -> str:
        """Return a tarball's URL; mirrors may name the public host, which npm replaces, too."""
        if urlsplit(tarball).hostname != urlsplit(PUBLIC).hostname:
            return tarball
        return self.url.rstrip("/") + urlsplit(tarball).path


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""  # fits nothing


def _unpacked(address: str, data: bytes, wanted: re.Pattern[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                match = wanted.fullmatch(member.name)
                reader = tar.extractfile(member) if match and member.isreg() else None
                if match is None or reader is None:
                    continue
                if member.size > _FILE_BYTES:
                    raise RegistryError(f"{member.name} in {address} is larger than {_FILE_BYTES}")
                found[match[1]] = reader.read()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, OSError) as error:
        raise RegistryError(f"{address} is not a tarball: {error}") from error
    return found
