"""Agents with their tags, conversations, API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_folded", sa.Text, nullable=False),
        sa.Column("voice_id", sa.Text, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("agents_by_creation", "agents", ["created_at", "agent_id"])
    op.create_index("agents_by_update", "agents", ["updated_at", "agent_id"])
    op.create_index("agents_by_name", "agents", ["name_folded", "agent_id"])
    op.create_table(
        "agent_tags",
        sa.Column(
            "agent_id",
            sa.Text,
            sa.ForeignKey("agents.agent_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("tag", sa.Text, primary_key=True),
    )
    op.create_index("agent_tags_by_tag", "agent_tags", ["tag", "agent_id"])
    _conversations()
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("duration_secs", sa.BigInteger, nullable=False),
        sa.Column("message_count", sa.Integer, nullable=False),
        sa.Column("head", sa.JSON, nullable=False),
        sa.Column("transcript", sa.JSON, nullable=False),
    )
    op.create_index("conversations_by_start", "conversations", ["started_at", "conversation_id"])
    op.create_index(
        "conversations_by_agent", "conversations", ["agent_id", "started_at", "conversation_id"]
    )
    op.create_index("conversations_by_status", "conversations", ["status"])
