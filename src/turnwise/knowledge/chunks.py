"""Cutting a text into the pieces that are searched and given to a model."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

CHUNK_CHARS = 1_000
"""Length that a chunk is filled to; none is longer."""

_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n")
_HEADING = re.compile(r"^#{1,6} ")
_MOST_OF_A_HEADING = 200
_GAP = "\n\n"


def chunks(text: str) -> list[str]:
    """Return the pieces of a text, in order.

    They end where paragraphs end, else where sentences do, else where words do. A heading begins a
    piece and stands above each one that follows under it, for it says what they are about.
    """
    writer = _Writer()
    for part in _parts(text):
        rest = part
        if _HEADING.match(part):
            heading, _, rest = part.partition("\n")
            writer.begin(heading[:_MOST_OF_A_HEADING])
            rest = f"{heading[_MOST_OF_A_HEADING:]}\n{rest}".strip()
        if rest:
            writer.add(rest)
    writer.end()
    return writer.done


@dataclass(slots=True)
class _Writer:
    done: list[str] = field(default_factory=list)
    heading: str = ""
    piece: str = ""
    news: bool = False
    """Whether the piece says anything that no piece before it said."""

    def begin(self, heading: str) -> None:
        self.end()
        self.heading = self.piece = heading
        self.news = True

    def end(self) -> None:
        if self.news:
            self.done.append(self.piece)
        self.piece, self.news = self.heading, False

    def add(self, part: str) -> None:
        if len(self.piece) + len(part) + len(_GAP) > CHUNK_CHARS and self.piece != self.heading:
            self.end()
        for number, text in enumerate(_cut(part, CHUNK_CHARS - len(self.heading) - len(_GAP))):
            if number:
                self.end()
            self.piece = f"{self.piece}{_GAP}{text}" if self.piece else text
            self.news = True


def _parts(text: str) -> Iterator[str]:
    for part in _PARAGRAPH.split(text):
        if part.strip():
            yield part.strip()


def _cut(part: str, room: int) -> list[str]:
    """Return a paragraph in pieces of at most so many characters; at least one."""
    if len(part) <= room:
        return [part]
    pieces = [""]
    for sentence in _SENTENCE.split(part):
        for word in _words(sentence, room):
            if len(pieces[-1]) + len(word) + 1 > room:
                pieces.append(word)
            else:
                pieces[-1] = f"{pieces[-1]} {word}" if pieces[-1] else word
    return [piece for piece in pieces if piece]


def _words(sentence: str, room: int) -> list[str]:
    """Return a sentence as it is where it fits, else its words, else pieces of words."""
    if len(sentence) <= room:
        return [sentence]
    return [
        word[start : start + room]
        for word in sentence.split()
        for start in range(0, len(word), room)
    ]
