"""`/v1/convai/conversations/messages/text-search`: the messages that have words in them.

A word of the query stands for every word that begins with it, in any case. The store finds the
conversations in which all of them occur; here their messages are weighed: the more of the words,
the higher, and highest where they follow each other as in the query.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from turnwise.api.conversations.filters import query_of
from turnwise.api.errors import Invalid, NotOffered, problem
from turnwise.api.places import page_of
from turnwise.api.serving import Answer, Call, Slice
from turnwise.store import ConversationQuery, Document, Transaction

search = Slice()

MOST_CONVERSATIONS = 500
"""So many are looked into, the newest first."""
_AT_ONCE = 100
_PHRASE_BONUS = 0.5
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found."""

    conversation: Document
    index: int
    """In the transcript."""
    text: str
    score: float
    """Part of the query's words, and more for a phrase: above 0, at most 1.5."""

    @property
    def started(self) -> int:
        """Unix seconds of the beginning of the conversation."""
        return int(self.conversation["metadata"]["start_time_unix_secs"])


@search.serve("GET /v1/convai/conversations/messages/text-search")
async def search_messages(call: Call) -> Answer:
    """Return a page of messages that have the words of the query."""
    asked = call.query
    if asked["summary_mode"] == "include":
        raise NotOffered("This server offers no summaries in results of a search; get them by id.")
    words = words_of(asked["text_query"])
    if not words:
        msg = "Input should have a letter or a digit"
        raise Invalid([problem("value_error", ["query", "text_query"], msg)])
    query = query_of(asked, page_size=_AT_ONCE, search=asked["text_query"])
    async with call.deps.store.reading() as tx:
        hits = [hit async for hit in _hits(tx, query, words)]
    if asked["sort_by"] == "search_score":
        hits.sort(key=lambda hit: (-hit.score, -hit.started))
    page, next_cursor = page_of(hits, asked["page_size"], asked.get("cursor"))
    return {
        "meta": {"total": len(hits), "page": None, "page_size": asked["page_size"]},
        "results": [_shown(hit, words) for hit in page],
        "next_cursor": next_cursor,
        "has_more": next_cursor is not None,
    }


def words_of(text: str) -> list[str]:
    """Return the words of a text, as they are compared."""
    return [word.casefold() for word in _WORD.findall(text)]


def score_of(text: str, words: Sequence[str]) -> float:
    """Return how well a message fits to the words of a query: 0, not at all, to 1.5."""
    said = words_of(text)
    places = [{place for place, each in enumerate(said) if each.startswith(word)} for word in words]
    score = sum(1 for found in places if found) / len(words)
    chain = places[0]
    for found in places[1:]:
        chain = {place + 1 for place in chain} & found
    return score + (_PHRASE_BONUS if len(words) > 1 and chain else 0)


def segments(text: str, words: Sequence[str]) -> list[Document]:
    """Return a message in pieces, which say whether they are what was looked for."""
    pieces: list[Document] = []
    end = 0
    for match in _WORD.finditer(text):
        if not match.group().casefold().startswith(tuple(words)):
            continue
        if match.start() > end:
            pieces.append({"value": text[end : match.start()], "is_hit": False})
        pieces.append({"value": match.group(), "is_hit": True})
        end = match.end()
    if end < len(text):
        pieces.append({"value": text[end:], "is_hit": False})
    return pieces


async def _hits(
    tx: Transaction, query: ConversationQuery, words: Sequence[str]
) -> AsyncIterator[Hit]:
    for conversation_id in await _candidates(tx, query):
        conversation = await tx.conversations.get(conversation_id)
        for index, turn in enumerate(conversation["transcript"] if conversation else ()):
            text = turn.get("message") or ""
            if conversation and (score := score_of(text, words)):
                yield Hit(conversation, index, text, score)


async def _candidates(tx: Transaction, query: ConversationQuery) -> list[str]:
    found: list[str] = []
    cursor = None
    while len(found) < MOST_CONVERSATIONS:
        page = await tx.conversations.list(replace(query, cursor=cursor))
        found += [row.head["conversation_id"] for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found[:MOST_CONVERSATIONS]


def _shown(hit: Hit, words: Sequence[str]) -> Document:
    return {
        "conversation_id": hit.conversation["conversation_id"],
        "agent_id": hit.conversation["agent_id"],
        "agent_name": hit.conversation.get("agent_name"),
        "transcript_index": hit.index,
        "chunk_text": hit.text,
        "chunk_highlights": segments(hit.text, words),
        "score": hit.score,
        "conversation_start_time_unix_secs": hit.started,
    }
