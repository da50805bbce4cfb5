"""Versions of an agent: what of its document they hold, and how they descend from each other."""

from collections.abc import Collection, Mapping
from typing import Any, Final

Document = dict[str, Any]

PLACE: Final = ("version_id", "branch_id", "main_branch_id")
"""Keys of a document that say which version it is; clients read them and do not store them."""

PER_AGENT: Final = frozenset(
    {
        "alerting",
        "archived",
        "auth",
        "ban",
        "call_limits",
        "privacy",
        "queueing_config",
        "sentiment_analysis",
        "topic_discovery",
        "trust_context",
    }
)
"""Platform settings that are the agent's own, the same in all of its versions."""
# docs "Agent versioning", settings reference; the shape lists these after the versioned ones

Parents = Mapping[str, Collection[str]]
"""Ids of all versions, the oldest first, each with those it was made from."""


def snapshot_of(document: Mapping[str, Any]) -> Document:
    """Return what a version holds of an agent's document."""
    settings = document.get("platform_settings") or {}
    kept = {key: value for key, value in document.items() if key not in PLACE}
    return kept | {"platform_settings": _only(settings, versioned=True)}


def at_version(
    document: Mapping[str, Any], snapshot: Mapping[str, Any], version_id: str, branch_id: str
) -> Document:
    """Return the document that an agent has in a version.

    Args:
        document: The agent's, in any version.
        snapshot: What the version holds.
        version_id: Which version it is.
        branch_id: The branch it was made on.
    """
    own = _only(document.get("platform_settings") or {}, versioned=False)
    return {
        **snapshot,
        "platform_settings": own | (snapshot.get("platform_settings") or {}),
        "version_id": version_id,
        "branch_id": branch_id,
        "main_branch_id": document.get("main_branch_id"),
    }


def with_settings_of(document: Mapping[str, Any], other: Mapping[str, Any]) -> Document:
    """Return a document with the agent's own platform settings of another of its versions."""
    versioned = _only(document.get("platform_settings") or {}, versioned=True)
    own = _only(other.get("platform_settings") or {}, versioned=False)
    return {**document, "platform_settings": versioned | own}


def ancestors(parents: Parents, version_id: str) -> frozenset[str]:
    """Return all that a version was made from, and itself."""
    found: set[str] = set()
    left = [version_id]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += parents.get(one, ())
    return frozenset(found)


def common_ancestor(parents: Parents, left: str, right: str) -> str | None:
    """Return the newest version that two versions were both made from; None: there is none."""
    shared = ancestors(parents, left) & ancestors(parents, right)
    # what is newest is no ancestor of another one
    return next((one for one in reversed(list(parents)) if one in shared), None)


def _only(settings: Mapping[str, Any], *, versioned: bool) -> Document:
    return {key: each for key, each in settings.items() if (key in PER_AGENT) is not versioned}
