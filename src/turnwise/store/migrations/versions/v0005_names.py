"""Which names of collected values and dynamic variables each conversation has, as facets."""

import sqlalchemy as sa
from alembic import op

from turnwise.store.facets import DATA, NAMES, VARIABLE, name_set

revision = "0005"
down_revision = "0004"

AT_ONCE = 500
"""How many conversations are asked about at a time."""

CONVERSATIONS = sa.table("conversations", sa.column("number"), sa.column("started_at"))
FACETS = sa.table(
    "conversation_facets", *(sa.column(name) for name in ("number", "facet", "value", "started_at"))
)


def upgrade() -> None:
    """Add the facets to the conversations there are."""
    connection, number, facet = op.get_bind(), FACETS.c.number, FACETS.c.facet
    # the step before finds what the server of today finds, and has added them to what it copied
    connection.execute(sa.delete(FACETS).where(facet.in_(NAMES.values())))
    named = sa.or_(facet.startswith(DATA), facet.startswith(VARIABLE))
    last = 0
    while True:
        some = sa.select(CONVERSATIONS).where(CONVERSATIONS.c.number > last)
        rows = connection.execute(some.order_by(CONVERSATIONS.c.number).limit(AT_ONCE)).all()
        if not rows:
            return
        these = number.between(rows[0].number, rows[-1].number)
        found: dict[int, list[tuple[str, str]]] = {row.number: [] for row in rows}
        for row in connection.execute(sa.select(number, facet).where(these, named)):
            found[row.number].append((row.facet, ""))
        new = [
            {
                "number": row.number,
                "facet": name,
                "value": name_set(kind, found[row.number]),
                "started_at": row.started_at,
            }
            for row in rows
            for kind, name in NAMES.items()
        ]
        connection.execute(sa.insert(FACETS), new)
        last = rows[-1].number
