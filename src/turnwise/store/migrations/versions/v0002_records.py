"""Records of everything small, and which document refers to which."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "records",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("record_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_folded", sa.Text, nullable=False),
        sa.Column("parent", sa.Text),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("records_by_creation", "records", ["kind", "created_us", "record_id"])
    op.create_index("records_by_update", "records", ["kind", "updated_us", "record_id"])
    op.create_index("records_by_name", "records", ["kind", "name_folded", "record_id"])
    op.create_index("records_by_parent", "records", ["kind", "parent", "created_us", "record_id"])
    op.create_table(
        "uses",
        sa.Column("user_kind", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("used_kind", sa.Text, primary_key=True),
        sa.Column("used_id", sa.Text, primary_key=True),
    )
    op.create_index("uses_by_used", "uses", ["used_kind", "used_id", "user_kind", "user_id"])
