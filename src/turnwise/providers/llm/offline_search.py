"""Finds the sentence that answers a question: words, their stems, and a BM25 index of sentences."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_BULLET = re.compile(r"^(?:[-*•>]+|\d+[.)])\s+")
_HEADING = re.compile(r"^#+\s*|:$")

_COMMON = """
a about all also am an and any are as at be been but by can could did do does for from get give
go had has have he her here him his i i'd i'll i'm i've if in into is it it's its just know let
like may me might mine my need no not of off on or our out please she should so some tell than
that that's the their them then there these they this those to too up us very want was we were
what what's when which while who why will with would yes you you're your yours how kindly okay
ok well hey
"""
_STOPWORDS = frozenset(_COMMON.split())

_SAME = (
    ("cost", "price", "much", "expensive", "charge", "fee", "euro", "dollar", "pound", "€", "$"),
    ("open", "hour", "close", "o'clock", "time"),
    ("address", "locate", "location", "where", "street", "road", "find"),
    ("phone", "telephone", "number"),
    ("deliver", "delivery", "ship", "shipping", "shipment"),
    ("refund", "return", "money"),
    ("book", "reserve", "reservation", "booking"),
    ("name", "call"),
)
"""Words that may stand for each other in a question and its answer."""

_MEANING = {word: group[0] for group in _SAME for word in group}


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence that has something to do with a question."""

    text: str

    score: float
    """BM25: the higher, the better; to be compared within one search only."""

    coverage: float
    """How much of the question it speaks of, 0 to 1, rare words counting more."""


def terms(text: str) -> list[str]:
    """Return the words that carry meaning, in an order and form in which they compare."""
    stems = (stem(word) for word in _WORD.findall(text.lower()) if word not in _STOPWORDS)
    return [_MEANING.get(word, word) for word in stems]


def stem(word: str) -> str:
    """Cut the endings of an English word."""
    word = re.sub(r"['\u2019]s$", "", word)
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        rest = len(word) - len(ending)
        if word.endswith(ending) and rest >= 3 and not word.endswith("ss"):
            return word[:rest] + instead
    return word


def sentences(document: str) -> list[tuple[str, str]]:
    """Return the sentences of a text, each with the heading above it; "" for none."""
    found = []
    heading = ""
    for line in document.splitlines():
        bare = _BULLET.sub("", line.strip())
        if _HEADING.search(bare):
            heading = _HEADING.sub("", bare)
            continue
        found += [(sentence, heading) for sentence in _SENTENCE_END.split(bare) if sentence]
    return found


class Index:
    """Sentences, to be searched."""

    def __init__(self, entries: Sequence[tuple[str, str]]) -> None:
        """Index sentences, each with the heading above it, which says what it is about."""
        self._texts = [text for text, _ in entries]
        self._terms = [Counter(terms(f"{heading} {text}")) for text, heading in entries]
        self._known_in = Counter(term for each in self._terms for term in each)
        self._mean = sum(each.total() for each in self._terms) / max(1, len(entries))

    def search(self, query: Iterable[str]) -> list[Found]:
        """Return the sentences that share a term with the query, the best first."""
        weights = {term: self._weight(term) for term in query}
        whole = sum(weights.values())
        found = []
        for text, entry in zip(self._texts, self._terms, strict=True):
            if shared := weights.keys() & entry.keys():
                length = 0.5 + 0.5 * entry.total() / self._mean
                score = sum(
                    weights[term] * 2.2 * entry[term] / (entry[term] + 1.2 * length)
                    for term in sorted(shared)
                )
                coverage = sum(weights[term] for term in sorted(shared)) / whole
                found.append(Found(text, score, coverage))
        return sorted(found, key=lambda each: -each.score)

    def _weight(self, term: str) -> float:
        known_in = self._known_in[term]
        return math.log(1 + (len(self._texts) - known_in + 0.5) / (known_in + 0.5))


@lru_cache(maxsize=64)
def index_of(documents: tuple[str, ...]) -> Index:
    """Return the index of all sentences of some texts."""
    found = [entry for document in documents for entry in sentences(document)]
    # a document may stand in the prompt as well: the same sentence counts once
    once = {text: (text, heading) for text, heading in reversed(found)}
    return Index(list(reversed(once.values())))
