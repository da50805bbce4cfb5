"""Finding chunks by their words: SQLite's full-text index (FTS5, BM25), in a temporary file.

It can be made again from the documents at any time, so nothing of it is kept. English endings are
cut (Porter), accents and case do not matter.
"""

import re
import sqlite3
import weakref
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

_SCHEMA = """
CREATE VIRTUAL TABLE chunk USING fts5 (
    name, text, document_id UNINDEXED, number UNINDEXED,
    tokenize = "porter unicode61 remove_diacritics 2"
);
CREATE TABLE document (document_id TEXT PRIMARY KEY, version INTEGER, first INTEGER, last INTEGER);
"""
_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 32
"""Of a query: those that follow are not looked for."""
_NAME_COUNTS = 2.0
"""How much more a word counts in the name of a document than in its text."""
_AT_ONCE = 50
"""Chunks written while nobody can search."""
_HIT, _END = "\x02", "\x03"
_PREFIX_FROM = 5
"""Letters of a word from which on it also finds what begins like it."""
_IDLE_WORDS = """
a about am an and any are as at be been but by can could did do does for from had has have he
her his how i if in into is it its just let may me might my no not of on or our please she
should so some tell than that the their them then there these they this those to too us was we
were what when where which while who why will with would you your
"""
_IDLE = frozenset(_IDLE_WORDS.split())
"""English words that are looked for only where a query has no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that fits a query."""

    document_id: str
    number: int
    """Of the chunk in its document, from 0."""
    text: str
    score: float
    """The higher, the better; to be compared within one query only."""
    snippet: tuple[tuple[str, bool], ...]
    """Part of the text, in pieces: their words, and whether these are words of the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document to be found."""

    document_id: str
    version: int
    """Another one whenever name or text is another one."""
    name: str
    chunks: Sequence[str]


class LexicalIndex:
    """Chunks of documents. May be used by several threads."""

    def __init__(self) -> None:
        """Begin with none."""
        # no name: a file that SQLite deletes, of which it keeps little in memory
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._connection.executescript(_SCHEMA)
        weakref.finalize(self, self._connection.close)
        self._lock = Lock()
        self._writing = Lock()

    def missing(self, versions: Mapping[str, int]) -> list[str]:
        """Return which of these documents are not there in this version."""
        with self._lock:
            known = dict(self._connection.execute("SELECT document_id, version FROM document"))
        return [each for each, version in versions.items() if known.get(each) != version]

    def put(self, entries: Iterable[Entry]) -> None:
        """Take in documents, each in place of what was known of it."""
        for entry in entries:
            with self._writing:
                self.remove([entry.document_id])
                self._write(entry)

    def remove(self, document_ids: Iterable[str]) -> None:
        """Forget documents."""
        for document_id in document_ids:
            with self._lock:
                found = self._connection.execute(
                    "DELETE FROM document WHERE document_id = ? RETURNING first, last",
                    (document_id,),
                ).fetchone()
                if found:
                    inside = "DELETE FROM chunk WHERE rowid BETWEEN ? AND ?"
                    self._connection.execute(inside, found)

    def search(self, query: str, among: Collection[str], limit: int) -> list[Hit]:
        """Return the chunks that have a word of the query, the best first.

        Args:
            query: Words as people write them; nothing in it is a command.
            among: Ids of the documents to search in.
            limit: How many to return.
        """
        matched = _expression(query)
        if not matched or not among:
            return []
        with self._lock:
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS asked (id TEXT PRIMARY KEY)")
            self._connection.execute("DELETE FROM asked")
            ids = [(each,) for each in among]
            self._connection.executemany("INSERT OR IGNORE INTO asked VALUES (?)", ids)
            rows = self._connection.execute(
                "SELECT document_id, number, text, bm25(chunk, ?, 1.0) AS rank_,"
                " snippet(chunk, 1, ?, ?, '…', 40) FROM chunk"
                " WHERE chunk MATCH ? AND document_id IN (SELECT id FROM asked)"
                " ORDER BY rank_, rowid LIMIT ?",
                (_NAME_COUNTS, _HIT, _END, matched, limit),
            ).fetchall()
        return [
            Hit(document_id=id_, number=number, text=text, score=-rank, snippet=_pieces(snippet))
            for id_, number, text, rank, snippet in rows
        ]

    def _write(self, entry: Entry) -> None:
        """Write the chunks of one document, in one row of numbers."""
        texts = list(enumerate(entry.chunks or [""]))
        rows = [(entry.name, text, entry.document_id, number) for number, text in texts]
        written = "INSERT INTO chunk VALUES (?, ?, ?, ?)"
        last = 0
        for start in range(0, len(rows), _AT_ONCE):
            with self._lock:
                self._connection.execute("BEGIN")
                self._connection.executemany(written, rows[start : start + _AT_ONCE])
                (last,) = self._connection.execute("SELECT last_insert_rowid()").fetchone()
                self._connection.execute("COMMIT")
        known = (entry.document_id, entry.version, last - len(rows) + 1, last)
        with self._lock:
            self._connection.execute("INSERT INTO document VALUES (?, ?, ?, ?)", known)


def _expression(query: str) -> str:
    """Return a query in the language of FTS5: any of the words, and what begins like long ones."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))
    telling = [word for word in words if word not in _IDLE] or words
    return " OR ".join(
        f'"{word}"' + ("*" if len(word) >= _PREFIX_FROM else "") for word in telling[:_MOST_WORDS]
    )


def _pieces(snippet: str) -> tuple[tuple[str, bool], ...]:
    found: list[tuple[str, bool]] = []
    for part in snippet.split(_HIT):
        hit, mark, rest = part.partition(_END)
        found += [(hit, True), (rest, False)] if mark else [(part, False)]
    return tuple(piece for piece in found if piece[0])
