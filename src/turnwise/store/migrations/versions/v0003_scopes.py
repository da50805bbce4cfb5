"""What an API key is good for, and the order that the keys were made in."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Write the table again: the keys there are may do everything."""
    op.rename_table("api_keys", "api_keys_before")
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO api_keys SELECT key_id, digest, name, hint, 'write', created_at * 1000000"
        " FROM api_keys_before"
    )
    op.drop_table("api_keys_before")
