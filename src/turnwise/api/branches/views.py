"""Branches, versions and deployments as clients read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from turnwise.agents.versions import Parents, ancestors
from turnwise.api.access import ACCESS
from turnwise.store import Record
from turnwise.store.histories import TIP

Object = dict[str, Any]


def version(record: Record, agent_id: str) -> Object:
    """Return what is told of a version."""
    told = record.document
    return {
        "id": record.record_id,
        "agent_id": agent_id,
        "branch_id": told["branch_id"],
        "version_description": told["version_description"],
        "seq_no_in_branch": told["seq_no_in_branch"],
        "time_committed_secs": record.created_at,
        "parents": {
            "in_branch_parent_id": None,
            "out_of_branch_parent_id": None,
            "merged_into_branch_id": None,
            "merged_from_branch_id": None,
            "merged_from_version_id": None,
            "rebased_from_version_id": None,
            **told["parents"],
        },
        "access_info": ACCESS,
        "merged_authors": None,
    }


def branch(
    record: Record, agent_id: str, parent: Record | None, latest: Sequence[Record], percent: float
) -> Object:
    """Return a branch with its newest versions.

    Args:
        record: The branch.
        agent_id: Whose it is.
        parent: The branch it was made from; None: it is main.
        latest: Its newest versions.
        percent: Its share of the traffic.
    """
    return {
        **_about(record, agent_id, percent),
        "parent_branch": parent and {"id": parent.record_id, "name": parent.name},
        "most_recent_versions": [version(each, agent_id) for each in latest],
    }


def branch_row(
    record: Record, agent_id: str, percent: float, draft: Record | None, calls: int
) -> Object:
    """Return a branch as it stands in a list.

    Args:
        record: The branch.
        agent_id: Whose it is.
        percent: Its share of the traffic.
        draft: The draft on it, if there is one.
        calls: Conversations of the last seven days.
    """
    behind = draft is not None and draft.document["version_id"] != record.document[TIP]
    return {
        **_about(record, agent_id, percent),
        "parent_branch_id": record.document["parent_branch_id"],
        "draft_exists": draft is not None,
        "draft_created_at": draft.created_at if draft else None,
        "draft_is_behind_tip": behind,
        "calls_7d": calls,
        "commits_ahead": None,
        "commits_behind": None,
        "merged_into_branch_id": record.document["merged_into_branch_id"],
    }


def distance(parents: Parents, record: Record, main: Record) -> Object:
    """Return how many versions a branch has that main lacks, and the other way round."""
    own = ancestors(parents, str(record.document[TIP]))
    theirs = ancestors(parents, str(main.document[TIP]))
    return {"commits_ahead": len(own - theirs), "commits_behind": len(theirs - own)}


def deployment(record: Record, *, active: bool) -> Object:
    """Return a deployment as it stands in the history."""
    return {
        "id": record.record_id,
        "traffic_percentage_branch_id_map": record.document["split"],
        "deployed_at_unix_secs": record.created_at,
        "is_active": active,
        "source": record.document["source"],
        "access_info": ACCESS,
    }


def percent_of(split: Mapping[str, float], branch_id: str, main_id: str) -> float:
    """Return a branch's share of the traffic; where nothing was deployed, main has all of it."""
    return split.get(branch_id, 0.0) if split else 100.0 * (branch_id == main_id)


def _about(record: Record, agent_id: str, percent: float) -> Object:
    told = record.document
    return {
        "id": record.record_id,
        "name": record.name,
        "agent_id": agent_id,
        "description": told["description"],
        "created_at": record.created_at,
        "last_committed_at": told["last_committed_at"],
        "is_archived": told["is_archived"],
        "protection_status": told["protection_status"],
        "access_info": ACCESS,
        "current_live_percentage": percent,
        "auto_rebase": told["auto_rebase"],
        "sync_status": told["sync_status"],
    }
