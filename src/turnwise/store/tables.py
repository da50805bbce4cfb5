"""The schema. A change here needs a migration; a test compares the two.

Documents are JSON as text: exact numbers, nulls and order come back. The columns beside them are
taken from the document (`hot.py`) and only there to be searched and sorted. Documents stand last:
SQLite then scans a table without reading them. Times in `…_us` are unix microseconds: what was made
within one second keeps its order.
"""

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    column,
    event,
    table,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

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

NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""What SQLite numbers its rows with must be called INTEGER."""

CONVERSATIONS = Table(
    "conversations",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("conversation_id", Text, nullable=False, unique=True),
    Column("agent_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("message_count", Integer, nullable=False),
    Column("tool_names", JSON, nullable=False),
    Column("head", JSON, nullable=False),
    Column("transcript", JSON, nullable=False),
    Index("conversations_by_start", "started_at", "number"),
    Index("conversations_by_agent", "agent_id", "started_at"),
    Index("conversations_by_status", "status"),
)
"""What lists are narrowed by is in `FACETS` and `TEXTS`, under the number of a conversation."""

FACETS = Table(
    "conversation_facets",
    METADATA,
    Column(
        "number",
        NUMBER,
        ForeignKey("conversations.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("facet", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("amount", Double),
    Column("started_at", BigInteger, nullable=False),
    Index("conversation_facets_by_value", "facet", "value", "started_at", "number"),
    sqlite_with_rowid=False,
)
Index(
    "conversation_facets_by_amount",
    FACETS.c.facet,
    FACETS.c.amount,
    FACETS.c.started_at,
    FACETS.c.number,
    sqlite_where=FACETS.c.amount.is_not(None),
    postgresql_where=FACETS.c.amount.is_not(None),
)

TEXTS = Table(
    "conversation_texts",
    METADATA,
    Column(
        "number",
        NUMBER,
        ForeignKey("conversations.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("started_at", BigInteger, nullable=False),
    Column("words", Text().with_variant(TSVECTOR, "postgresql"), nullable=False),
)
"""The words of a conversation that is over, each once."""

Index("conversation_texts_by_word", TEXTS.c.words, postgresql_using="gin").ddl_if("postgresql")

WORDS = table("conversation_words", column("rowid", Integer), column("conversation_words", Text))
"""The words on SQLite, which searches them in a table of its own: sqlite.org/fts5.html. Triggers
keep it as `TEXTS` is."""

for _statement in (
    (
        "CREATE VIRTUAL TABLE conversation_words USING fts5(words, content='conversation_texts',"
        " content_rowid='number', detail='none', columnsize=0, tokenize='ascii', prefix='2 3 4')"
    ),
    (
        "CREATE TRIGGER conversation_words_added AFTER INSERT ON conversation_texts BEGIN"
        " INSERT INTO conversation_words(rowid, words) VALUES (new.number, new.words); END"
    ),
    (
        "CREATE TRIGGER conversation_words_gone AFTER DELETE ON conversation_texts BEGIN"
        " INSERT INTO conversation_words(conversation_words, rowid, words)"
        " VALUES ('delete', old.number, old.words); END"
    ),
):
    _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(TEXTS, "after_create", _ddl.execute_if(dialect="sqlite"))

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("key_id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

RECORDS = Table(
    "records",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),
    Column("parent", Text),
    Column("label", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
    Index("records_by_creation", "kind", "created_us", "record_id"),
    Index("records_by_update", "kind", "updated_us", "record_id"),
    Index("records_by_name", "kind", "name_folded", "record_id"),
    Index("records_by_parent", "kind", "parent", "created_us", "record_id"),
)
"""Everything small, by kind."""

USES = Table(
    "uses",
    METADATA,
    Column("user_kind", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("used_kind", Text, primary_key=True),
    Column("used_id", Text, primary_key=True),
    Index("uses_by_used", "used_kind", "used_id", "user_kind", "user_id"),
)
"""Which document refers to which."""
