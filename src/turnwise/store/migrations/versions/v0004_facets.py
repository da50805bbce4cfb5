"""What lists of conversations are narrowed by: facets and words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from turnwise.store.conversations import columns_of
from turnwise.store.facets import facets_of, searched_words

revision = "0004"
down_revision = "0003"

AT_ONCE = 200
"""How many conversations are copied at a time."""

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FTS_TABLE = (
    "CREATE VIRTUAL TABLE conversation_words USING fts5(words, content='conversation_texts',"
    " content_rowid='number', detail='none', columnsize=0, tokenize='ascii',"
    " prefix='2 3 4')"
)
FTS_ADDED = (
    "CREATE TRIGGER conversation_words_added AFTER INSERT ON conversation_texts BEGIN"
    " INSERT INTO conversation_words(rowid, words) VALUES (new.number, new.words); END"
)
FTS_GONE = (
    "CREATE TRIGGER conversation_words_gone AFTER DELETE ON conversation_texts BEGIN"
    " INSERT INTO conversation_words(conversation_words, rowid, words)"
    " VALUES ('delete', old.number, old.words); END"
)


def upgrade() -> None:
    """Number the conversations, and fill the new tables from their documents."""
    for index in ("start", "agent", "status"):
        op.drop_index(f"conversations_by_{index}", "conversations")
    op.rename_table("conversations", "conversations_before")
    conversations = op.create_table(
        "conversations",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False, unique=True),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("message_count", sa.Integer, nullable=False),
        sa.Column("tool_names", sa.JSON, nullable=False),
        sa.Column("head", sa.JSON, nullable=False),
        sa.Column("transcript", sa.JSON, nullable=False),
    )
    op.create_index("conversations_by_start", "conversations", ["started_at", "number"])
    op.create_index("conversations_by_agent", "conversations", ["agent_id", "started_at"])
    op.create_index("conversations_by_status", "conversations", ["status"])
    facets, texts = _facets(), _texts()
    _copy(conversations, facets, texts)
    op.drop_table("conversations_before")


def _number() -> sa.Column[int]:
    return sa.Column(
        "number",
        NUMBER,
        sa.ForeignKey("conversations.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )


def _facets() -> sa.Table:
    facets = op.create_table(
        "conversation_facets",
        _number(),
        sa.Column("facet", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("amount", sa.Double),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "conversation_facets_by_value",
        "conversation_facets",
        ["facet", "value", "started_at", "number"],
    )
    is_number = sa.text("amount IS NOT NULL")
    op.create_index(
        "conversation_facets_by_amount",
        "conversation_facets",
        ["facet", "amount", "started_at", "number"],
        sqlite_where=is_number,
        postgresql_where=is_number,
    )
    return facets


def _texts() -> sa.Table:
    texts = op.create_table(
        "conversation_texts",
        _number(),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("words", sa.Text().with_variant(TSVECTOR, "postgresql"), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in (FTS_TABLE, FTS_ADDED, FTS_GONE):
            op.execute(statement)
    else:
        op.create_index(
            "conversation_texts_by_word", "conversation_texts", ["words"], postgresql_using="gin"
        )
    return texts


def _copy(conversations: sa.Table, facets: sa.Table, texts: sa.Table) -> None:
    """Copy them in the order of their start, and find again what the columns are taken from.

    What is found is what the server of today finds: a later step that needs more finds it anew.
    """
    connection = op.get_bind()
    before = sa.table(
        "conversations_before",
        *(sa.column(name, sa.JSON) for name in ("head", "transcript")),
        *(sa.column(name) for name in ("conversation_id", "started_at")),
    ).c
    order = sa.select(before.conversation_id).order_by(before.started_at, before.conversation_id)
    ids = list(connection.execute(order).scalars())
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        query = sa.select(before.head, before.transcript).where(before.conversation_id.in_(part))
        rows = connection.execute(query).all()
        documents = [{**row.head, "transcript": row.transcript} for row in rows]
        documents.sort(key=lambda document: part.index(document["conversation_id"]))
        for number, document in enumerate(documents, start + 1):
            _add(connection, number, document, (conversations, facets, texts))
    if ids and connection.dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('conversations', 'number'), "
            "(SELECT max(number) FROM conversations))"
        )


def _add(
    connection: sa.Connection,
    number: int,
    document: dict[str, object],
    tables: tuple[sa.Table, sa.Table, sa.Table],
) -> None:
    conversations, facets, texts = tables
    columns = columns_of(document)
    at = {"number": number, "started_at": columns["started_at"]}
    connection.execute(conversations.insert().values({**columns, **at}))
    found = [
        {**at, "facet": name, "value": value, "amount": amount}
        for (name, value), amount in facets_of(document).items()
    ]
    connection.execute(facets.insert(), found)
    if document["status"] not in ("initiated", "in-progress"):
        connection.execute(texts.insert().values({**at, "words": searched_words(document)}))
