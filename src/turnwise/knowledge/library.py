"""The stored documents as agents use them: whole in the prompt, or the right chunks of them.

A document is a record of the kind `KNOWLEDGE`; what it says is a record of the kind `TEXT` under
the same id, so that lists stay small. Folders are documents that others have as their parent.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from turnwise.agents.config import KnowledgeLocator, Rag
from turnwise.agents.prompt import Document
from turnwise.knowledge.chunks import chunks
from turnwise.knowledge.lexical import Entry, Hit, LexicalIndex
from turnwise.store import Record, Store, Transaction

KNOWLEDGE: Final = "knowledge"
TEXT: Final = "knowledge_text"
FOLDER: Final = "folder"
"""Type, and label, of a folder."""

WHOLE_CHARS: Final = 300_000
"""Length up to which all documents of an agent without retrieval are in its prompt; the hosted
service allows as many outside retrieval."""
SMALL_BYTES: Final = 500
"""Size below which a document is not searched but always in the prompt, as published."""
_SEARCHED_CHUNKS: Final = 1_000
"""How many of the best chunks a search looks at."""
_AT_ONCE: Final = 20
"""Documents whose texts are in memory together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What one agent knows."""

    whole: tuple[Document, ...] = ()
    """Always in its prompt."""
    searched: Mapping[str, str] = field(default_factory=dict)
    """Names of the documents of which it is told the chunks that fit, by id."""
    missing: tuple[str, ...] = ()
    """Ids of documents that are not there any more."""
    index: LexicalIndex | None = None
    """None: nothing is searched."""
    rag: Rag = field(default_factory=Rag)

    def found(self, query: str) -> tuple[Document, ...]:
        """Return the passages of searched documents that fit some words, the best document first.

        The passages of one document are in its own order.
        """
        if self.index is None:
            return ()
        hits = self.index.search(query, self.searched, self.rag.max_retrieved_rag_chunks_count)
        kept: dict[str, list[Hit]] = {}
        left = self.rag.max_documents_length
        for hit in hits:
            left -= len(hit.text)
            if left < 0:
                break
            kept.setdefault(hit.document_id, []).append(hit)
        return tuple(
            Document(
                name=self.searched[document_id],
                text="\n\n".join(hit.text for hit in sorted(some, key=lambda each: each.number)),
            )
            for document_id, some in kept.items()
        )


class Library:
    """Finds documents. One for each process; it keeps nothing that is not in the store."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._index = LexicalIndex()
        self._reading = asyncio.Lock()

    async def search(self, store: Store, records: Collection[Record], query: str) -> list[Hit]:
        """Return the best chunk of each of these documents that fits a query, the best first."""
        await self._take_in(store, records)
        ids = [record.record_id for record in records]
        hits = await asyncio.to_thread(self._index.search, query, ids, _SEARCHED_CHUNKS)
        best: dict[str, Hit] = {}
        for hit in hits:
            best.setdefault(hit.document_id, hit)
        return list(best.values())

    async def size(self, store: Store, locators: Sequence[Mapping[str, object]]) -> int:
        """Return how many characters the documents have that a configuration refers to."""
        wanted = [str(each.get("id")) for each in locators]
        async with store.reading() as tx:
            roots = await tx.records.many(KNOWLEDGE, wanted)
            return sum(map(_chars, await _leaves(tx, roots, wanted)))

    async def shelf(self, store: Store, locators: Sequence[KnowledgeLocator], rag: Rag) -> Shelf:
        """Return what an agent knows, by what its configuration refers to."""
        wanted = {each.id: each for each in locators}
        if not wanted:
            return Shelf()
        async with store.reading() as tx:
            roots = await tx.records.many(KNOWLEDGE, list(wanted))
            known = await _leaves(tx, roots, wanted)
            told = [
                record
                for record in known
                if _is_told(record, wanted.get(record.record_id), rag, known)
            ]
            texts = await tx.records.many(TEXT, [record.record_id for record in told])
        searched = {each.record_id: each for each in known} if len(told) < len(known) else {}
        for record in told:
            searched.pop(record.record_id, None)
        await self._take_in(store, searched.values())
        return Shelf(
            whole=tuple(
                Document(name=each.name, text=text_of(texts[each.record_id].document))
                for each in told
                if each.record_id in texts
            ),
            searched={each.record_id: each.name for each in searched.values()},
            missing=tuple(each for each in wanted if each not in roots),
            index=self._index if searched else None,
            rag=rag,
        )

    async def _take_in(self, store: Store, records: Iterable[Record]) -> None:
        versions = {record.record_id: record for record in records}
        async with self._reading:
            missing = self._index.missing({key: each.revision for key, each in versions.items()})
            for start in range(0, len(missing), _AT_ONCE):
                some = missing[start : start + _AT_ONCE]
                async with store.reading() as tx:
                    texts = await tx.records.many(TEXT, some)
                entries = [
                    (versions[key], text_of(texts[key].document) if key in texts else "")
                    for key in some
                ]
                await asyncio.to_thread(self._write, entries)

    def _write(self, entries: Iterable[tuple[Record, str]]) -> None:
        self._index.put(
            Entry(
                document_id=record.record_id,
                version=record.revision,
                name=record.name,
                chunks=chunks(text),
            )
            for record, text in entries
        )


def text_of(content: Mapping[str, object]) -> str:
    """Return the plain text of a record of the kind `TEXT`."""
    text = content.get("text")
    return str(content.get("markup") if text is None else text)


async def _leaves(
    tx: Transaction, roots: Mapping[str, Record], order: Iterable[str]
) -> list[Record]:
    """Return documents, and in place of each folder the documents in it, each once."""
    found: dict[str, Record] = {}
    left = [roots[key] for key in order if key in roots]
    seen: set[str] = set()
    while left:
        record = left.pop(0)
        if record.label != FOLDER:
            found.setdefault(record.record_id, record)
        elif record.record_id not in seen:
            seen.add(record.record_id)
            left[:0] = await tx.records.all(KNOWLEDGE, parent=record.record_id)
    return list(found.values())


def _is_told(
    record: Record, locator: KnowledgeLocator | None, rag: Rag, known: Sequence[Record]
) -> bool:
    if locator is not None and locator.usage_mode == "prompt":
        return True
    if rag.enabled:
        return int(record.document.get("size_bytes", 0)) < SMALL_BYTES
    return sum(_chars(each) for each in known) <= WHOLE_CHARS


def _chars(record: Record) -> int:
    return int(record.document.get("chars", 0))
