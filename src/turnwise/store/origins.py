"""Where the store gets what differs from run to run: ids and the time."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

ID_BYTES = 14
"""28 hexadecimal digits behind the prefix, as long as the published ids are."""


def random_id(prefix: str) -> str:
    """Return an id that nobody can guess."""
    return prefix + secrets.token_hex(ID_BYTES)


def unix_secs() -> float:
    """Return the seconds since 1970."""
    return datetime.now(UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where ids and the time come from."""

    new_id: Callable[[str], str] = random_id
    """Makes an id from its prefix."""

    now: Callable[[], float] = unix_secs
    """Tells the unix seconds."""

    def now_secs(self) -> int:
        """Return the time as it is stored."""
        return int(self.now())

    def now_us(self) -> int:
        """Return the time in microseconds, where what happens within a second has an order."""
        return int(self.now() * 1_000_000)
