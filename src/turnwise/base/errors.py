"""Everything that can go wrong, as one tree.

Text like this in `str()`: what was wrong, the value, and what would be right. An `AssertionError`
is our own fault: it is never handled, only reported. A test compares this drawing with the classes.

    Error                    the base of all; catches everything of ours
    ├── ConfigError          the operator's mistake; on the command line: one sentence, exit code 2
    ├── FormatError          sound in a format we do not speak, or bytes that are not in theirs
    ├── ShapeError           plain data that is not what it should describe; names the place
    ├── JournalError         a journal that cannot be read; names the line
    └── ClockRanBackwards    an event handed to the engine after a later one
"""


class Error(Exception):
    """Something went wrong that a caller may want to handle."""

    code = "error"
    """Stable name for programs."""


class ConfigError(Error):
    """A setting or an argument of the operator cannot be used."""

    code = "config"


class FormatError(Error):
    """Sound is not in the format it should be in."""

    code = "format"


class ShapeError(Error):
    """Plain data does not have the shape it should have."""

    code = "shape"

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)
        self.where = where
        """Dotted path to the value; empty for the whole."""
        self.reason = reason
        """What is wrong with it."""


class JournalError(Error):
    """A journal cannot be read."""

    code = "journal"

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        """Number of the line, from 1."""
        self.reason = reason
        """What is wrong with it."""


class ClockRanBackwards(Error):  # noqa: N818 - it says what happened
    """An event is older than one that was already handled."""

    code = "clock"
