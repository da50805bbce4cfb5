"""The schema. A change here needs a migration; a test compares the two.

Documents are JSON as text: exact numbers, nulls and order come back. The columns beside them are
taken from the document (`hot.py`) and only there to be searched and sorted. Documents stand last:
SQLite then scans a table without reading them.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

METADATA = MetaData()

AGENTS = Table(
    "agents",
    METADATA,
    Column("agent_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("voice_id", Text, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("document", JSON, nullable=False),
    Index("agents_by_creation", "created_at", "agent_id"),
    Index("agents_by_update", "updated_at", "agent_id"),
    Index("agents_by_name", "name_folded", "agent_id"),
)

AGENT_TAGS = Table(
    "agent_tags",
    METADATA,
    Column(
        "agent_id",
        Text,
        ForeignKey("agents.agent_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("tag", Text, primary_key=True),
    Index("agent_tags_by_tag", "tag", "agent_id"),
)

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("conversation_id", Text, primary_key=True),
    Column("agent_id", Text, nullable=False),
    Column("user_id", Text),
    Column("status", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_secs", BigInteger, nullable=False),
    Column("message_count", Integer, nullable=False),
    Column("head", JSON, nullable=False),
    Column("transcript", JSON, nullable=False),
    Index("conversations_by_start", "started_at", "conversation_id"),
    Index("conversations_by_agent", "agent_id", "started_at", "conversation_id"),
    Index("conversations_by_status", "status"),
)

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
