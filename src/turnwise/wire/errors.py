"""What is wrong with a client's message, said without the user's words."""

from collections.abc import Mapping

from turnwise.base.errors import Error

REASON_BYTES = 123
"""Longest reason of a close frame, in bytes of UTF-8."""  # RFC 6455, 5.5 and 7.1.6

_SHOWN_CHARS = 12


class WireError(Error):
    """The client broke the conversation protocol."""

    code = "wire"

    def __init__(
        self, reason: str, *, close_code: int = 1008, error_type: str = "invalid_message"
    ) -> None:
        super().__init__(reason)
        self.close_code = close_code
        """Close code of the socket (spec/wire-protocol.md, 1.4)."""
        self.error_type = error_type
        """The `error_type` of the error message."""

    @property
    def reason(self) -> str:
        """What is wrong, short enough for a close frame."""
        return close_reason(str(self))


def close_reason(text: str) -> str:
    """Return the text, or as much of its beginning as fits into a close frame."""
    data = text.encode("utf-8", errors="replace")
    if len(data) <= REASON_BYTES:
        return data.decode()
    return data[: REASON_BYTES - 3].decode("utf-8", errors="ignore") + "…"


def shown(value: object) -> str:
    """Return what a value is, for an error: of words at most the half, and not many."""
    match value:
        case str():
            half = value[: min(_SHOWN_CHARS, len(value) // 2)]
            return f"{half + '…'!r} ({len(value)} characters)"
        case Mapping():
            return f"an object with {len(value)} members"
        case list() | tuple():
            return f"a list of {len(value)}"
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case _:
            text = str(value)
            return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
