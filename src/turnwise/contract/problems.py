"""What is wrong with a value, in the form of the published 422 answers."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import ErrorDetails, ValidationError

from turnwise.base.errors import Error

Problem = dict[str, Any]
"""One entry of a 422 answer: `type`, `loc`, `msg`, `input`, and `ctx` where it has one."""

Place = tuple[str | int, ...]
"""Where in a request something is: `("body", "turn", 3)`."""


class ContractError(Error):
    """A value is not in its published shape."""

    code = "contract"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem["msg"]) for problem in problems))
        self.problems = tuple(problems)
        """What is wrong where; never empty."""


def problems_of(error: ValidationError, at: Place, *, embedded: bool = False) -> list[Problem]:
    """Return the entries that tell of a failed validation.

    Args:
        error: What the validator raised.
        at: The place of the validated value.
        embedded: Whether the value's fields were separate parameters: what is missing of them then
            has no input.
    """
    details = error.errors(include_url=False)
    return [_problem(detail, at, embedded=embedded) for detail in details]


def _problem(detail: ErrorDetails, at: Place, *, embedded: bool) -> Problem:
    lone = embedded and detail["type"] == "missing" and len(detail["loc"]) == 1
    found: Problem = {
        "type": detail["type"],
        "loc": [*at, *detail["loc"]],
        "msg": detail["msg"],
        "input": None if lone else detail["input"],
    }
    if "ctx" in detail:
        found["ctx"] = detail["ctx"]
    return found
