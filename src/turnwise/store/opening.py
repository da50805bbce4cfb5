"""Opening a store: folder, key files, schema up to date."""

import sqlite3
from asyncio import to_thread
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from turnwise.base.errors import ConfigError
from turnwise.store.api_keys import KeyRing
from turnwise.store.blobs import LocalBlobs
from turnwise.store.migrations.upgrade import upgrade
from turnwise.store.origins import Origins, unix_secs
from turnwise.store.secret_file import load_secret, random_bytes
from turnwise.store.signing import Signer
from turnwise.store.sql import SqlStore, engine_for, translated
from turnwise.store.vault import Vault, new_key

PEPPER_FILE = "pepper.key"
SIGNING_FILE = "signing.key"
VAULT_FILE = "vault.key"
BLOBS_FOLDER = "blobs"


async def open_store(
    url: str, data_folder: Path, *, origins: Origins | None = None, fixed_key: str = ""
) -> SqlStore:
    """Return the store at a URL, its schema up to date.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
        data_folder: For the pepper of the API keys. It is made where there is none.
        origins: Where ids and the time come from; None: chance and the clock of the machine.
        fixed_key: An API key that always works, besides those in the table; empty: none.

    Raises:
        ConfigError: If the URL or the folder cannot be used.
        StoreUnavailable: If the database cannot be reached.
    """
    ring = KeyRing(pepper=_secret(data_folder / PEPPER_FILE), fixed=fixed_key)
    engine = engine_for(url)
    if engine.dialect.name == "sqlite" and engine.url.database:
        await to_thread(_probe, engine.url.database)
    try:
        await _migrate(engine)
    except BaseException:
        await engine.dispose()
        raise
    return SqlStore(engine, origins or Origins(), ring)


def open_blobs(data_folder: Path) -> LocalBlobs:
    """Return the blobs of a data folder."""
    return LocalBlobs(data_folder / BLOBS_FOLDER)


def open_signer(data_folder: Path, now: Callable[[], float] = unix_secs) -> Signer:
    """Return the signer of a data folder."""
    return Signer(_secret(data_folder / SIGNING_FILE), now)


def open_vault(data_folder: Path) -> Vault:
    """Return the vault of a data folder.

    Its file holds a key in each line. The first one seals and all of them open, so a new key goes
    above the old ones.

    Raises:
        ConfigError: If the file cannot be used.
    """
    path = data_folder / VAULT_FILE
    try:
        return Vault(_secret(path, new_key).split())
    except ValueError as exc:
        raise ConfigError(
            f"{path} should hold one key in each line; put back what was in it"
        ) from exc


async def _migrate(engine: AsyncEngine) -> None:
    try:
        with translated():
            await upgrade(engine)
    except DBAPIError as exc:
        reason = str(exc.orig).rpartition(": ")[2]
        raise ConfigError(f"the database cannot be used: {reason}") from exc


def _probe(file: str) -> None:
    """Open a SQLite file once, plainly: a failure here needs no thread to be cleaned up."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError as exc:
        raise ConfigError(f"the database file {file} cannot be used: {exc}") from exc
    except sqlite3.DatabaseError as exc:
        raise ConfigError(f"{file} is not a SQLite database; choose another file") from exc


def _secret(path: Path, make: Callable[[], bytes] = random_bytes) -> bytes:
    try:
        return load_secret(path, make)
    except OSError as exc:
        raise ConfigError(
            f"the data folder {path.parent} cannot be used: {exc.strerror}; choose another"
        ) from exc
