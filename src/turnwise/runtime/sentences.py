"""Where to cut a growing text so that it can be spoken early and still sounds whole.

The first piece may be a clause, so that the voice begins while the model still writes; after that,
whole sentences. Laws: the pieces together are the text, character by character; no piece is cut
inside a word, or inside a mark (`[laughs]`, `<Joe>`).
"""

import re

from turnwise.audio.script import open_mark

# behind its mark a sentence may have quotes, and the end of a label: </Joe>
_SENTENCE_END = re.compile(
    r"""[.!?…。！？]+["'»”)\]]*(?:</[^<>]{1,60}>)?\s+"""  # noqa: RUF001 - full-width marks
)
_CLAUSE_END = re.compile(r"[,;:\u2013\u2014]\s+")
_ABBREVIATIONS = frozenset(
    {"mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "a.m", "p.m", "approx"}
    | {"dept", "est", "inc", "jr", "sr", "nr", "z.b", "bzw", "ca", "str"}
)
FIRST_CLAUSE_WORDS = 3
"""A first clause is spoken on its own from so many words."""
LONGEST = 220
"""Characters after which a sentence is cut at a clause, or between words."""


class SentenceCutter:
    """Cuts the text of one reply."""

    def __init__(self) -> None:
        self._rest = ""
        self._first = True

    def push(self, text: str) -> list[str]:
        """Take in more text; return the pieces that can be spoken now."""
        self._rest += text
        pieces = []
        while (end := self._cut()) is not None:
            pieces.append(self._rest[:end])
            self._rest = self._rest[end:]
            self._first = False
        return pieces

    def flush(self, *, whole: bool = True) -> str:
        """Return what is left.

        Args:
            whole: Whether the text is complete; else it must be spoken as far as it goes, and a
                mark that has only begun is kept.
        """
        end = None if whole else open_mark(self._rest)
        rest, self._rest = self._rest[:end], "" if end is None else self._rest[end:]
        self._first = self._first and not rest.strip()
        return rest

    @property
    def pending(self) -> bool:
        """Whether words wait for the end of their sentence."""
        return bool(self._rest.strip())

    def _cut(self) -> int | None:
        for match in _SENTENCE_END.finditer(self._rest):
            if not _is_abbreviation(self._rest[: match.start()], match.group()):
                return match.end()
        if self._first:
            for match in _CLAUSE_END.finditer(self._rest):
                if len(self._rest[: match.start()].split()) >= FIRST_CLAUSE_WORDS:
                    return match.end()
        if len(self._rest) > LONGEST:
            return self._cut_long()
        return None

    def _cut_long(self) -> int | None:
        head = self._rest[:LONGEST]
        head = head[: open_mark(head)]
        clauses = [match.end() for match in _CLAUSE_END.finditer(head)]
        space = head.rfind(" ") + 1
        return clauses[-1] if clauses else space or None


def _is_abbreviation(before: str, end: str) -> bool:
    if not end.startswith(".") or end.startswith(".."):
        return False
    words = before.split()
    last = words[-1].casefold().lstrip("(\"'") if words else ""
    return last in _ABBREVIATIONS or (len(last) == 1 and last.isalpha() and last != "i")
