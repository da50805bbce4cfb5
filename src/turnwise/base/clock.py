"""Where time comes from: outside."""

from typing import Protocol

from turnwise.base.units import Millis


class Clock(Protocol):
    """Tells the time of one conversation. Never goes back."""

    def now(self) -> Millis:
        """Return the milliseconds since the conversation began."""
