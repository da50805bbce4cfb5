"""`/v1/convai/users`: who talked to the agents, as far as clients said a `user_id`.

Users are no resource of their own: they are counted from the conversations, all of which are looked
through for each page.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from operator import attrgetter

from turnwise.api.conversations.filters import query_of
from turnwise.api.errors import NotOffered
from turnwise.api.places import page_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import ConversationQuery, Document, Transaction

users = Slice()

_AT_ONCE = 500
_COUNTS = (
    "scored_conversation_count",
    "positive_count",
    "neutral_count",
    "negative_count",
    "recent_scored_conversation_count",
    "recent_positive_count",
    "recent_neutral_count",
    "recent_negative_count",
)
_AVERAGES = (
    "average_sentiment_score",
    "average_frustration_score",
    "recent_average_sentiment_score",
    "recent_average_frustration_score",
)
NO_SENTIMENT: Document = dict.fromkeys(_COUNTS, 0) | dict.fromkeys(_AVERAGES)
"""Nobody scores how users feel here."""


@dataclass(slots=True)
class User:
    """What the conversations say about one user."""

    user_id: str
    last: Document
    """The head of the newest conversation."""
    first_contact: int
    """Unix seconds."""
    conversations: int = 0

    @property
    def last_contact(self) -> int:
        """Unix seconds."""
        return int(self.last["metadata"]["start_time_unix_secs"])


@users.serve("GET /v1/convai/users")
async def list_users(call: Call) -> Answer:
    """Return a page of users with the number of their conversations."""
    asked = call.query
    if asked["sort_by"] == "average_sentiment_score":
        raise NotOffered("This server does not score how users feel, so it cannot sort by it.")
    query = query_of(asked, page_size=_AT_ONCE)
    async with call.deps.store.reading() as tx:
        found = await _counted(tx, replace(query, user_id=asked.get("search") or None))
    key = "conversations" if asked["sort_by"] == "conversation_count" else "last_contact"
    found.sort(key=attrgetter("user_id"))
    found.sort(key=attrgetter(key), reverse=asked["sort_direction"] == "desc")
    page, next_cursor = page_of(found, asked["page_size"], asked.get("cursor"))
    return {
        "users": [_shown(user) for user in page],
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


async def _counted(tx: Transaction, query: ConversationQuery) -> list[User]:
    known: dict[str, User] = {}
    async for head in _heads(tx, query):
        if user_id := head.get("user_id"):
            started = head["metadata"]["start_time_unix_secs"]
            user = known.setdefault(user_id, User(user_id, head, started))
            user.first_contact = started  # the newest come first
            user.conversations += 1
    return list(known.values())


async def _heads(tx: Transaction, query: ConversationQuery) -> AsyncIterator[Document]:
    cursor = None
    while True:
        page = await tx.conversations.list(replace(query, cursor=cursor))
        for row in page.items:
            yield row.head
        cursor = page.next_cursor
        if cursor is None:
            return


def _shown(user: User) -> Document:
    return {
        "user_id": user.user_id,
        "last_contact_unix_secs": user.last_contact,
        "first_contact_unix_secs": user.first_contact,
        "conversation_count": user.conversations,
        "last_contact_agent_id": user.last["agent_id"],
        "last_contact_conversation_id": user.last["conversation_id"],
        "last_contact_agent_name": user.last.get("agent_name"),
        "sentiment": NO_SENTIMENT,
        "most_frustrated_conversations": [],
    }
