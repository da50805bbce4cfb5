"""What a reply says beside its words: in whose voice, and how.

`<Joe>Good evening.</Joe>` is spoken in the voice with that label (`tts.supported_voices`), and
`[laughs]` is an audio tag for voices that act on it. Neither is ever read aloud.

Laws: the passages of a text together are the text, character by character; labels do not nest; an
unknown label is the default voice; marks that a voice understands stay among its words.
"""  # spec/semantics.md, 12.2 and 12.3

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from turnwise.audio.alignment import Alignment

_AUDIO_TAG = r"\[[^\W\d_][^\[\]\n]{0,39}\](?!\()"
_ELEMENT = r"""</?[A-Za-z][\w-]*(?:\s+[\w:-]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>"""
_ANY_LABEL = r"</?[^<>/\s][^<>\n]{0,59}>"
"""Where an agent has several voices, all in angle brackets is a label, known or not."""
_SPOKEN_ELEMENT = re.compile(r"</?(?:break|phoneme)\b")
"""Of SSML, what voices understand that understand audio tags."""
_OPEN_MARK = re.compile(r"(?:<[^<>\s][^<>\n]{0,59}|<|\[[^\[\]\n]{0,39})$")


def open_mark(text: str) -> int | None:
    """Return where a mark begins that is not complete yet; None: there is none."""
    found = _OPEN_MARK.search(text)
    return None if found is None else found.start()


@dataclass(frozen=True, slots=True)
class Passage:
    """Words in one voice."""

    label: str
    """Of the voice; empty: the agent's own."""
    said: str
    """What the voice is given."""
    marks: tuple[tuple[int, str], ...] = ()
    """What is not said, and before which character of `said` it stands, in order."""

    @property
    def chars(self) -> int:
        """How many characters it was written with."""
        return len(self.said) + sum(len(mark) for _, mark in self.marks)

    def restored(self, alignment: Alignment, first: int) -> Alignment:
        """Return times of characters of `said` with the marks among them, which take no time.

        Args:
            alignment: Of some characters of `said`.
            first: Index of the first of them.
        """
        last = first + len(alignment.chars)
        at_end = last == len(self.said) and (last > first or not self.said)
        due = [m for m in self.marks if first <= m[0] < last or (at_end and m[0] == last)]
        if not due:
            return alignment
        chars, starts, durations = [], [], []
        now = alignment.starts_ms[0] if alignment.chars else 0
        for index in range(first, last + 1):
            if index < last:
                now = alignment.starts_ms[index - first]
            written = [char for at, mark in due if at == index for char in mark]
            chars += written
            starts += [now] * len(written)
            durations += [0] * len(written)
            if index < last:
                chars.append(alignment.chars[index - first])
                starts.append(now)
                durations.append(alignment.durations_ms[index - first])
                now += durations[-1]
        return Alignment(tuple(chars), tuple(starts), tuple(durations), alignment.estimated)


class Script:
    """Cuts one reply into passages, piece by piece: a label holds until it is closed."""

    def __init__(self, labels: Collection[str] = (), *, reads_tags: bool = False) -> None:
        """Begin in the agent's own voice.

        Args:
            labels: Of its other voices.
            reads_tags: Whether its voices act on audio tags.
        """
        self._labels = frozenset(labels)
        self._reads_tags = reads_tags
        self._label = ""
        angles = _ANY_LABEL if labels else _ELEMENT
        self._mark = re.compile(f"{_AUDIO_TAG}|{angles}")

    def passages(self, piece: str) -> Sequence[Passage]:
        """Return the passages of the next piece, whose marks are complete."""
        found: list[Passage] = []
        said, position = "", 0
        marks: list[tuple[int, str]] = []
        for match in self._mark.finditer(piece):
            mark = match.group()
            if self._is_said(mark):
                continue
            said += piece[position : match.start()]
            position = match.end()
            label = self._label if mark.startswith("[") else self._named(mark)
            if label != self._label and (said or marks):
                _add(found, Passage(self._label, said, tuple(marks)))
                said, marks = "", []
            self._label = label
            marks.append((len(said), mark))
        said += piece[position:]
        if said or marks:
            _add(found, Passage(self._label, said, tuple(marks)))
        return found

    def _is_said(self, mark: str) -> bool:
        return self._reads_tags and (mark.startswith("[") or bool(_SPOKEN_ELEMENT.match(mark)))

    def _named(self, mark: str) -> str:
        """Return the label that holds after a mark."""
        name = mark[1:-1].strip()
        return name if name in self._labels else ""


def voices_in(text: str, labels: Collection[str]) -> Sequence[tuple[str, str]]:
    """Return the words of a text by voice, in order; empty: the agent's own says it all.

    Args:
        text: As it was written.
        labels: Of the agent's other voices; words in its own have an empty one.
    """
    passages = [
        each for each in Script(labels, reads_tags=True).passages(text) if each.said.strip()
    ]
    if not any(each.label for each in passages):
        return ()
    return [(each.label, each.said.strip()) for each in passages]


def _add(passages: list[Passage], more: Passage) -> None:
    """Add a passage; one without words is the end of the one before it."""
    if more.said.strip() or not passages:
        passages.append(more)
        return
    last = passages[-1]
    marks = tuple((len(last.said) + at, mark) for at, mark in more.marks)
    passages[-1] = Passage(last.label, last.said + more.said, (*last.marks, *marks))
