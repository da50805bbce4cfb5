"""Everything that can go wrong, as one tree.

Text like this in `str()`: what was wrong, the value, and what would be right. An `AssertionError`
is our own fault: it is never handled, only reported. A test compares this drawing with the classes.

    Error                    the base of all; catches everything of ours
    ├── ConfigError          the operator's mistake; on the command line: one sentence, exit code 2
    ├── FormatError          sound in a format we do not speak, or bytes that are not in theirs
    ├── ShapeError           plain data that is not what it should describe; names the place
    ├── JournalError         a journal that cannot be read; names the line
    ├── ClockRanBackwards    an event handed to the engine after a later one
    └── ProviderError        someone else's fault: names provider, kind and whether to try again
        ├── ProviderUnavailable   (retryable) no connection, 5xx, 429
        ├── ProviderTimeout       (retryable) no answer in time
        ├── ProviderRefused       credentials, quota, a request it does not take, a missing model
        └── ProviderBroken        an answer that cannot be read
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


class ClockRanBackwards(Error):
    """An event is older than one that was already handled."""

    code = "clock"


class ProviderError(Error):
    """A provider did not do its part."""

    code = "provider"
    retryable = False
    """Whether trying again may help."""

    def __init__(
        self,
        provider: str,
        reason: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{provider}: {reason}")
        self.provider = provider
        """Which one, as the registry names it."""
        self.reason = reason
        """What happened; without anything the user said."""
        self.status = status
        """HTTP status or close code, if there was one; else None."""
        self.retry_after_s = retry_after_s
        """How long the provider asks to be left alone, in seconds; None: it does not say."""


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached, or is overloaded."""

    code = "provider_unavailable"
    retryable = True


class ProviderTimeout(ProviderError):
    """The provider did not answer in time."""

    code = "provider_timeout"
    retryable = True


class ProviderRefused(ProviderError):
    """The provider will not: credentials, quota, a request it does not take, a missing model."""

    code = "provider_refused"


class ProviderBroken(ProviderError):
    """The provider's answer cannot be read."""

    code = "provider_broken"
