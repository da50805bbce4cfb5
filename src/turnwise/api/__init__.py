"""The REST surface: one slice per resource, in the published shapes.

A slice (`agents/`, `conversations/`, …) knows nothing of another one; what they share lies beside
them. `create_api` puts them together.
"""

from turnwise.api.app import create_api
from turnwise.api.deps import Deps

__all__ = ["Deps", "create_api"]
