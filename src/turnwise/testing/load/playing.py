"""When the caller hears what the agent says, and where the sound came too late."""

LATE_S = 0.01
"""A hole up to so long is no hole: the timers of the machine are no better."""


class Playing:
    """A client's clock of play: it plays what it has, and waits where it has nothing.

    Times are seconds of one clock that never goes back.
    """

    def __init__(self) -> None:
        """Begin with nothing to play."""
        self.reply = 0
        """Number of the newest reply of which there was sound; 0: of none."""
        self.ends_at = 0.0
        """When what has come so far will have been played."""
        self.begun_at = 0.0
        """When the newest reply began to be heard."""

    def take(self, reply: int, length_s: float, now: float) -> float:
        """Take in sound; return for how long the caller heard a hole before it, in seconds.

        Args:
            reply: To which reply it belongs. Silence between replies is no hole.
            length_s: How long it lasts.
            now: When it came.
        """
        hole_s = 0.0
        if reply > self.reply:
            self.reply, self.begun_at = reply, max(now, self.ends_at)
        elif now > self.ends_at + LATE_S:
            hole_s = now - self.ends_at
        self.ends_at = max(now, self.ends_at) + length_s
        return hole_s

    def stop(self, now: float) -> None:
        """Throw away what was not heard."""
        self.ends_at = min(self.ends_at, now)
