"""What must hold of branches and of how traffic is split between them."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from turnwise.agents.traffic import ALL_PERCENT
from turnwise.api.errors import Conflict, Invalid, Malformed, NotFound, problem
from turnwise.store import Record

Object = dict[str, Any]

SIGNS: Final = frozenset("()[]{}-/._ ")
"""What a name may hold beside letters and numbers."""


def check_name(name: str, others: Collection[Record]) -> None:
    """Check the name of a new branch, or the new name of one.

    Raises:
        Invalid: If it is not a name.
        Conflict: If another branch has it.
    """
    if not name.strip() or not all(char.isalnum() or char in SIGNS for char in name):
        allowed = "Branch names are made of letters, numbers and ()[]{}-/._ only"
        raise Invalid([problem("value_error", ["body", "name"], allowed)])
    if any(other.name == name for other in others):
        raise Conflict(
            f"The agent has a branch with the name {name}.", code="resource_already_exists"
        )


def refuse_archiving(branch: Record, split: Mapping[str, float], *, is_main: bool) -> None:
    """Check that a branch may be archived.

    Raises:
        Malformed: If it is main, or conversations are sent to it.
    """
    if is_main:
        raise Malformed("The main branch cannot be archived.", code="cannot_archive_main")
    if split.get(branch.record_id, 0) > 0:
        raise Malformed(
            f"{split[branch.record_id]:g} % of the traffic goes to this branch: deploy it"
            " elsewhere before you archive it.",
            code="branch_has_traffic",
        )


def split_of(requests: Sequence[Object], branches: Collection[Record]) -> dict[str, float]:
    """Return the percent of the traffic by branch that is asked for.

    Raises:
        NotFound: If there is no such branch.
        Malformed: If a branch is archived or named twice, or the sum is not 100.
    """
    known = {branch.record_id: branch for branch in branches}
    split: dict[str, float] = {}
    for request in requests:
        branch_id = request["branch_id"]
        if branch_id not in known:
            raise NotFound(f"Branch with id {branch_id} not found.", code="branch_not_found")
        if known[branch_id].document["is_archived"]:
            raise Malformed(f"The branch {branch_id} is archived.", code="branch_archived")
        if branch_id in split:
            raise Malformed(f"The branch {branch_id} is named twice.")
        split[branch_id] = request["deployment_strategy"]["traffic_percentage"]
    total = sum(split.values())
    if not math.isclose(total, ALL_PERCENT, abs_tol=1e-6):
        raise Malformed(
            f"The percentages must sum to 100; these sum to {total:g}.",
            code="invalid_traffic_percentage",
        )
    return split
