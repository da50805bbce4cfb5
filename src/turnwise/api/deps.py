"""What the routes work with; `Depends` stands here and in `auth.py` only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from turnwise.store import Blobs, Signer, Store

MEBIBYTE = 1_048_576


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """Everything the API is given by the composition root."""

    store: Store
    blobs: Blobs
    signer: Signer

    public_url: str = ""
    """How clients reach this server; empty: as they asked for it."""

    max_body_bytes: int = 16 * MEBIBYTE
    """Size of the largest request body."""

    voices: Sequence[Mapping[str, Any]] = ()
    """What `GET /v1/voices` lists, in the published shape."""

    models: Sequence[Mapping[str, Any]] = ()
    """What `GET /v1/models` lists, in the published shape."""

    draining: Callable[[], bool] = _never
    """Whether this process takes no new conversations."""


def deps_of(request: Request) -> Deps:
    """Return what the application was made with."""
    deps = request.app.state.deps
    assert isinstance(deps, Deps)
    return deps


WithDeps = Annotated[Deps, Depends(deps_of)]
"""A route's parameter: everything it works with."""
