"""Who may do what with what is stored here, as answers say it."""

from typing import Any

from turnwise.api.identity import USER_ID

ACCESS: dict[str, Any] = {
    "is_creator": True,
    "creator_name": "Turnwise",
    "creator_email": "",
    "role": "admin",
}
"""Whoever holds a key of this server is its administrator."""


def is_mine(created_by: str | None) -> bool:
    """Return whether a filter by creator finds anything: all is the one user's."""
    return created_by in {None, "", "@me", USER_ID}
