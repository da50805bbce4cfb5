"""What a caller of the REST API may have done wrong; `problems.py` makes answers of it.

RequestError
├── Malformed         the request cannot be read
├── Unauthenticated   nobody knows who is asking
├── Forbidden         it is known, and the answer is no
├── NotFound          there is no such thing
├── Conflict          it is there already, or in use
├── TooLarge          the body is larger than it may be
├── Invalid           the body is not in the published shape: names each place
├── LimitReached      too much, or too many at once
└── NotOffered        the published API has it, this server does not
"""

from collections.abc import Sequence
from typing import Any

from turnwise.base.errors import Error

Problem = dict[str, Any]
"""One entry of a 422 answer: `type`, `loc`, `msg`, and `input` where it helps."""


class RequestError(Error):
    """The request cannot be answered as it was meant."""

    code = "invalid_request"

    def __init__(self, message: str, *, code: str | None = None, legacy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        """One sentence for people."""
        self.code = code or type(self).code
        """The published `code`."""
        self.legacy = legacy or self.code
        """The published `status`: an older name, mostly the same."""


class Malformed(RequestError):
    """The request cannot be read."""


class Unauthenticated(RequestError):
    """Nobody knows who is asking."""

    code = "unauthorized"


class Forbidden(RequestError):
    """It is known who is asking, and the answer is no."""

    code = "forbidden"


class NotFound(RequestError):
    """There is no such thing."""

    code = "not_found"


class Conflict(RequestError):
    """It is there already, or in use."""

    code = "conflict"


class TooLarge(RequestError):
    """The body is larger than it may be."""

    code = "payload_too_large"


class LimitReached(RequestError):
    """Too much, or too many at once."""

    code = "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        legacy: str | None = None,
        retry_after_s: int,
    ) -> None:
        super().__init__(message, code=code, legacy=legacy)
        self.retry_after_s = retry_after_s
        """Seconds after which the same may be asked again."""


class NotOffered(RequestError):
    """The published API has it, this server does not."""

    code = "not_implemented"


class Invalid(RequestError):
    """The body is not in the published shape."""

    code = "invalid_parameters"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem["msg"]) for problem in problems))
        self.problems = tuple(problems)
        """What is wrong where."""


def problem(kind: str, loc: Sequence[str | int], msg: str) -> Problem:
    """Return one entry of a 422 answer.

    Args:
        kind: Its `type`, as pydantic names it: `missing`, `string_type`, …
        loc: The place, from `body` or `query` on.
        msg: What would be right.
    """
    return {"type": kind, "loc": list(loc), "msg": msg}
