"""Pronunciation dictionaries: what is spoken in place of what is written.

Only aliases are acted on. A phoneme would need a voice that reads phonemes, and is skipped, as the
hosted service's models do that read none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text, and what is spoken for it."""

    written: str
    spoken: str


class Pronunciation:
    """Some rules, ready for use. Where two of them fit, the first one holds."""

    def __init__(self, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        """Take rules in the published shape; phonemes are left out.

        Args:
            rules: `string_to_replace`, `type`, `alias`, `case_sensitive`, `word_boundaries`.
        """
        aliases = [rule for rule in rules if rule["type"] == "alias" and rule["string_to_replace"]]
        self._spoken = [str(rule["alias"]) for rule in aliases]
        self._pattern = re.compile("|".join(f"({_pattern(rule)})" for rule in aliases))

    def segments(self, text: str) -> list[Segment]:
        """Return a text in pieces: those that are spoken as they are written, and the others."""
        if not self._spoken:
            return [Segment(text, text)] if text else []
        found: list[Segment] = []
        end = 0
        for match in self._pattern.finditer(text):
            if match.start() > end:
                plain = text[end : match.start()]
                found.append(Segment(plain, plain))
            assert match.lastindex is not None
            found.append(Segment(match.group(), self._spoken[match.lastindex - 1]))
            end = match.end()
        if end < len(text):
            found.append(Segment(text[end:], text[end:]))
        return found


def _pattern(rule: Mapping[str, Any]) -> str:
    written = re.escape(rule["string_to_replace"])
    if rule.get("word_boundaries", True):
        written = rf"(?<!\w){written}(?!\w)"
    return written if rule.get("case_sensitive", True) else f"(?i:{written})"
