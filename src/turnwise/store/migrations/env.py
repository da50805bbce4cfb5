"""What Alembic runs for every command: on the connection it was given, in its transaction."""

from alembic import context

from turnwise.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite changes a table by writing it again
)
with context.begin_transaction():
    context.run_migrations()
