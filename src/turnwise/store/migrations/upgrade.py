"""Bringing a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

FOLDER = Path(__file__).parent
LOCK = 0x7475726E
"""Number of the lock that processes which start together take turns with, on PostgreSQL."""


async def upgrade(engine: AsyncEngine) -> None:
    """Run the steps that a database has not seen, all or none.

    On SQLite the write transaction makes processes take turns, on PostgreSQL a lock does.
    """
    async with engine.execution_options(turnwise_writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        await connection.run_sync(migrate)


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the steps up to a revision in the transaction of a connection."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
