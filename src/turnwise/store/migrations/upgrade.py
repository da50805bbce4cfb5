"""Bringing a database to the newest schema.

An empty database gets the schema as it is declared, and one that has the newest is left alone:
Alembic, whose import alone takes a quarter of a second, is for those in between.
"""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from turnwise.store.tables import METADATA

FOLDER = Path(__file__).parent
LOCK = 0x7475726E
"""Number of the lock that processes which start together take turns with, on PostgreSQL."""
VERSION = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), primary_key=True),
)
"""Where Alembic notes the last step that a database has seen."""


async def upgrade(engine: AsyncEngine) -> None:
    """Run the steps that a database has not seen, all or none.

    On SQLite the write transaction makes processes take turns, on PostgreSQL a lock does.
    """
    async with engine.execution_options(turnwise_writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        await connection.run_sync(_to_newest)


def newest() -> str:
    """Return the revision of the last step: its file is called `v…_….py`."""
    return max(path.name[1:5] for path in (FOLDER / "versions").glob("v[0-9]*.py"))


def _to_newest(connection: Connection) -> None:
    tables = inspect(connection).get_table_names()
    if not tables:
        METADATA.create_all(connection)
        VERSION.create(connection)
        connection.execute(VERSION.insert().values(version_num=newest()))
    elif VERSION.name not in tables or _version(connection) != newest():
        migrate(connection)


def _version(connection: Connection) -> str | None:
    return connection.execute(select(VERSION.c.version_num)).scalar()


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the steps up to a revision in the transaction of a connection."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
